// The Adam of a replica: the weights at hand and moments that stay from stint to stint, in a kernels' memory of their
// own. Below kernel-replica.ts.
import { Kernels, type Moving, type Rate } from "../compute/kernels/kernels.ts";
import type { SparseRows } from "../compute/kernels/lists.ts";
import { allShapesOf, embeddingOf, type Group, shapesOf, type Weights } from "./parameters.ts";
import { bagWidth, type Recipe } from "./recipe.ts";

/** What moves in one phase; the first layer by the rows that are there. */
export type MovedGroup = Exclude<Group, "embedding">;

/** Rows of the first layer as they came, and as they are. */
export interface Touched {
  /** Item of each row. */
  readonly items: Int32Array;
  readonly rows: Float32Array;
}

export class InnerAdam {
  readonly kernels: Kernels;
  readonly config: Recipe;
  /** Updates so far, the t of the bias corrections. */
  readonly #updates: Record<MovedGroup, number>;
  /** Of the weights, outside the kernels' memory. */
  readonly #copies = new Map<string, Float32Array>();
  /** The first layer's weights are none of these: its rows come with each lease. */
  readonly #moving: ReadonlyMap<string, Moving>;

  /** Moments of 0, or those of `before` and 0 for items that it did not know. */
  constructor(config: Recipe, threads: number, before?: InnerAdam) {
    this.config = config;
    this.kernels = new Kernels(threads);
    this.#updates = before ? { ...before.#updates } : { hidden: 0, decoder: 0 };
    const { memory } = this.kernels;
    const embedding = embeddingOf(config);
    this.#moving = new Map(
      allShapesOf(config).map(([name, shape]) => {
        const length = shape.reduce((a, b) => a * b);
        const weights = memory.floats(name === embedding ? 0 : length);
        const moving = { weights, m: memory.zeros(length), v: memory.zeros(length) };
        const earlier = before === undefined ? undefined : before.#moving.get(name);
        if (earlier) {
          moving.m.set(earlier.m);
          moving.v.set(earlier.v);
        }
        return [name, moving];
      }),
    );
    void before?.kernels.close();
  }

  /** Sets a group's weights to what the server sent. */
  begin(group: MovedGroup, weights: Weights): void {
    for (const [name] of shapesOf(group, this.config)) this.#moving.get(name)!.weights.set(weights[name]!.data);
  }

  /** A group as it is now, in memory that the engine may use until the next call. */
  weights(group: MovedGroup): Weights {
    return Object.fromEntries(
      shapesOf(group, this.config).map(([name, shape]) => {
        const { weights } = this.#moving.get(name)!;
        const data = this.#copies.get(name) ?? new Float32Array(weights.length);
        this.#copies.set(name, data);
        data.set(weights);
        return [name, { shape, data }];
      }),
    );
  }

  /** One step of a group. */
  move(group: MovedGroup, gradients: Weights): void {
    const rate = { t: ++this.#updates[group], learningRate: this.config.learningRate };
    for (const [name] of shapesOf(group, this.config))
      this.kernels.adam(this.#moving.get(name)!, [gradients[name]!.data], rate);
  }

  /**
   * One step of the rows that `users` hold, by the gradients of their bags, `[users x hidden]`; in step with the hidden
   * group, which moves first. Items are places in `touched`.
   */
  moveRows({ items, rows }: Touched, dBag_BH: Float32Array, users: SparseRows): void {
    const rate: Rate = { t: this.#updates.hidden, learningRate: this.config.learningRate };
    const { m, v } = this.#moving.get(embeddingOf(this.config))!;
    this.kernels.adamOfRows({ weights: rows, m, v }, items, bagWidth(this.config), dBag_BH, users, rate);
  }

  /** Rows of the first layer to work on, brought to the kernels' memory. */
  touched(items: Int32Array, rows: Float32Array | Uint16Array): Touched {
    const placed = this.kernels.memory.ints(items.length);
    placed.set(items);
    return { items: placed, rows: this.#placed(rows) };
  }

  /** How far they have come from what they were. */
  differencesOfRows({ rows }: Touched, start: Float32Array | Uint16Array): Float32Array {
    const data = this.#placed(start);
    this.kernels.subtract(data, rows);
    return data;
  }

  #placed(rows: Float32Array | Uint16Array): Float32Array {
    const { memory, fromHalves } = this.kernels;
    if (rows instanceof Float32Array) return memory.place(rows);
    const floats = memory.floats(rows.length);
    fromHalves(rows, floats);
    return floats;
  }

  /** How far a group has come from `start`: views that hold until the memory is borrowed again. */
  differences(group: MovedGroup, start: Weights): Weights {
    return Object.fromEntries(
      shapesOf(group, this.config).map(([name, shape]) => {
        const data = this.kernels.memory.place(start[name]!.data);
        this.kernels.subtract(data, this.#moving.get(name)!.weights);
        return [name, { shape, data }];
      }),
    );
  }
}
