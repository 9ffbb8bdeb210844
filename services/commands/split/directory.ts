// A split as a dataset directory, byte for byte as pandas writes it. It appears as a whole or not at all.
// shared/corpus/dataset.ts reads it.
import { existsSync } from "node:fs";
import { access, constants, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { LiangSplit, Rows } from "../../../shared/corpus/liang.ts";
import { makeDurable } from "../../../shared/disk/durable.ts";
import { AppError } from "../../../shared/errors/errors.ts";

const CHUNK = 1 << 20;
/** Two numbers of at most 10 digits, comma and newline. */
const LONGEST_LINE = 22;

/**
 * To be asked before the work begins. Throws USAGE when `dir` holds anything or is a file, FILE_UNREADABLE where
 * nothing can be written.
 */
export async function checkTarget(dir: string): Promise<void> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    if (error.code === "ENOTDIR")
      throw new AppError("USAGE", { what: `--out "${dir}" is a file, or lies below one` }, { cause: error });
    throw error;
  });
  if (names.length > 0)
    throw new AppError("USAGE", { what: `--out "${dir}" is not empty; name a new directory, or empty it first` });
  let parent = dirname(resolve(dir));
  while (!existsSync(parent)) parent = dirname(parent);
  await access(parent, constants.W_OK);
}

/** Throws USAGE when `dir` holds anything, CSV_MALFORMED when an id cannot stand on a line of its own. */
export async function writeDataset(dir: string, split: LiangSplit): Promise<void> {
  const files: Record<string, Iterable<Uint8Array> | string> = {
    "unique_sid.txt": lines("item", split.vocabulary),
    "unique_uid.txt": lines("user", split.users),
    "train.csv": csv(split.train),
    "validation_tr.csv": csv(split.validation.foldIn),
    "validation_te.csv": csv(split.validation.target),
    "test_tr.csv": csv(split.test.foldIn),
    "test_te.csv": csv(split.test.target),
  };
  const target = resolve(dir);
  const aside = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);
  try {
    await mkdir(aside, { recursive: true });
    for (const [name, chunks] of Object.entries(files)) await writeFile(join(aside, name), chunks, { flush: true });
    await makeDurable(aside);
    await checkTarget(target);
    await rename(aside, target); // an empty directory gives way
    await makeDurable(dirname(target)); // a rename is on the disk only when its directory is
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

function lines(kind: string, ids: readonly string[]): string {
  const broken = ids.find((id) => /[\r\n]/.test(id));
  if (broken !== undefined)
    throw new AppError("CSV_MALFORMED", { what: `the ${kind} ${JSON.stringify(broken)} holds a line break` });
  return `${ids.join("\n")}\n`;
}

/** In pieces: the training rows of ML-20M are 100 MB of text. */
function* csv({ uid, sid }: Rows): Iterable<Uint8Array> {
  let piece = Buffer.allocUnsafe(CHUNK);
  let at = piece.write("uid,sid\n");
  for (let row = 0; row < uid.length; row++) {
    if (at + LONGEST_LINE > CHUNK) {
      yield piece.subarray(0, at);
      piece = Buffer.allocUnsafe(CHUNK);
      at = 0;
    }
    at += piece.write(`${uid[row]},${sid[row]}\n`, at, "latin1");
  }
  yield piece.subarray(0, at);
}
