// A dataset directory of Liang et al. as rows of columns: train.csv, validation_{tr,te}.csv, test_{tr,te}.csv (each maybe .gz), unique_sid.txt. Read by train and evaluate.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { NamedUser } from "../ranking/evaluate.ts";
import { AppError } from "../runtime/errors.ts";

export interface Dataset {
  /** Item of each column, the lines of unique_sid.txt. */
  readonly items: readonly string[];
  /** Distinct columns of each training user, in file order. */
  readonly train: readonly Int32Array[];
  /** Named by their uid. */
  readonly validation: readonly NamedUser[];
  readonly test: readonly NamedUser[];
}

/** Throws FILE_MISSING without the directory, DATASET_MALFORMED naming file and line otherwise. */
export function readDataset(dir: string): Dataset {
  if (!existsSync(dir)) throw new AppError("FILE_MISSING", { what: "no such directory", path: dir });
  const items = readItems(dir, "unique_sid.txt");
  const rows = (name: string) => readRows(dir, name, items.length);
  const heldOut = (part: string) => pair(rows(`${part}_tr.csv`), rows(`${part}_te.csv`));
  const train = [...rows("train.csv").values()];
  if (train.length === 0) throw new AppError("DATASET_MALFORMED", { what: "no training user", file: "train.csv", line: 2 });
  return { items, train, validation: heldOut("validation"), test: heldOut("test") };
}

/** One item a line, each once: the line's number is the item's column. */
function readItems(dir: string, name: string): string[] {
  const items = readFile(dir, name)
    .toString("utf8")
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => line.trim());
  const lines = new Map<string, number>();
  items.forEach((item, k) => {
    const before = lines.get(item);
    const what = item === "" ? "a line without an item" : before && `item "${item}" stands in line ${before} already`;
    if (what) throw new AppError("DATASET_MALFORMED", { what, file: name, line: k + 1 });
    lines.set(item, k + 1);
  });
  return items;
}

/** Users in ascending id. One without a target stays in; whoever takes a mean leaves it out and says so. */
function pair(foldIns: ReadonlyMap<number, Int32Array>, targets: ReadonlyMap<number, Int32Array>): NamedUser[] {
  const none = new Int32Array(0);
  const users = [...new Set([...foldIns.keys(), ...targets.keys()])].sort((a, b) => a - b);
  return users.map((user) => ({ user: String(user), foldIn: foldIns.get(user) ?? none, target: targets.get(user) ?? none }));
}

function readFile(dir: string, name: string): Buffer {
  const path = join(dir, name);
  if (existsSync(path)) return read(path);
  if (!existsSync(`${path}.gz`))
    throw new AppError("DATASET_MALFORMED", { what: "neither the file nor its .gz is there", file: name, path: dir });
  try {
    return gunzipSync(read(`${path}.gz`));
  } catch (error) {
    if (error instanceof AppError) throw error;
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

const COMMA = 44;
const NEWLINE = 10;
const RETURN = 13;

/** Byte by byte: ML-20M has 8.5 M lines. Users in ascending id, each row distinct and in file order. */
function readRows(dir: string, name: string, items: number): Map<number, Int32Array> {
  const bytes = readFile(dir, name);
  const malformed = (what: string, line: number) => new AppError("DATASET_MALFORMED", { what, file: name, line });
  const headerEnd = bytes.indexOf(NEWLINE);
  const header = bytes.toString("utf8", 0, headerEnd < 0 ? bytes.length : headerEnd).trim();
  if (header !== "uid,sid") throw malformed(`the header is "${header.slice(0, 40)}", not "uid,sid"`, 1);

  const rows = new Map<number, Set<number>>();
  let line = 2;
  for (let at = headerEnd < 0 ? bytes.length : headerEnd + 1; at < bytes.length; line++) {
    const end = lineEnd(bytes, at);
    const comma = bytes.indexOf(COMMA, at);
    const user = comma < end ? integer(bytes, at, comma) : -1;
    const item = comma < end ? integer(bytes, comma + 1, bytes[end - 1] === RETURN ? end - 1 : end) : -1;
    if (user < 0 || item < 0) throw malformed(`"${bytes.toString("utf8", at, Math.min(end, at + 40))}" is not two whole numbers`, line);
    if (item >= items) throw malformed(`item ${item} is not below the ${items} lines of unique_sid.txt`, line);
    const row = rows.get(user);
    if (row) row.add(item);
    else rows.set(user, new Set([item]));
    at = end + 1;
  }
  return new Map([...rows].sort(([a], [b]) => a - b).map(([user, row]) => [user, Int32Array.from(row)]));
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
