// Top-k lists and what they are worth: NDCG@k and Recall@k with binary relevance. The last step of every evaluation.
// Source: docs/design/recvae.md#metrics.
import { type Bits, hasBit, noBits, setBits } from "./bits.ts";

type Scores = Float32Array | Float64Array;

export interface Summary {
  readonly mean: number;
  /** Standard deviation over users (biased, as the authors compute it) divided by the root of their number. */
  readonly standardError: number;
}

/**
 * The k best columns of one row of scores [I], best first; equal scores are ordered by column, so a list never depends
 * on chance.
 * Columns of `foldIn` are masked, columns whose score is NaN are left out; where fewer than k remain, the list is
 * shorter.
 */
export function rankingOf(scores_I: Scores, foldIn: Int32Array, k: number): Int32Array {
  const masked = noBits(scores_I.length);
  setBits(masked, foldIn);
  return listOf(scores_I, masked, k);
}

/** The same without the columns that `masked` has. */
export function listOf(scores_I: Scores, masked: Bits, k: number): Int32Array {
  // A heap of the best so far with the worst at its root: one comparison a column, since few of them enter. NaN is
  // above nothing.
  const heap = new Int32Array(Math.min(k, scores_I.length));
  if (heap.length === 0) return heap;
  let size = 0;
  let floor = Number.NaN;
  for (let column = 0; column < scores_I.length; column++) {
    const score = scores_I[column]!;
    const enters = size < heap.length ? !Number.isNaN(score) : score > floor;
    if (!enters || hasBit(masked, column)) continue;
    if (size < heap.length) {
      heap[size++] = column;
      if (size === heap.length) heapify(heap, scores_I);
    } else {
      heap[0] = column;
      sink(heap, 0, scores_I);
    }
    floor = scores_I[heap[0]!]!;
  }
  return heap.subarray(0, size).sort((a, b) => scores_I[b]! - scores_I[a]! || a - b);
}

/** For more columns a list is made: each would be counted for. */
const MOST_COUNTED = 8;

/**
 * Places in that list of those of the `wanted` columns that it holds, the first is 0, ascending. Of a few of them
 * without making the list: a place is how many columns stand before it.
 */
export function placesOf(scores_I: Scores, foldIn: Int32Array, wanted: ReadonlySet<number>, k: number): number[] {
  if (wanted.size > MOST_COUNTED) return placesIn(rankingOf(scores_I, foldIn, k), wanted);
  const masked = new Set(foldIn);
  return [...wanted]
    .filter((target) => !masked.has(target))
    .map((target) => placeOf(scores_I, masked, target))
    .filter((place) => place < k)
    .sort((a, b) => a - b);
}

/** Infinity for a column whose score is none. */
function placeOf(scores_I: Scores, masked: ReadonlySet<number>, target: number): number {
  const score = scores_I[target] ?? Number.NaN;
  if (Number.isNaN(score)) return Number.POSITIVE_INFINITY;
  let place = 0;
  for (let column = 0; column < target; column++) if (scores_I[column]! >= score) place++;
  for (let column = target + 1; column < scores_I.length; column++) if (scores_I[column]! > score) place++;
  for (const column of masked) if (column < target ? scores_I[column]! >= score : scores_I[column]! > score) place--;
  return place;
}

const isWorse = (a: number, b: number, scores_I: Scores) => {
  const difference = scores_I[a]! - scores_I[b]!;
  return difference < 0 || (scores_I[a] === scores_I[b] && a > b);
};

function heapify(heap: Int32Array, scores_I: Scores): void {
  for (let at = (heap.length >> 1) - 1; at >= 0; at--) sink(heap, at, scores_I);
}

function sink(heap: Int32Array, from: number, scores_I: Scores): void {
  const column = heap[from]!;
  let at = from;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isWorse(heap[child + 1]!, heap[child]!, scores_I)) child++;
    if (!isWorse(heap[child]!, column, scores_I)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = column;
}

/**
 * DCG of the first k of `top` over the best that `targets` allow, in 0..1. NaN without a target: such a user has no
 * place in a mean.
 */
export function ndcg(top: Int32Array, targets: Int32Array, k: number): number {
  const wanted = new Set(targets);
  return ndcgAt(placesIn(top, wanted), wanted.size, k);
}

/** The same by `places` of `targets` distinct ones. */
export function ndcgAt(places: readonly number[], targets: number, k: number): number {
  let gain = 0;
  for (const place of places) if (place < k) gain += discount(place);
  let ideal = 0;
  for (let place = 0; place < Math.min(k, targets); place++) ideal += discount(place);
  return gain / ideal;
}

/** Ascending. */
export function placesIn(top: Int32Array, wanted: ReadonlySet<number>): number[] {
  const places: number[] = [];
  for (let place = 0; place < top.length; place++) if (wanted.has(top[place]!)) places.push(place);
  return places;
}

const discount = (rank: number) => 1 / Math.log2(rank + 2);

/** Hits in the first k of `top` over the most that were possible, min(k, targets), in 0..1. NaN without a target. */
export function recall(top: Int32Array, targets: Int32Array, k: number): number {
  const wanted = new Set(targets);
  return recallAt(placesIn(top, wanted), wanted.size, k);
}

/** The same by `places` of `targets` distinct ones. */
export const recallAt = (places: readonly number[], targets: number, k: number): number =>
  places.filter((place) => place < k).length / Math.min(k, targets);

/** Mean and standard error over users; NaN for no values at all. */
export function summary(values: ArrayLike<number>): Summary {
  let sum = 0;
  for (let k = 0; k < values.length; k++) sum += values[k]!;
  const mean = sum / values.length;
  let squares = 0;
  for (let k = 0; k < values.length; k++) squares += (values[k]! - mean) ** 2;
  return { mean, standardError: Math.sqrt(squares / values.length / values.length) };
}
