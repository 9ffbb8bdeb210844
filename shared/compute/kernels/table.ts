// A tensor with its moments, cut by rows into segments that lie in memories of their own: no memory reaches beyond 4
// GiB, a model may. It grows where it stands.
import type { Kernels, Moving, Rate } from "./kernels.ts";
import type { SparseRows } from "./lists.ts";

/**
 * Bytes that a segment is given for its rows and both their moments: half of what a memory holds, since gradients stand
 * beside some.
 */
export const SEGMENT_BYTES = 2 ** 31;

/**
 * Rows of a segment: they follow from the row's width alone, never from how a table came to its size, so that a run
 * that was restarted computes the same bits.
 */
export function rowsOfSegment(width: number, bytes = SEGMENT_BYTES): number {
  return Math.max(32, Math.floor(bytes / (3 * 4 * width) / 32) * 32);
}

interface Segment {
  readonly kernels: Kernels;
  readonly first: number;
  /** Arrays for all rows that there is room for: memory that was never touched is 0 and costs nothing. */
  readonly arrays: Moving;
}

export class Table {
  readonly width: number;
  readonly #rowShape: readonly number[];
  readonly #rowsOfSegment: number;
  readonly #kernelsOf: (segment: number) => Kernels;
  readonly #segments: Segment[] = [];
  #rows = 0;

  /** `shape`: rows, then what a row is. `kernelsOf` is asked once for every segment. */
  constructor([rows, ...rowShape]: readonly number[], rowsOfSegment: number, kernelsOf: (segment: number) => Kernels) {
    this.width = rowShape.reduce((a, b) => a * b, 1);
    this.#rowShape = rowShape;
    this.#rowsOfSegment = rowsOfSegment;
    this.#kernelsOf = kernelsOf;
    this.grow(rows!);
  }

  /** To so many rows; new ones are 0, like their moments. Nothing is copied. */
  grow(rows: number): void {
    while (this.#segments.length * this.#rowsOfSegment < rows) {
      const kernels = this.#kernelsOf(this.#segments.length);
      const room = () => kernels.memory.floats(this.#rowsOfSegment * this.width);
      const first = this.#segments.length * this.#rowsOfSegment;
      this.#segments.push({ kernels, first, arrays: { weights: room(), m: room(), v: room() } });
    }
    this.#rows = rows;
  }

  /**
   * Always as the table is now. Of one segment `data` is a view; of several it is a copy, made at every look, and
   * `pieces` are the views.
   */
  tensor(which: keyof Moving): {
    readonly shape: number[];
    readonly data: Float32Array;
    readonly pieces: readonly Float32Array[] | undefined;
  } {
    const table = this;
    return {
      get shape() {
        return [table.#rows, ...table.#rowShape];
      },
      get data() {
        return table.#joined(which);
      },
      get pieces() {
        return table.#segments.length > 1 ? table.#pieces(which) : undefined;
      },
    };
  }

  /** Overwrites rows from `first` on. */
  set(which: keyof Moving, values: Float32Array, first = 0): void {
    for (const segment of this.#segments) {
      const from = Math.max(first, segment.first);
      const end = Math.min(first + values.length / this.width, segment.first + this.#rowsOfSegment);
      if (from >= end) continue;
      const some = values.subarray((from - first) * this.width, (end - first) * this.width);
      segment.arrays[which].set(some, (from - segment.first) * this.width);
    }
  }

  /** Whether no weight and no moment is a NaN or an infinity. */
  finite(which: keyof Moving): boolean {
    return this.#segments.every((segment) => segment.kernels.finite(this.#moving(segment)[which]));
  }

  /** One update in place; the gradient is the sum of the parts', in this order. */
  adam(parts: readonly Float32Array[], rate: Rate): void {
    for (const segment of this.#segments) {
      const moving = this.#moving(segment);
      const from = segment.first * this.width;
      const some = parts.map((part) => part.subarray(from, from + moving.weights.length));
      segment.kernels.adam(moving, some, rate);
    }
  }

  /**
   * Sum of the moments of the squares; with the rate of the last update also the sum of the squares of what it moved.
   */
  measure(rate?: Rate): { squares: number; way: number } {
    const all = this.#segments.map((segment) => segment.kernels.measure(this.#moving(segment), rate));
    return {
      squares: all.reduce((sum, { squares }) => sum + squares, 0),
      way: all.reduce((sum, { way }) => sum + way, 0),
    };
  }

  /** Adds an array of the table's size, times `scale`, to the weights. */
  add(values: Float32Array, scale: number): void {
    for (const segment of this.#segments) {
      const { weights } = this.#moving(segment);
      const from = segment.first * this.width;
      segment.kernels.add(weights, values.subarray(from, from + weights.length), scale);
    }
  }

  /**
   * Weighted sum of each user's rows, `[users x width]`; rows of a later segment are added to the sum of those before.
   */
  bag(users: SparseRows): Float32Array {
    const bags = new Float32Array(users.rows.length * this.width);
    for (const segment of this.#segments)
      segment.kernels.addToBags(bags, this.#moving(segment).weights, this.width, users, segment.first);
    return bags;
  }

  /** One update in place of all rows, when the bags have the gradients `dBags`, `[users x width]`. */
  adamOfBags(dBags: Float32Array, users: SparseRows, rate: Rate): void {
    for (const segment of this.#segments)
      segment.kernels.adamOfBags(this.#moving(segment), this.width, dBags, users, rate, segment.first);
  }

  /** Copies the weights of the rows at `index` into `into`, `[index x width]`. */
  gatherRows(index: Int32Array, into: Float32Array): void {
    for (let k = 0; k < index.length; k++) {
      const { weights, at } = this.#placeOf(index[k]!);
      into.set(weights.subarray(at, at + this.width), k * this.width);
    }
  }

  /** The same as bfloat16. `index` ascends. */
  gatherHalves(index: Int32Array, into: Uint16Array): void {
    this.#bySegment(index, ({ kernels, arrays }, some, from) => {
      kernels.gatherHalves(
        arrays.weights,
        this.width,
        some,
        into.subarray(from * this.width, (from + some.length) * this.width),
      );
    });
  }

  /**
   * Adds rows, `[index x width]`, each times its share, to the weights of those at `index`, which ascends and names no
   * row twice.
   */
  addRows(index: Int32Array, rows: Float32Array, shares: Float32Array): void {
    this.#bySegment(index, ({ kernels, arrays }, some, from) => {
      const of = (array: Float32Array, width: number) => array.subarray(from * width, (from + some.length) * width);
      kernels.addRows(arrays.weights, this.width, some, of(rows, this.width), of(shares, 1));
    });
  }

  /**
   * Calls `body` with each segment's part of an ascending index, as its own rows' numbers, and where in the index it
   * begins.
   */
  #bySegment(index: Int32Array, body: (segment: Segment, some: Int32Array, from: number) => void): void {
    let from = 0;
    for (const segment of this.#segments) {
      const end = segment.first + this.#rowsOfSegment;
      const next = index.findIndex((row, k) => k >= from && row >= end);
      const to = next < 0 ? index.length : next;
      if (to > from)
        body(
          segment,
          index.subarray(from, to).map((row) => row - segment.first),
          from,
        );
      from = to;
    }
  }

  #placeOf(row: number): { weights: Float32Array; at: number } {
    const { first, arrays } = this.#segments[Math.floor(row / this.#rowsOfSegment)]!;
    return { weights: arrays.weights, at: (row - first) * this.width };
  }

  #moving({ first, arrays: { weights, m, v } }: Segment): Moving {
    const floats = Math.min(this.#rowsOfSegment, this.#rows - first) * this.width;
    return { weights: weights.subarray(0, floats), m: m.subarray(0, floats), v: v.subarray(0, floats) };
  }

  #pieces(which: keyof Moving): Float32Array[] {
    return this.#segments.map((segment) => this.#moving(segment)[which]);
  }

  #joined(which: keyof Moving): Float32Array {
    const pieces = this.#pieces(which);
    if (pieces.length === 1) return pieces[0]!;
    const joined = new Float32Array(this.#rows * this.width);
    for (const [segment, piece] of pieces.entries()) joined.set(piece, segment * this.#rowsOfSegment * this.width);
    return joined;
  }
}

/**
 * A first layer alone, `[I, H]`, cut as where it is trained: the same bags, bit for bit. What no moment is ever written
 * to costs nothing.
 */
export function embeddingTable(
  { shape, data }: { shape: readonly number[]; data: Float32Array },
  kernelsOf: () => Kernels,
): Table {
  const table = new Table(shape, rowsOfSegment(shape[1]!), kernelsOf);
  table.set("weights", data);
  return table;
}
