// Which files a compaction merges, and where it cuts the merged rows into files again. Pure; compaction.ts reads and
// writes.
import type { EventBatch } from "../events/batch.ts";
import type { DataFile } from "./log.ts";

/** Bytes of a file that is not merged again, about. */
export const TARGET_BYTES = 32e6;
/** Rows merged at a time: about 300 bytes of memory each. */
export const UNIT_ROWS = 1_000_000;
/** Fewer files than this are left alone until more have come. */
const FEWEST_FILES = 8;
/** Bytes merged at a time, in target sizes: rows of long names take more than others. */
const UNIT_TARGETS = 4;

type Sizes = Pick<DataFile, "path" | "size" | "rows">;

/**
 * Files to merge, unit by unit, oldest first. A file of half the target's bytes or half a unit's rows is done. The last
 * unit, which more files may join, is only merged where it at least doubles the file that each of its rows is in: a
 * file that outweighs all the others waits for them. So a row is rewritten once for every doubling of its file, at most
 * log2(target / size of ingest's files) times, however small the files are that ingest writes.
 */
export function planCompaction<F extends Sizes>(
  files: readonly F[],
  targetBytes = TARGET_BYTES,
  unitRows = UNIT_ROWS,
): F[][] {
  const small = files.filter(({ size, rows }) => size < targetBytes / 2 && rows < unitRows / 2);
  const units: F[][] = [];
  let unit: F[] = [];
  let [rows, bytes] = [0, 0];
  for (const file of small) {
    if (rows + file.rows > unitRows || bytes + file.size > UNIT_TARGETS * targetBytes) {
      units.push(unit); // full: what comes of it is done, or nearly
      [unit, rows, bytes] = [[], 0, 0];
    }
    unit.push(file);
    rows += file.rows;
    bytes += file.size;
  }
  const last = balanced(unit);
  return last.length >= FEWEST_FILES ? [...units, last] : units;
}

/** Cheap enough to ask after every commit. */
export const isCompactionDue = (files: readonly Sizes[], targetBytes?: number): boolean =>
  planCompaction(files, targetBytes).length > 0;

/** Without the files that hold more bytes than all smaller ones together. */
function balanced<F extends Sizes>(files: readonly F[]): F[] {
  const ascending = [...files].sort((a, b) => a.size - b.size);
  let sum = ascending.reduce((sum, { size }) => sum + size, 0);
  while (ascending.length > 0 && 2 * ascending.at(-1)!.size > sum) sum -= ascending.pop()!.size;
  const kept = new Set(ascending);
  return files.filter((file) => kept.has(file));
}

/**
 * Ends of about `pieces` equal runs of `rows`, which stand in order of bucket and user: at the end of a bucket where a
 * bucket is shorter than a run, or else of a user, so that a reader who looks for a bucket or a user needs few files;
 * inside a user who alone is longer.
 */
export function cutsOf({ bucket, user: { numbers } }: EventBatch, rows: Uint32Array, pieces: number): number[] {
  const share = rows.length / pieces;
  const ends: number[] = [];
  for (let piece = 1; piece < pieces; piece++) {
    const ideal = Math.round(piece * share);
    const byBucket = nearestChange(ideal, share, (k) => bucket[rows[k - 1]!] !== bucket[rows[k]!], rows.length);
    const byUser =
      byBucket ?? nearestChange(ideal, share, (k) => numbers[rows[k - 1]!] !== numbers[rows[k]!], rows.length);
    ends.push(byUser ?? ideal);
  }
  return [...new Set([...ends, rows.length])].filter((end) => end > 0);
}

/** The place nearest to `ideal` and less than half a share away at which something changes. */
function nearestChange(
  ideal: number,
  share: number,
  changesAt: (row: number) => boolean,
  length: number,
): number | undefined {
  for (let away = 0; away < share / 2; away++) {
    for (const row of [ideal - away, ideal + away]) if (row > 0 && row < length && changesAt(row)) return row;
  }
  return undefined;
}
