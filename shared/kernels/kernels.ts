// The kernels of assembly/index.ts by name and signature, shared out over threads by blocks. The set-up builds the file that is loaded here.
import { readFileSync } from "node:fs";
import { AppError } from "../runtime/errors.ts";
import { Crew } from "./crew.ts";
import { KernelMemory } from "./memory.ts";
import type { Rows } from "./rows.ts";

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
}

/** A tensor and its moments, of equal length, all in the kernels' memory. */
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

/** Users' rows of items, the value of each item beside it. */
export interface SparseRows {
  readonly rows: readonly Int32Array[];
  readonly values: readonly Float32Array[];
}

export class Kernels {
  readonly memory = new KernelMemory();
  readonly #crew: Crew;

  /** `threads`: how many work on one call, the caller's included. Their number changes no bit of any result. */
  constructor(threads = 1) {
    module ??= compiled();
    this.#crew = new Crew(module, this.memory.memory, threads);
  }

  /** One update in place. The gradient is the sum of the parts', added in this order; they lie in the kernels' memory at equal distances. */
  adam({ weights, m, v }: Moving, parts: readonly Float32Array[], rate: Rate): void {
    const [first, second = first] = parts as [Float32Array, ...Float32Array[]];
    const stride = placeOf(second) - placeOf(first);
    const places = [weights, m, v, first].map(placeOf);
    const blocks = Math.ceil(weights.length / this.#crew.constant("adamBlock"));
    this.#crew.run("adam", blocks, [...places, stride, parts.length, weights.length, ...corrected(rate)]);
  }

  /** Weighted sum of each user's rows of the table, `[users x width]`. No item, or none with a value: zeros. */
  bag(table: Float32Array, width: number, users: SparseRows): Float32Array {
    return this.memory.borrowed(() => {
      const { index, values, ends } = listed(this.memory, users);
      const bags = this.memory.floats(users.rows.length * width);
      this.#crew.run("bag", users.rows.length, [...[bags, table, index, values, ends].map(placeOf), 4 * width]);
      return bags.slice();
    });
  }

  /** One update in place of a table whose bags have the gradients `dBags`, `[users x width]`, in the kernels' memory. */
  adamOfBags(table: Moving, width: number, dBags: Float32Array, users: SparseRows, rate: Rate): void {
    this.memory.borrowed(() => {
      const rows = table.weights.length / width;
      const { index, values, ends } = transposed(this.memory, users, rows);
      const scratch = this.memory.floats(this.#crew.threads * (width + 16));
      const places = [scratch, table.weights, table.m, table.v, dBags, index, values, ends].map(placeOf);
      const blocks = Math.ceil(rows / this.#crew.constant("rowBlock"));
      this.#crew.run("adamOfBags", blocks, [...places, rows, 4 * width, ...corrected(rate)]);
    });
  }

  /**
   * The same of a table that holds a few rows of a larger one: row k is that one's row `places[k]`, where its moments `m` and `v` lie. Rows that stand in no bag
   * stay as they are, their moments too (sparse Adam).
   */
  adamOfRows({ weights, m, v }: Moving, places: Int32Array, width: number, dBags: Float32Array, users: SparseRows, rate: Rate): void {
    this.memory.borrowed(() => {
      const { index, values, ends } = transposed(this.memory, users, places.length);
      const scratch = this.memory.floats(this.#crew.threads * (width + 16));
      const all = [scratch, weights, m, v, places, dBags, index, values, ends].map(placeOf);
      const blocks = Math.ceil(places.length / this.#crew.constant("rowBlock"));
      this.#crew.run("adamOfRows", blocks, [...all, places.length, 4 * width, ...corrected(rate)]);
    });
  }

  /** to += scale * from, of equal length. */
  add(to: Float32Array, from: Float32Array, scale: number): void {
    this.#crew.run("add", this.#sumBlocks(to), [placeOf(to), placeOf(from), to.length, scale]);
  }

  /** to = from - to, of equal length. */
  subtract(to: Float32Array, from: Float32Array): void {
    this.#crew.run("subtract", this.#sumBlocks(to), [placeOf(to), placeOf(from), to.length]);
  }

  #sumBlocks({ length }: Float32Array): number {
    return Math.ceil(length / this.#crew.constant("addBlock"));
  }

  /** Whether the array, which lies in the kernels' memory, holds no NaN and no infinity. */
  finite(array: Float32Array): boolean {
    return this.#crew.call("finite", placeOf(array), array.length) === 1;
  }

  /** A hidden layer behind its product, which stands in `h`: bias, skips, swish, LayerNorm (spec/recvae.md 1.1). `skips` grows by what `h` becomes. */
  layer({ h, normal, slope, inverse }: LayerTrace, skips: Rows, { bias, gain, shift }: LayerVectors, eps: number): void {
    const places = [h.data, skips.data, bias, gain, shift, normal.data, slope.data, inverse].map(placeOf);
    this.#crew.run("layer", h.count, [...places, 4 * h.stride, h.width, eps]);
  }

  /**
   * The way back: `d`, the gradient of h without what `later` adds to it, becomes the gradient of the sum before swish and joins `later`. Returns the gradients
   * of gain, shift and bias, summed over the rows in their order.
   */
  layerBackward({ normal, slope, inverse }: LayerTrace, d: Rows, later: Rows, gain: Float32Array): LayerVectors {
    const sums = { gain: this.memory.zeros(d.stride), shift: this.memory.zeros(d.stride), bias: this.memory.zeros(d.stride) };
    const places = [d.data, later.data, gain, normal.data, slope.data, inverse, sums.gain, sums.shift, sums.bias].map(placeOf);
    for (let row = 0; row < d.count; row++) this.#crew.call("layerBackward", row, ...places, 4 * d.stride, d.width);
    return { gain: sums.gain.slice(0, d.width), shift: sums.shift.slice(0, d.width), bias: sums.bias.slice(0, d.width) };
  }

  /** Ends the threads. */
  close(): Promise<void> {
    return this.#crew.close();
  }
}

const placeOf = (array: Float32Array | Int32Array) => array.byteOffset;

/** Adam's learning rate and the factor of its root, after bias correction. */
function corrected({ t, learningRate }: Rate): [rate: number, correction: number] {
  return [learningRate / (1 - 0.9 ** t), 1 / Math.sqrt(1 - 0.999 ** t)];
}

interface Lists {
  readonly index: Int32Array;
  readonly values: Float32Array;
  readonly ends: Int32Array;
}

function room(memory: KernelMemory, lists: number, { rows }: SparseRows): Lists {
  const entries = rows.reduce((sum, row) => sum + row.length, 0);
  return { index: memory.ints(entries), values: memory.floats(entries), ends: memory.ints(lists) };
}

/** The users' items one after another, those of value 0 left out. */
function listed(memory: KernelMemory, users: SparseRows): Lists {
  const lists = room(memory, users.rows.length, users);
  let count = 0;
  users.rows.forEach((row, user) => {
    const value = users.values[user]!;
    for (let k = 0; k < row.length; k++) {
      if (value[k] === 0) continue;
      lists.index[count] = row[k]!;
      lists.values[count++] = value[k]!;
    }
    lists.ends[user] = count;
  });
  return lists;
}

/** For each item the users that hold it, in their order (a counting sort). */
function transposed(memory: KernelMemory, { rows, values }: SparseRows, items: number): Lists {
  const lists = room(memory, items, { rows, values });
  const ends = new Int32Array(items);
  for (let user = 0; user < rows.length; user++) {
    const [row, value] = [rows[user]!, values[user]!];
    for (let k = 0; k < row.length; k++) if (value[k] !== 0) ends[row[k]!]!++;
  }
  let before = 0;
  for (let item = 0; item < items; item++) {
    const count = ends[item]!;
    ends[item] = before; // where the item's list begins; filling moves it to where it ends
    before += count;
  }
  for (let user = 0; user < rows.length; user++) {
    const [row, value] = [rows[user]!, values[user]!];
    for (let k = 0; k < row.length; k++) {
      if (value[k] === 0) continue;
      const at = ends[row[k]!]!++;
      lists.index[at] = user;
      lists.values[at] = value[k]!;
    }
  }
  lists.ends.set(ends);
  return lists;
}
