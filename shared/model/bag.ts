// The first layer as an embedding bag: a user's row times W1 is a weighted sum of a few embedding rows. Here the weights of that sum; the sum is a kernel's.
import { keepMask } from "./draws.ts";

/** Whose items are dropped, and how often: the key of a draw but for its user. */
export interface Dropout {
  readonly seed: number;
  readonly step: number;
  readonly rate: number;
}

/** Values of users' rows, with dropout where there is one; `users` are the keys of its draws. */
export function valuesOf(rows: readonly Int32Array[], users: ArrayLike<number>, dropout?: Dropout): Float32Array[] {
  if (!dropout) return rows.map((row) => normalisedRow(row));
  const { seed, step, rate } = dropout;
  return rows.map((row, k) => normalisedRow(row, keepMask(seed, step, users[k]!, row.length, rate), rate));
}

/** Value of each item of a user's row after L2 norm and dropout, in that order: 1/sqrt(n), kept items times 1/(1-rate), dropped ones 0. */
export function normalisedRow(row: Int32Array, keep?: Uint8Array, rate = 0): Float32Array {
  const value = 1 / Math.sqrt(row.length) / (keep ? 1 - rate : 1);
  const values = new Float32Array(row.length).fill(value);
  if (keep) for (let k = 0; k < row.length; k++) if (keep[k] === 0) values[k] = 0;
  return values;
}
