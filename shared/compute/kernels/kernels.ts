// The kernels of assembly/index.ts by name and signature, shared out over threads by blocks. The set-up builds the file
// that is loaded here.
import { readFileSync } from "node:fs";
import { AppError } from "../../errors/errors.ts";
import { listed, type SparseRows, transposed } from "./lists.ts";
import { KernelMemory } from "./memory.ts";
import type { Rows } from "./rows.ts";
import { type Kernel, ThreadPool } from "./thread-pool.ts";

const file = new URL("./dist/kernels.wasm", import.meta.url);

/** Throws AppError SETUP_MISSING. */
function compiled(): WebAssembly.Module {
  try {
    return new WebAssembly.Module(readFileSync(file));
  } catch (error) {
    throw new AppError("SETUP_MISSING", { what: "the kernels are not built" }, { cause: error });
  }
}
let module: WebAssembly.Module | undefined;

/** An Adam's place in its run. */
export interface Rate {
  /** Updates with this one, from 1: the t of the bias correction. */
  readonly t: number;
  readonly learningRate: number;
  /** What of a weight itself is added to its gradient: twice the factor of a penalty on its square. Absent: nothing. */
  readonly decay?: number | undefined;
}

/** A tensor and its moments, of equal length, all in one kernels' memory. */
export interface Moving {
  readonly weights: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
}

/** A hidden layer's parameters that are no matrix, each of a row's stride, padded with zeros; or their gradients. */
export interface LayerVectors {
  readonly bias: Float32Array;
  readonly gain: Float32Array;
  readonly shift: Float32Array;
}

/** What a hidden layer's way back needs of its way forth. */
export interface LayerTrace {
  /** First the product, then the layer's output. */
  readonly h: Rows;
  /** (swish - mean) / deviation: LayerNorm before gain and shift. */
  readonly normal: Rows;
  /** Derivative of swish at its input. */
  readonly slope: Rows;
  /** One over the deviation, of each row. */
  readonly inverse: Float32Array;
}

/** Floats of a gradient that are copied at a time where it lies elsewhere; of several parts' together. */
const TILE = 2 ** 22;

export class Kernels {
  readonly memory = new KernelMemory();
  readonly #pool: ThreadPool;
  /** The memory's number in the pool. */
  readonly #number: number;

  /**
   * `threads`: how many work on one call, the caller's included; or the threads of others. Their number changes no bit
   * of any result.
   */
  constructor(threads: number | ThreadPool = 1) {
    module ??= compiled();
    this.#pool = typeof threads === "number" ? new ThreadPool(module, threads) : threads;
    this.#number = this.#pool.add(this.memory.memory);
  }

  /** Others with a memory of their own, worked on by the same threads. */
  beside(): Kernels {
    return new Kernels(this.#pool);
  }

  /**
   * One update in place of a tensor in the kernels' memory. The gradient is the sum of the parts', added in this order.
   */
  adam({ weights, m, v }: Moving, parts: readonly Float32Array[], rate: Rate): void {
    const { memory } = this;
    const block = this.#pool.constant("adamBlock");
    const tile = Math.ceil(TILE / parts.length / block) * block;
    const areHere = sameDistances(parts) && parts.every((part) => memory.holds(part));
    for (let at = 0; at < weights.length; at += tile) {
      const cut = (array: Float32Array) => array.subarray(at, at + tile);
      memory.borrowed(() => {
        const gradients = areHere ? parts.map(cut) : parts.map((part) => memory.place(cut(part)));
        const [first, second = first] = gradients as [Float32Array, ...Float32Array[]];
        const places = [...[weights, m, v].map(cut), first].map(placeOf);
        const { length } = first;
        const args = [
          ...places,
          placeOf(second) - placeOf(first),
          parts.length,
          length,
          ...corrected(rate),
          rate.decay ?? 0,
        ];
        this.#run("adam", Math.ceil(length / block), args);
      });
    }
  }

  /** Weighted sum of each user's rows of the table, `[users x width]`. No item, or none with a value: zeros. */
  bag(table: Float32Array, width: number, users: SparseRows): Float32Array {
    const bags = new Float32Array(users.rows.length * width);
    this.addToBags(bags, table, width, users);
    return bags;
  }

  /**
   * Adds what a table in the kernels' memory, which begins with row `first` of a larger one, holds of each user's rows
   * to the user's bag.
   */
  addToBags(bags: Float32Array, table: Float32Array, width: number, users: SparseRows, first = 0): void {
    const { memory } = this;
    memory.borrowed(() => {
      const { index, values, ends } = listed(memory, users, { first, count: table.length / width });
      const sums = memory.place(bags);
      this.#run("bag", users.rows.length, [...[sums, table, index, values, ends].map(placeOf), 4 * width]);
      bags.set(sums);
    });
  }

  /**
   * One update in place of a table whose bags have the gradients `dBags`, `[users x width]`; it begins with row `first`
   * of a larger one.
   */
  adamOfBags(table: Moving, width: number, dBags: Float32Array, users: SparseRows, rate: Rate, first = 0): void {
    this.#adamOfBags(table, undefined, { first, count: table.weights.length / width }, width, dBags, users, rate);
  }

  /**
   * The same of a table that holds some rows of a larger one: row k is that one's row `places[k]`, where its moments
   * `m` and `v` lie. All in the kernels' memory.
   */
  adamOfRows(
    table: Moving,
    places: Int32Array,
    width: number,
    dBags: Float32Array,
    users: SparseRows,
    rate: Rate,
  ): void {
    this.#adamOfBags(table, places, { first: 0, count: places.length }, width, dBags, users, rate);
  }

  #adamOfBags(
    { weights, m, v }: Moving,
    places: Int32Array | undefined,
    rows: { first: number; count: number },
    width: number,
    dBags: Float32Array,
    users: SparseRows,
    rate: Rate,
  ): void {
    const { memory } = this;
    memory.borrowed(() => {
      const { index, values, ends } = transposed(memory, users, rows);
      const scratch = memory.floats(this.#pool.threads * (width + 16));
      const moved = [...[scratch, weights, m, v].map(placeOf), places ? placeOf(places) : 0];
      const summed = [memory.near(dBags), index, values, ends].map(placeOf);
      const blocks = Math.ceil(rows.count / this.#pool.constant("rowBlock"));
      this.#run("adamOfBags", blocks, [
        ...moved,
        ...summed,
        rows.count,
        4 * width,
        ...corrected(rate),
        rate.decay ?? 0,
      ]);
    });
  }

  /**
   * Sum of `v`, and of the squares of what Adam moved the weights by; the second 0 without a rate. All in the kernels'
   * memory, which nothing is written to.
   */
  measure({ m, v }: Omit<Moving, "weights">, rate?: Rate): { squares: number; way: number } {
    return this.memory.borrowed(() => {
      const blocks = Math.ceil(v.length / this.#pool.constant("measureBlock"));
      const room = this.memory.floats(4 * blocks);
      const [size, correction] = rate ? corrected(rate) : [0, 0];
      this.#run("measure", blocks, [rate ? placeOf(m) : 0, placeOf(v), v.length, size, correction, placeOf(room)]);
      const sums = new Float64Array(room.buffer, room.byteOffset, 2 * blocks);
      const total = (from: number) => sums.reduce((sum, each, k) => (k % 2 === from ? sum + each : sum), 0);
      return { squares: total(0), way: total(1) };
    });
  }

  /** to += scale * from, of equal length; `to` lies in the kernels' memory. */
  add(to: Float32Array, from: Float32Array, scale: number): void {
    this.#tiles(to, from, (to, from) =>
      this.#run("add", this.#sumBlocks(to), [placeOf(to), placeOf(from), to.length, scale]),
    );
  }

  /** to = from - to, of equal length; `to` lies in the kernels' memory. */
  subtract(to: Float32Array, from: Float32Array): void {
    this.#tiles(to, from, (to, from) =>
      this.#run("subtract", this.#sumBlocks(to), [placeOf(to), placeOf(from), to.length]),
    );
  }

  /** A piece of both at a time, the second brought to the kernels' memory. */
  #tiles(to: Float32Array, from: Float32Array, body: (to: Float32Array, from: Float32Array) => void): void {
    for (let at = 0; at < to.length; at += TILE)
      this.memory.borrowed(() => body(to.subarray(at, at + TILE), this.memory.near(from.subarray(at, at + TILE))));
  }

  /** As bfloat16, the upper halves of rounded float32. */
  readonly toHalves = (values: Float32Array, halves = new Uint16Array(values.length)): Uint16Array => {
    this.#halfTiles(values.length, (at, end, room) => {
      this.#convert("toHalves", room, this.memory.near(values.subarray(at, end)), end - at);
      halves.set(room, at);
    });
    return halves;
  };

  /** The float32 numbers that halves stand for. */
  readonly fromHalves = (halves: Uint16Array, into: Float32Array): void => {
    this.#halfTiles(halves.length, (at, end, room) => {
      room.set(halves.subarray(at, end));
      if (this.memory.holds(into) && (end - at) % 8 === 0)
        return this.#convert("fromHalves", into.subarray(at, end), room, end - at);
      const values = this.memory.floats(Math.ceil((end - at) / 8) * 8);
      this.#convert("fromHalves", values, room, end - at);
      into.set(values.subarray(0, end - at), at);
    });
  };

  /** Rows of a table in the kernels' memory as halves, one after another. */
  gatherHalves(table: Float32Array, width: number, index: Int32Array, into: Uint16Array): void {
    const { memory } = this;
    memory.borrowed(() => {
      const placed = memory.ints(index.length);
      placed.set(index);
      const { buffer, byteOffset } = memory.floats(Math.ceil((index.length * width) / 2));
      const halves = new Uint16Array(buffer, byteOffset, index.length * width);
      const blocks = Math.ceil(index.length / this.#pool.constant("gatherBlock"));
      this.#run("gatherHalves", blocks, [...[halves, table, placed].map(placeOf), index.length, width]);
      into.set(halves);
    });
  }

  /**
   * Adds rows, each times its share, to those of a table in the kernels' memory; each of them stands in `index` once.
   */
  addRows(table: Float32Array, width: number, index: Int32Array, rows: Float32Array, shares: Float32Array): void {
    const { memory } = this;
    const most = Math.max(1, Math.floor(TILE / width));
    for (let at = 0; at < index.length; at += most)
      memory.borrowed(() => {
        const placed = memory.ints(Math.min(most, index.length - at));
        placed.set(index.subarray(at, at + most));
        const some = memory.near(rows.subarray(at * width, (at + most) * width));
        const places = [table, some, placed, memory.place(shares.subarray(at, at + most))].map(placeOf);
        this.#run("addRowsAt", Math.ceil(placed.length / this.#pool.constant("gatherBlock")), [
          ...places,
          placed.length,
          4 * width,
        ]);
      });
  }

  #halfTiles(length: number, body: (at: number, end: number, room: Uint16Array) => void): void {
    for (let at = 0; at < length; at += TILE)
      this.memory.borrowed(() => {
        const end = Math.min(length, at + TILE);
        const { buffer, byteOffset } = this.memory.floats(Math.ceil((end - at) / 8) * 4);
        body(at, end, new Uint16Array(buffer, byteOffset, end - at));
      });
  }

  #convert(kernel: "toHalves" | "fromHalves", to: Placed, from: Placed, length: number): void {
    this.#run(kernel, Math.ceil(length / this.#pool.constant("halfBlock")), [placeOf(to), placeOf(from), length]);
  }

  #sumBlocks({ length }: Float32Array): number {
    return Math.ceil(length / this.#pool.constant("addBlock"));
  }

  /** Whether the array holds no NaN and no infinity. */
  finite(array: Float32Array): boolean {
    for (let at = 0; at < array.length; at += TILE) {
      const isFine = this.memory.borrowed(() => {
        const tile = this.memory.near(array.subarray(at, at + TILE));
        return this.#pool.call(this.#number, "finite", placeOf(tile), tile.length) === 1;
      });
      if (!isFine) return false;
    }
    return true;
  }

  /**
   * A hidden layer behind its product, which stands in `h`: bias, skips, swish, LayerNorm
   * (docs/design/recvae.md#encoder). `skips` grows by what `h` becomes.
   */
  layer(
    { h, normal, slope, inverse }: LayerTrace,
    skips: Rows,
    { bias, gain, shift }: LayerVectors,
    eps: number,
  ): void {
    const places = [h.data, skips.data, bias, gain, shift, normal.data, slope.data, inverse].map(placeOf);
    this.#run("layer", h.count, [...places, 4 * h.stride, h.width, eps]);
  }

  /**
   * The way back: `d`, the gradient of h without what `later` adds to it, becomes the gradient of the sum before swish
   * and joins `later`. Returns the gradients of gain, shift and bias, summed over the rows in their order.
   */
  layerBackward({ normal, slope, inverse }: LayerTrace, d: Rows, later: Rows, gain: Float32Array): LayerVectors {
    const sums = {
      gain: this.memory.zeros(d.stride),
      shift: this.memory.zeros(d.stride),
      bias: this.memory.zeros(d.stride),
    };
    const places = [d.data, later.data, gain, normal.data, slope.data, inverse, sums.gain, sums.shift, sums.bias].map(
      placeOf,
    );
    for (let row = 0; row < d.count; row++)
      this.#pool.call(this.#number, "layerBackward", row, ...places, 4 * d.stride, d.width);
    return {
      gain: sums.gain.slice(0, d.width),
      shift: sums.shift.slice(0, d.width),
      bias: sums.bias.slice(0, d.width),
    };
  }

  /** A plain layer behind its product, which stands in `h`: bias, then tanh. */
  tanh(h: Rows, bias: Rows): void {
    this.#run("tanh", h.count, [placeOf(h.data), placeOf(bias.data), 4 * h.stride]);
  }

  /** Ends the threads, also those of the kernels beside. */
  close(): Promise<void> {
    return this.#pool.close();
  }

  #run(kernel: Kernel, blocks: number, args: readonly number[]): void {
    this.#pool.run(this.#number, kernel, blocks, args);
  }
}

type Placed = Float32Array | Int32Array | Uint16Array;
const placeOf = (array: Placed) => array.byteOffset;

/** Whether the distances from array to array are equal. */
function sameDistances(arrays: readonly Float32Array[]): boolean {
  const stride = placeOf(arrays[1] ?? arrays[0]!) - placeOf(arrays[0]!);
  return arrays.every((array, k) => placeOf(array) === placeOf(arrays[0]!) + k * stride);
}

/** Adam's learning rate and the factor of its root, after bias correction. */
function corrected({ t, learningRate }: Rate): [rate: number, correction: number] {
  return [learningRate / (1 - 0.9 ** t), 1 / Math.sqrt(1 - 0.999 ** t)];
}
