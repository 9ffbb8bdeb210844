// The weights and both Adams: what the parameter server owns, in the kernels' memory. Steps change it in place; groups are sent by version.
import { Kernels, type SparseRows } from "../../shared/kernels/kernels.ts";
import type { ModelConfig } from "../../shared/model/config.ts";
import {
  biasByPopularity,
  embeddingName,
  type Group,
  grow,
  groupOf,
  initialise,
  shapesOf,
  type Weights,
} from "../../shared/model/parameters.ts";
import type { Step } from "../../shared/model/schedule.ts";
import { cpu } from "../../shared/runtime/cpu.ts";
import { AppError } from "../../shared/runtime/errors.ts";
import type { Allocate } from "../../shared/wire/frames.ts";
import type { Group as SentGroup } from "../../shared/wire/messages.ts";
import { largestAnswer, type Received } from "./contributions.ts";
import type { Versioned } from "./outbox.ts";
import { Residence } from "./residence.ts";

/** Updates of each Adam so far, the t of its bias correction. */
interface Updates {
  encoder: number;
  decoder: number;
}

export class Optimizer {
  config: ModelConfig;
  readonly updates: Updates;
  /** Seconds so far: of the bags, and of both Adams with the gradient of the first layer. */
  readonly spent = { firstLayer: 0, adam: 0 };
  #residence: Residence;
  readonly #threads: number;
  readonly #sent: Record<SentGroup, Versioned | undefined> = { hidden: undefined, decoder: undefined };

  /** Copies the weights. `state` is what `state()` gave; without it Adam starts anew. The number of threads changes no bit. Throws CHECKPOINT_CORRUPT. */
  constructor(config: ModelConfig, weights: Weights, updates: Updates = { encoder: 0, decoder: 0 }, state?: Weights, threads = 1) {
    this.config = config;
    this.updates = updates;
    this.#threads = threads;
    this.#residence = new Residence(new Kernels(threads), config, weights, config.items);
    if (state) this.#residence.restore(state);
  }

  get weights(): Weights {
    return this.#residence.weights;
  }

  /** Adam's moments, under names of their own. */
  state(): Weights {
    return this.#residence.state();
  }

  /** Name of the first weight or moment that holds a NaN or an infinity. */
  findNonFinite(): string | undefined {
    const { kernels } = this.#residence;
    return Object.entries({ ...this.weights, ...this.state() }).find(([, { data }]) => !kernels.finite(data))?.[0];
  }

  /** Sums over each user's items of the embedding, `[B, H]`. */
  bag(users: SparseRows): Float32Array {
    return this.#timed("firstLayer", () => this.#residence.kernels.bag(this.weights[embeddingName]!.data, this.config.hidden, users));
  }

  /** A group as it is now, of one version until the next step. */
  group(group: SentGroup): Versioned {
    this.#sent[group] ??= versioned(group, this.weights, this.config);
    return this.#sent[group];
  }

  /** Where the answers of a step's parts are to be kept: side by side in the kernels' memory, so that they are added up where they lie. */
  answers(parts: readonly Uint32Array[]): (part: number) => Allocate {
    const users = parts.reduce((most, { length }) => Math.max(most, length), 0);
    const floats = Math.ceil(largestAnswer({ ...this.config, items: this.#residence.capacity }, users) / 16) * 4;
    const places = this.#residence.answers(parts.length, floats);
    return (part) => (bytes) => new Uint8Array(places[part]!.buffer, places[part]!.byteOffset, bytes);
  }

  /** One step of one Adam, or of both. `users` are those of the parts, in part order. Throws NOT_FINITE before a weight is touched. */
  step(phase: Step["phase"], parts: readonly Pick<Received, "tensors">[], users: SparseRows, index: number): void {
    this.#timed("adam", () => this.#step(phase, parts, users, index));
  }

  #step(phase: Step["phase"], parts: readonly Pick<Received, "tensors">[], users: SparseRows, index: number): void {
    const { kernels } = this.#residence;
    kernels.memory.borrowed(() => {
      const dBags = phase === "decoder" ? undefined : cpu.in("add", () => this.#gatheredBags(parts, users, index));
      const hidden = phase === "decoder" ? undefined : cpu.in("add", () => this.#gathered("hidden", parts, index));
      const decoder = phase === "encoder" ? undefined : cpu.in("add", () => this.#gathered("decoder", parts, index));
      if (dBags && hidden) {
        const rate = { t: ++this.updates.encoder, learningRate: this.config.learningRate };
        kernels.adamOfBags(this.#residence.moving(embeddingName), this.config.hidden, dBags, users, rate);
        this.#move("hidden", hidden, this.updates.encoder);
      }
      if (decoder) this.#move("decoder", decoder, ++this.updates.decoder);
    });
  }

  /** Before the first step of continuous training every item is new; see parameters.ts. */
  startFromPopularity(popularity: Float64Array): void {
    biasByPopularity(this.weights["decoder.bias"]!.data, 0, popularity);
    this.#sent.decoder = undefined;
  }

  /** Room for new items; see parameters.ts. Their moments start at 0. */
  grow(items: number, popularity: Float64Array, seed: number): void {
    if (items === this.config.items) return;
    const grown = grow(this.weights, this.config, items, popularity, seed);
    this.config = { ...this.config, items };
    this.#residence = this.#residence.grown(this.config, grown, () => new Kernels(this.#threads));
    this.#sent.decoder = undefined;
    this.#sent.hidden = undefined; // its message carries the configuration
  }

  /** The parts' gradients of each tensor of a group, at equal distances in the kernels' memory. Throws NOT_FINITE. */
  #gathered(group: SentGroup, parts: readonly Pick<Received, "tensors">[], step: number): Map<string, Float32Array[]> {
    const { kernels } = this.#residence;
    return new Map(
      shapesOf(group, this.config).map(([name]) => {
        const found = parts.map(({ tensors }) => tensors[name]!.data);
        const placed = found.every((data) => kernels.memory.holds(data)) ? found : found.map((data) => kernels.memory.place(data));
        if (!placed.every((data) => kernels.finite(data))) throw notFinite(name, step);
        return [name, placed];
      }),
    );
  }

  /** The gradients of the parts' bags, in the kernels' memory. Throws NOT_FINITE. */
  #gatheredBags(parts: readonly Pick<Received, "tensors">[], { rows }: SparseRows, step: number): Float32Array {
    const { kernels } = this.#residence;
    const dBags = kernels.memory.floats(rows.length * this.config.hidden);
    let at = 0;
    for (const { tensors } of parts) {
      dBags.set(tensors.dBag!.data, at);
      at += tensors.dBag!.data.length;
    }
    if (!kernels.finite(dBags)) throw notFinite(embeddingName, step);
    return dBags;
  }

  #timed<T>(section: "firstLayer" | "adam", body: () => T): T {
    const startedAt = performance.now();
    const result = cpu.in(section === "adam" ? "adam" : "bags", body);
    this.spent[section] += (performance.now() - startedAt) / 1000;
    return result;
  }

  #move(group: Group & SentGroup, gradients: ReadonlyMap<string, Float32Array[]>, t: number): void {
    const rate = { t, learningRate: this.config.learningRate };
    for (const [name, parts] of gradients) this.#residence.kernels.adam(this.#residence.moving(name), parts, rate);
    this.#sent[group] = undefined;
  }
}

const notFinite = (name: string, step: number) => new AppError("NOT_FINITE", { what: `the gradient of ${name} is not finite`, step });

/** The independent random encoder that stands for the old one before the first snapshot: its bags and its hidden group. */
export function firstOldEncoder(config: ModelConfig, seed: number): Pick<Optimizer, "bag"> & { hidden: Versioned } {
  const weights = initialise(config, seed, 1);
  const kernels = new Kernels();
  const table = kernels.memory.place(weights[embeddingName]!.data);
  return { bag: (users) => kernels.bag(table, config.hidden, users), hidden: versioned("hidden", weights, config) };
}

/** Counts over all optimizers of the process: a trainer must never take one set of weights for another. */
let versions = 0;

function versioned(group: SentGroup, weights: Weights, config: ModelConfig): Versioned {
  const tensors = () => Object.entries(groupOf(weights, group, config)).map(([name, { shape, data }]) => ({ name, shape, data }));
  return { version: ++versions, model: config, tensors };
}
