// A dataset directory for the benches that train: synthetic users of `perUser` items, long-tailed; held-out ones with a
// fifth of theirs as targets.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { longTailedRow } from "./rows.ts";

interface DatasetSize {
  readonly items: number;
  readonly perUser: number;
  /** Training users. */
  readonly users: number;
  readonly heldOut: number;
}

export function writeDataset(dir: string, { items, perUser, users, heldOut }: DatasetSize): void {
  mkdirSync(dir);
  const lines = (users: number, from: number, part: (row: Int32Array) => Int32Array) =>
    Array.from({ length: users }, (_, k) =>
      [...part(longTailedRow(from + k, perUser, items))].map((item) => `${from + k},${item}\n`).join(""),
    );
  const write = (name: string, rows: string[]) => writeFileSync(join(dir, name), `uid,sid\n${rows.join("")}`);
  const targets = Math.max(1, Math.floor(perUser / 5));
  write(
    "train.csv",
    lines(users, 0, (row) => row),
  );
  write(
    "validation_tr.csv",
    lines(heldOut, users, (row) => row.subarray(targets)),
  );
  write(
    "validation_te.csv",
    lines(heldOut, users, (row) => row.subarray(0, targets)),
  );
  write("test_tr.csv", []);
  write("test_te.csv", []);
  writeFileSync(join(dir, "unique_sid.txt"), Array.from({ length: items }, (_, k) => `i${k}\n`).join(""));
}
