// The data that a benchmark is of: what it holds, which bytes it was, and whether it is one of the paper's. Read once,
// before anything starts.
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { join } from "node:path";
import { toldDataset } from "../../../shared/corpus/corpus.ts";
import type { Dataset } from "../../../shared/corpus/dataset.ts";
import { AppError } from "../../../shared/errors/errors.ts";
import type { DataSet } from "../../../shared/systems/benchmarked.ts";
import { knownAs } from "./published.ts";

export interface Subject {
  readonly dir: string;
  readonly items: number;
  readonly users: { readonly train: number; readonly validation: number; readonly test: number };
  /** Rows of train.csv, each user's items once. */
  readonly interactions: number;
  /** Of all its files: the same data, wherever it lies. */
  readonly sha256: string;
  /** Null where it is none of the paper's. */
  readonly known: DataSet | null;
}

const parts = ["train", "validation_tr", "validation_te", "test_tr", "test_te"];

/**
 * Throws FILE_MISSING, FILE_UNREADABLE, DATASET_MALFORMED: without validation there is nothing to tune on, without test
 * nothing to report.
 */
export async function readSubject(dir: string, signal: AbortSignal): Promise<Subject> {
  const dataset = await toldDataset(dir, signal);
  for (const part of ["validation", "test"] as const) {
    if (!dataset[part].some(({ target }) => target.length > 0))
      throw new AppError("DATASET_MALFORMED", {
        what: `a benchmark needs ${part} users with items to predict`,
        file: `${part}_te.csv`,
      });
  }
  const users = { train: dataset.train.length, validation: dataset.validation.length, test: dataset.test.length };
  return {
    dir,
    items: dataset.items.length,
    users,
    interactions: dataset.train.reduce((sum, { length }) => sum + length, 0),
    sha256: await hashOf(dir),
    known: knownAs({ vocabularySha256: vocabularyHash(dataset), items: dataset.items.length, heldOut: users.test }),
  };
}

const vocabularyHash = ({ items }: Dataset) =>
  createHash("sha256")
    .update(items.map((item) => `${item}\n`).join(""))
    .digest("hex");

async function hashOf(dir: string): Promise<string> {
  const hash = createHash("sha256");
  for (const name of ["unique_sid.txt", ...parts.map((part) => `${part}.csv`)]) {
    const path = join(dir, name);
    for await (const chunk of createReadStream(existsSync(path) ? path : `${path}.gz`)) hash.update(chunk as Buffer);
  }
  return hash.digest("hex");
}
