// Where the weights and their moments live: arrays in the kernels' memory, with room behind them for items to come. Below optimizer.ts.
import type { Kernels, Moving } from "../../shared/kernels/kernels.ts";
import type { ModelConfig } from "../../shared/model/config.ts";
import { allShapesOf, type Weights } from "../../shared/model/parameters.ts";
import { AppError } from "../../shared/runtime/errors.ts";

/** Room for a quarter more when items come: a new memory for every handful of them would be copied too often. */
const HEADROOM = 1.25;
const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b);

export class Residence {
  readonly kernels: Kernels;
  readonly weights: Weights;
  readonly #m: Weights;
  readonly #v: Weights;
  /** Arrays as long as the room allows; what is in use is their beginning. */
  readonly #whole: Map<string, Moving>;
  /** Items that there is room for. */
  readonly capacity: number;
  #answers: Float32Array = new Float32Array(0);

  constructor(kernels: Kernels, config: ModelConfig, from: Weights, capacity: number, whole?: Map<string, Moving>) {
    this.kernels = kernels;
    this.capacity = capacity;
    const room = () => new Map(allShapesOf({ ...config, items: capacity }).map(([name, shape]) => [name, roomFor(kernels, shape)]));
    this.#whole = whole ?? room();
    const view = (which: keyof Moving) =>
      Object.fromEntries(
        allShapesOf(config).map(([name, shape]) => [name, { shape, data: this.#whole.get(name)![which].subarray(0, sizeOf(shape)) }]),
      );
    this.weights = view("weights");
    this.#m = view("m");
    this.#v = view("v");
    for (const [name, { data }] of Object.entries(this.weights)) data.set(from[name]!.data);
  }

  /** A tensor with its moments. */
  moving(name: string): Moving {
    return { weights: this.weights[name]!.data, m: this.#m[name]!.data, v: this.#v[name]!.data };
  }

  state(): Weights {
    const named = (prefix: string, moments: Weights) => Object.entries(moments).map(([name, tensor]) => [prefix + name, tensor] as const);
    return Object.fromEntries([...named("adam_m.", this.#m), ...named("adam_v.", this.#v)]);
  }

  /** The moments of an earlier `state()`. Throws CHECKPOINT_CORRUPT. */
  restore(state: Weights): void {
    for (const [name, { data }] of Object.entries(this.state())) {
      if (state[name]?.data.length !== data.length) throw new AppError("CHECKPOINT_CORRUPT", { what: `Adam's state ${name} does not fit` });
      data.set(state[name].data);
    }
  }

  /** Room for the answers of a step's parts, `floats` each; the same memory at every step. Not to be called while memory is borrowed. */
  answers(parts: number, floats: number): Float32Array[] {
    if (this.#answers.length < parts * floats) this.#answers = this.kernels.memory.floats(parts * floats);
    return Array.from({ length: parts }, (_, part) => this.#answers.subarray(part * floats, (part + 1) * floats));
  }

  /** With `weights` of more items; the moments of new ones are 0. The old residence must not be used any more. */
  grown(config: ModelConfig, weights: Weights, another: () => Kernels): Residence {
    if (config.items <= this.capacity) {
      const same = new Residence(this.kernels, config, weights, this.capacity, this.#whole);
      same.#answers = this.#answers;
      return same;
    }
    const larger = new Residence(another(), config, weights, Math.ceil(config.items * HEADROOM));
    for (const [name, { m, v }] of larger.#whole) {
      m.set(this.#m[name]!.data);
      v.set(this.#v[name]!.data);
    }
    void this.kernels.close();
    return larger;
  }
}

function roomFor({ memory }: Kernels, shape: readonly number[]): Moving {
  const length = sizeOf(shape);
  return { weights: memory.floats(length), m: memory.floats(length), v: memory.floats(length) };
}
