// Vectors of a model's items, by which two are alike: the cosine of the angle between them. Dense ones, sparse ones,
// and those of several models together. Shapes: I items, W width.

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
  function cosines(item: number, count: number, otherOf: (k: number) => number): Float32Array {
    const found = new Float32Array(count);
    if (item >= items) return found;
    const unit_W = Float64Array.from(units_IW.subarray(item * width, (item + 1) * width));
    for (let k = 0; k < count; k++) if (otherOf(k) < items) found[k] = product(unit_W, units_IW, otherOf(k) * width);
    return found;
  }
  return {
    near(item) {
      const isNothing = units_IW.subarray(item * width, (item + 1) * width).every((value) => value === 0);
      return isNothing ? undefined : cosines(item, items, (k) => k);
    },
    between: (item, others) => cosines(item, others.length, (k) => others[k]!),
  };
}

/** To length 1; nothing stays nothing. */
function scale(values: Float32Array, from: number, to: number): void {
  let squares = 0;
  for (let k = from; k < to; k++) squares += values[k]! ** 2;
  if (squares > 0) for (let k = from; k < to; k++) values[k]! /= Math.sqrt(squares);
}

/** Of a row of values that begins at `from`; in four sums, which wait for each other less than one does for itself. */
function product(unit_W: Float64Array, values: Float32Array, from: number): number {
  const width = unit_W.length;
  let p = 0;
  let q = 0;
  let r = 0;
  let s = 0;
  let k = 0;
  for (; k + 4 <= width; k += 4) {
    p += unit_W[k]! * values[from + k]!;
    q += unit_W[k + 1]! * values[from + k + 1]!;
    r += unit_W[k + 2]! * values[from + k + 2]!;
    s += unit_W[k + 3]! * values[from + k + 3]!;
  }
  for (; k < width; k++) p += unit_W[k]! * values[from + k]!;
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
  for (let item = 0; item < items; item++) {
    if (item % 16 === 15) yield;
    const row_I = weights_II.subarray(item * items, (item + 1) * items);
    const [from, to] = [item * kept, (item + 1) * kept];
    strongest(row_I, columns.subarray(from, to));
    for (let at = from; at < to; at++) values[at] = row_I[columns[at]!]!;
  }
  return yield* sparseVectors({ starts, columns, values });
}

/** Of a float32 without its sign: the exponent and three digits of what follows it. */
const BINS = 2048;
const bins = new Int32Array(BINS);

/**
 * As many columns as `into` has room for, ascending: those of the largest sizes, up to an eighth of a size, and of
 * those at the edge the first.
 */
function strongest(row_I: Float32Array, into: Int32Array): void {
  const items = row_I.length;
  const bits = new Uint32Array(row_I.buffer, row_I.byteOffset, items); // the same memory
  bins.fill(0);
  for (let k = 0; k < items; k++) bins[(bits[k]! & 0x7fffffff) >>> 20]!++;
  let bin = BINS - 1;
  let above = 0;
  while (above + bins[bin]! < into.length) above += bins[bin--]!;
  let atEdge = into.length - above;
  let found = 0;
  for (let k = 0; k < items; k++) {
    const own = (bits[k]! & 0x7fffffff) >>> 20;
    if (own > bin || (own === bin && atEdge-- > 0)) into[found++] = k;
  }
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
