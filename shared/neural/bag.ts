// The first layer as an embedding bag: a user's row times W1 is a weighted sum of a few embedding rows. Here the
// weights of that sum; the sum is a kernel's.
import { keepMask } from "../compute/draws.ts";
import type { Recipe } from "./recipe.ts";

/** Whose items are dropped, and how often: the key of a draw is one of `users`, beside seed and step. */
export interface Dropout {
  readonly seed: number;
  readonly step: number;
  readonly rate: number;
  readonly users: ArrayLike<number>;
}

/** Values of users' rows, with dropout where there is one. */
export function valuesOf(input: Recipe["input"], rows: readonly Int32Array[], dropout?: Dropout): Float32Array[] {
  const valued = input === "normalised" ? normalisedRow : rawRow;
  if (!dropout) return rows.map((row) => valued(row));
  const { seed, step, rate, users } = dropout;
  return rows.map((row, k) => valued(row, keepMask(seed, step, users[k]!, row.length, rate), rate));
}

/**
 * Value of each item of a user's row after L2 norm and dropout, in that order: 1/sqrt(n), kept items times 1/(1-rate),
 * dropped ones 0.
 */
export function normalisedRow(row: Int32Array, keep?: Uint8Array, rate = 0): Float32Array {
  return dropped(row, 1 / Math.sqrt(row.length), keep, rate);
}

/** The same without the norm: 1. */
function rawRow(row: Int32Array, keep?: Uint8Array, rate = 0): Float32Array {
  return dropped(row, 1, keep, rate);
}

function dropped(row: Int32Array, value: number, keep: Uint8Array | undefined, rate: number): Float32Array {
  const values = new Float32Array(row.length).fill(value / (keep ? 1 - rate : 1));
  if (keep) for (let k = 0; k < row.length; k++) if (keep[k] === 0) values[k] = 0;
  return values;
}
