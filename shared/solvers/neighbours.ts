// Each item from a few others that say most of it, by a ridge regression of its own on them alone: what EASE and
// EDLAE come to where a matrix of all items squared has no room to be inverted. Shape: I items. Source:
// docs/design/baselines.md#sparse-edlae.
import { noBits, setBits } from "../ranking/bits.ts";
import { listOf } from "../ranking/metrics.ts";
import { factorise, solve } from "./cholesky.ts";
import { countOf, type Interactions } from "./interactions.ts";
import type { Range } from "./ranges.ts";

/** What threads share. */
export interface Pairs {
  readonly interactions: Interactions;
  /**
   * Users who have both of two items, for each pair once: of item i those with i + 1, i + 2, ... Whole numbers below
   * 2^24, so float32 holds them exactly. Half of what the square would take, and nothing else of its size.
   */
  readonly counts: Float32Array;
}

export const pairsOf = (interactions: Interactions): Pairs => {
  const items = countOf(interactions.byItem);
  return { interactions, counts: new Float32Array(new SharedArrayBuffer(pairBytes(items))) };
};

export const pairBytes = (items: number): number => 2 * items * (items - 1);

/** Where item i's pairs begin. */
const startOf = (item: number, items: number) => (item * (2 * items - item - 1)) / 2;

/** Counts the pairs of a range of items, each with those behind it. */
export function countPairs({ interactions: { byUser, byItem }, counts }: Pairs, { from, to }: Range): void {
  const items = countOf(byItem);
  const row_I = new Float32Array(items);
  for (let item = from; item < to; item++) {
    row_I.fill(0, item + 1);
    for (let at = byItem.starts[item]!; at < byItem.starts[item + 1]!; at++) {
      const user = byItem.entries[at]!;
      for (let k = byUser.starts[user + 1]! - 1; k >= 0 && byUser.entries[k]! > item; k--) row_I[byUser.entries[k]!]!++;
    }
    counts.set(row_I.subarray(item + 1), startOf(item, items));
  }
}

/** Weights of one item's column, from ascending items. */
export interface Column {
  readonly items: Int32Array;
  readonly values: Float64Array;
}

/**
 * The column of an item: from the `neighbours` others that would each alone leave the least of it, the weights with the
 * least squares and ridge, in float64. All others are as good as the inverse of the whole: -P_ij / P_jj.
 * `ridge_I`: D.
 */
export function columnSolver(
  { interactions: { byUser, byItem }, counts }: Pairs,
  neighbours: number,
  ridge_I: Float64Array,
): (item: number) => Column {
  const items = countOf(byItem);
  const row_I = new Float32Array(items);
  const gains_I = new Float32Array(items);
  const matrix = new Float64Array(Math.min(neighbours, items - 1) ** 2);
  const usersOf = (item: number) => byItem.starts[item + 1]! - byItem.starts[item]!;

  function chosen(item: number): Int32Array {
    row_I.fill(0);
    for (let at = byItem.starts[item]!; at < byItem.starts[item + 1]!; at++) {
      const user = byItem.entries[at]!;
      for (let k = byUser.starts[user]!; k < byUser.starts[user + 1]!; k++) row_I[byUser.entries[k]!]!++;
    }
    const masked = noBits(items);
    setBits(masked, [item]);
    for (let k = 0; k < items; k++) gains_I[k] = row_I[k]! ** 2 / (usersOf(k) + ridge_I[k]!);
    const best = listOf(gains_I, masked, neighbours).sort();
    return neighbours < items - 1 ? best.filter((other) => row_I[other]! > 0) : best; // never met, it says little
  }

  return (item) => {
    const others = chosen(item);
    const size = others.length;
    for (let a = 0; a < size; a++) {
      const start = startOf(others[a]!, items) - others[a]! - 1;
      for (let b = a + 1; b < size; b++) matrix[b * size + a] = counts[start + others[b]!]!;
      matrix[a * (size + 1)] = usersOf(others[a]!) + ridge_I[others[a]!]!;
    }
    const values = Float64Array.from(others, (other) => row_I[other]!);
    if (!factorise(matrix, size)) throw new Error(`the neighbours of item ${item} have no inverse`); // D is positive
    solve(matrix, size, values);
    return { items: others, values };
  };
}
