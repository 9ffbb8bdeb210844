// Vectors of a model's items, by which two are alike: the cosine of the angle between them. Dense ones, sparse ones,
// and those of several models together. Shapes: I items, W width.
import { noBits } from "./bits.ts";
import { listOf } from "./metrics.ts";

export interface ItemVectors {
  /** Cosines of one item with all, [I]; undefined where it has no vector, or one of zeros. */
  near(item: number): Float32Array | undefined;
  /** Cosines of one item with each of the others; 0 for what has no vector. */
  between(item: number, others: Int32Array): Float32Array;
}

/** Makes vectors, and yields in between: a process can breathe. */
export type Making = Generator<undefined, ItemVectors>;

/** Rows between two breaths. */
const ROWS = 2048;

/** A row of W for each item; copied. */
export function* denseVectors(rows_IW: Float32Array, width: number): Making {
  const units_IW = rows_IW.slice();
  const items = rows_IW.length / width;
  for (let item = 0; item < items; item++) {
    if (item % ROWS === ROWS - 1) yield;
    scale(units_IW, item * width, (item + 1) * width);
  }
  const cosine = (a: number, b: number) => product(units_IW, a * width, b * width, width);
  return {
    near(item) {
      if (!(item < items) || cosine(item, item) === 0) return undefined;
      const cosines_I = new Float32Array(items);
      for (let other = 0; other < items; other++) cosines_I[other] = cosine(item, other);
      return cosines_I;
    },
    between: (item, others) =>
      Float32Array.from(others, (other) => (item < items && other < items ? cosine(item, other) : 0)),
  };
}

/** To length 1; nothing stays nothing. */
function scale(values: Float32Array, from: number, to: number): void {
  let squares = 0;
  for (let k = from; k < to; k++) squares += values[k]! ** 2;
  if (squares > 0) for (let k = from; k < to; k++) values[k]! /= Math.sqrt(squares);
}

/** In four sums, which wait for each other less than one does for itself. */
function product(values: Float32Array, a: number, b: number, width: number): number {
  let [p, q, r, s] = [0, 0, 0, 0];
  let k = 0;
  for (; k + 4 <= width; k += 4) {
    p += values[a + k]! * values[b + k]!;
    q += values[a + k + 1]! * values[b + k + 1]!;
    r += values[a + k + 2]! * values[b + k + 2]!;
    s += values[a + k + 3]! * values[b + k + 3]!;
  }
  for (; k < width; k++) p += values[a + k]! * values[b + k]!;
  return p + q + (r + s);
}

/** Rows of which most is zero: those of item `k` stand from `starts[k]` up to `starts[k + 1]`. */
export interface SparseVectors {
  readonly starts: ArrayLike<number>;
  readonly columns: Int32Array;
  readonly values: Float32Array;
}

/** Values are copied. */
export function* sparseVectors({ starts, columns, values }: SparseVectors): Making {
  const items = starts.length - 1;
  const units = values.slice();
  let widest = 0;
  for (let item = 0; item < items; item++) {
    if (item % ROWS === ROWS - 1) yield;
    scale(units, starts[item]!, starts[item + 1]!);
    for (let at = starts[item]!; at < starts[item + 1]!; at++) widest = Math.max(widest, columns[at]! + 1);
  }
  /** The vector of one item, spread out while others are held against it. */
  const spread = new Float32Array(widest);
  function cosines(item: number, count: number, otherOf: (k: number) => number): Float32Array {
    const found = new Float32Array(count);
    if (item >= items) return found;
    for (let at = starts[item]!; at < starts[item + 1]!; at++) spread[columns[at]!] = units[at]!;
    for (let k = 0; k < count; k++) {
      const other = otherOf(k);
      if (other >= items) continue;
      const to = starts[other + 1]!;
      let sum = 0;
      for (let at = starts[other]!; at < to; at++) sum += units[at]! * spread[columns[at]!]!;
      found[k] = sum;
    }
    for (let at = starts[item]!; at < starts[item + 1]!; at++) spread[columns[at]!] = 0;
    return found;
  }
  return {
    near: (item) => (item < items && starts[item]! < starts[item + 1]! ? cosines(item, items, (k) => k) : undefined),
    between: (item, others) => cosines(item, others.length, (k) => others[k]!),
  };
}

/** Of each row of a matrix, [I x I], as many of the largest as this, by size: the others are small and many. */
const STRONGEST = 128;

/** The rows of a matrix of weights as vectors: in full they would be as large again, and asked for in a second each. */
export function* matrixVectors(weights_II: Float32Array, items: number): Making {
  const kept = Math.min(STRONGEST, items);
  const starts = Float64Array.from({ length: items + 1 }, (_, item) => item * kept);
  const columns = new Int32Array(items * kept);
  const values = new Float32Array(items * kept);
  const nothing = noBits(items);
  const sizes_I = new Float32Array(items);
  for (let item = 0; item < items; item++) {
    if (item % 64 === 63) yield;
    const row_I = weights_II.subarray(item * items, (item + 1) * items);
    for (let k = 0; k < items; k++) sizes_I[k] = Math.abs(row_I[k]!);
    listOf(sizes_I, nothing, kept)
      .sort()
      .forEach((column, k) => {
        columns[item * kept + k] = column;
        values[item * kept + k] = row_I[column]!;
      });
  }
  return yield* sparseVectors({ starts, columns, values });
}

/** Several models' of the same items, laid side by side: each cosine counts by its weight; weights sum to 1. */
export function joinedVectors(
  parts: readonly { readonly weight: number; readonly vectors: ItemVectors }[],
): ItemVectors {
  function summed(of: (vectors: ItemVectors) => Float32Array | undefined): Float32Array | undefined {
    const all = parts.flatMap(({ weight, vectors }) => {
      const cosines = of(vectors);
      return cosines ? [cosines.map((cosine) => weight * cosine)] : [];
    });
    const [sum, ...others] = all;
    for (const each of others) for (let k = 0; k < each.length; k++) sum![k]! += each[k]!;
    return sum;
  }
  return {
    near: (item) => summed((vectors) => vectors.near(item)),
    between: (item, others) => summed((vectors) => vectors.between(item, others))!,
  };
}
