// A dataset directory of Liang et al. as rows of columns: train.csv, validation_{tr,te}.csv, test_{tr,te}.csv (each
// maybe .gz), unique_sid.txt. Read by train and evaluate.
import { isUtf8 } from "node:buffer";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { AppError } from "../errors/errors.ts";
import type { NamedUser } from "../ranking/evaluate.ts";

export interface Dataset {
  /** Item of each column, the lines of unique_sid.txt. */
  readonly items: readonly string[];
  /** Distinct columns of each training user, in file order. */
  readonly train: readonly Int32Array[];
  /** Named by their uid. */
  readonly validation: readonly NamedUser[];
  readonly test: readonly NamedUser[];
}

/** Reads it in one go; see `readingDataset`. */
export function readDataset(dir: string): Dataset {
  const reading = readingDataset(dir);
  for (;;) {
    const { done, value } = reading.next();
    if (done) return value;
  }
}

const PARTS = ["train", "validation_tr", "validation_te", "test_tr", "test_te"].map((part) => `${part}.csv`);

/**
 * Yields now and then how much of it is read, 0 to 1, so that a service can breathe. Throws FILE_MISSING without the
 * directory, DATASET_MALFORMED naming file and line otherwise.
 */
export function* readingDataset(dir: string): Generator<number, Dataset> {
  if (!existsSync(dir)) throw new AppError("FILE_MISSING", { what: "no such directory", path: dir });
  const items = readItems(dir, "unique_sid.txt");
  const sizes = PARTS.map((name) => sizeOf(dir, name));
  const all = sizes.reduce((sum, size) => sum + size, 0);
  let before = 0;
  const rows: Map<number, Int32Array>[] = [];
  for (const [k, name] of PARTS.entries()) {
    const reading = readRows(dir, name, items.length);
    let step = reading.next();
    for (; !step.done; step = reading.next()) yield (before + step.value * sizes[k]!) / all;
    rows.push(step.value);
    before += sizes[k]!;
    if (k === 0 && step.value.size === 0)
      throw new AppError("DATASET_MALFORMED", { what: "no training user", file: "train.csv", line: 2 });
  }
  const [train, ...heldOut] = rows as [Map<number, Int32Array>, ...Map<number, Int32Array>[]];
  return {
    items,
    train: [...train.values()],
    validation: pair(heldOut[0]!, heldOut[1]!),
    test: pair(heldOut[2]!, heldOut[3]!),
  };
}

/** In bytes, packed or not: only shares of the whole follow from it. */
const sizeOf = (dir: string, name: string): number => {
  const path = [join(dir, name), join(dir, `${name}.gz`)].find((each) => existsSync(each));
  return path === undefined ? 1 : statSync(path).size;
};

/** One item a line, each once: the line's number is the item's column. */
function readItems(dir: string, name: string): string[] {
  const bytes = readFile(dir, name);
  if (!isUtf8(bytes))
    throw new AppError("DATASET_MALFORMED", { what: "the text is no UTF-8", file: name, line: firstBadLine(bytes) });
  const trimmed = bytes
    .toString("utf8")
    .replace(/^\ufeff/, "")
    .replace(/\n\s*$/, "")
    .split("\n")
    .map((line) => line.trim());
  const areQuoted = trimmed.every((line) => /^".*"$/.test(line));
  const items = areQuoted ? trimmed.map((line) => line.slice(1, -1).replaceAll('""', '"')) : trimmed;
  const lines = new Map<string, number>();
  items.forEach((item, k) => {
    const before = lines.get(item);
    const what = item === "" ? "a line without an item" : before && `item "${item}" stands in line ${before} already`;
    if (what) throw new AppError("DATASET_MALFORMED", { what, file: name, line: k + 1 });
    lines.set(item, k + 1);
  });
  return items;
}

function firstBadLine(bytes: Buffer): number {
  for (let line = 1, at = 0; at < bytes.length; line++) {
    const end = lineEnd(bytes, at);
    if (!isUtf8(bytes.subarray(at, end))) return line;
    at = end + 1;
  }
  return 1;
}

/** Users in ascending id. One without a target stays in; whoever takes a mean leaves it out and says so. */
function pair(foldIns: ReadonlyMap<number, Int32Array>, targets: ReadonlyMap<number, Int32Array>): NamedUser[] {
  const none = new Int32Array(0);
  const users = [...new Set([...foldIns.keys(), ...targets.keys()])].sort((a, b) => a - b);
  return users.map((user) => ({
    user: String(user),
    foldIn: foldIns.get(user) ?? none,
    target: targets.get(user) ?? none,
  }));
}

function readFile(dir: string, name: string): Buffer {
  const path = join(dir, name);
  if (existsSync(path)) return read(path);
  if (!existsSync(`${path}.gz`))
    throw new AppError("DATASET_MALFORMED", { what: "neither the file nor its .gz is there", file: name, path: dir });
  try {
    return gunzipSync(read(`${path}.gz`), { maxOutputLength: LARGEST });
  } catch (error) {
    if (error instanceof AppError) throw error;
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE")
      throw new AppError(
        "DATASET_MALFORMED",
        { what: "the gzip file holds more than 1 GiB", file: `${name}.gz` },
        { cause: error },
      );
    throw new AppError("DATASET_MALFORMED", { what: "the gzip file is damaged", file: `${name}.gz` }, { cause: error });
  }
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new AppError("FILE_UNREADABLE", { what: (error as Error).message, path }, { cause: error });
  }
}

/** Four times what MSD's training rows take. */
const LARGEST = 1 << 30;
const COMMA = 44;
const QUOTE = 34;
const NEWLINE = 10;
const RETURN = 13;

/** Lines from one breath to the next. */
const BREATH = 1 << 17;

/**
 * Byte by byte: ML-20M has 8.5 M lines. Users in ascending id, each row distinct and in file order. Yields how much of
 * the file is read.
 */
function* readRows(dir: string, name: string, items: number): Generator<number, Map<number, Int32Array>> {
  const bytes = readFile(dir, name);
  const malformed = (what: string, line: number) => new AppError("DATASET_MALFORMED", { what, file: name, line });
  const headerEnd = lineEnd(bytes, 0);
  const header = cellsOf(bytes, 0, headerEnd);
  const [uid, sid] = [header.indexOf("uid"), header.indexOf("sid")];
  const areBare = uid === 0 && sid === 1 && header.length === 2;
  // R's write.csv puts a column of row names before them, which has no name.
  if (!areBare && header.join() !== ",uid,sid")
    throw malformed(`the header is "${header.join().slice(0, 40)}", not "uid,sid"`, 1);

  const rows = new Map<number, Set<number>>();
  let line = 2;
  for (let at = headerEnd + 1; at < bytes.length; line++) {
    const end = lineEnd(bytes, at);
    const [user, item] =
      areBare && bytes[at] !== QUOTE
        ? pairIn(bytes, at, end)
        : pairOf(cellsOf(bytes, at, end), uid, sid, header.length);
    if (user < 0 || item < 0) {
      if (isBlank(bytes, at)) break; // lines behind the last row
      throw malformed(`"${bytes.toString("utf8", at, Math.min(end, at + 40))}" is not two whole numbers`, line);
    }
    if (item >= items) throw malformed(`item ${item} is not below the ${items} lines of unique_sid.txt`, line);
    const row = rows.get(user);
    if (row) row.add(item);
    else rows.set(user, new Set([item]));
    at = end + 1;
    if (line % BREATH === 0) yield at / bytes.length;
  }
  return new Map([...rows].sort(([a], [b]) => a - b).map(([user, row]) => [user, Int32Array.from(row)]));
}

/** Negative where it is none. */
function pairIn(bytes: Buffer, at: number, end: number): readonly [user: number, item: number] {
  const comma = bytes.indexOf(COMMA, at);
  if (comma < 0 || comma >= end) return [-1, -1];
  return [integer(bytes, at, comma), integer(bytes, comma + 1, bytes[end - 1] === RETURN ? end - 1 : end)];
}

function pairOf(
  cells: readonly string[],
  uid: number,
  sid: number,
  width: number,
): readonly [user: number, item: number] {
  const number = (cell: string | undefined) => {
    const digits = Buffer.from(cell ?? "");
    return integer(digits, 0, digits.length);
  };
  return cells.length === width ? [number(cells[uid]), number(cells[sid])] : [-1, -1];
}

/** Of one line of numbers, quoted or not. */
const cellsOf = (bytes: Buffer, at: number, end: number): string[] =>
  bytes
    .toString("utf8", at, Math.min(end, at + 200))
    .replace(/^\ufeff/, "")
    .split(",")
    .map((cell) => cell.trim().replace(/^"(.*)"$/, "$1"));

/** Nothing but blanks to the end. */
function isBlank(bytes: Buffer, from: number): boolean {
  for (let at = from; at < bytes.length; at++) if (bytes[at]! > 32) return false;
  return true;
}

function lineEnd(bytes: Buffer, from: number): number {
  const end = bytes.indexOf(NEWLINE, from);
  return end < 0 ? bytes.length : end;
}

/** -1 where the bytes are no whole number below 2^31. */
function integer(bytes: Buffer, from: number, to: number): number {
  if (to <= from || to - from > 10) return -1;
  let value = 0;
  for (let at = from; at < to; at++) {
    const digit = bytes[at]! - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value < 2 ** 31 ? value : -1;
}
