// The weights and both Adams: what the parameter server owns. Steps change it in place; groups are sent by version, encoded once for all.
import { adam } from "../../shared/model/adam.ts";
import { bagBackward, bagForward } from "../../shared/model/bag.ts";
import type { ModelConfig } from "../../shared/model/config.ts";
import {
  biasByPopularity,
  embeddingName,
  type Group,
  grow,
  groupOf,
  growRows,
  initialise,
  shapesOf,
  type Weights,
} from "../../shared/model/parameters.ts";
import { AppError } from "../../shared/runtime/errors.ts";
import { encode } from "../../shared/wire/frames.ts";
import type { Group as SentGroup } from "../../shared/wire/messages.ts";
import type { Versioned } from "./desk.ts";

/** Updates of each Adam so far, the t of its bias correction. */
interface Updates {
  encoder: number;
  decoder: number;
}

export class Optimizer {
  config: ModelConfig;
  weights: Weights;
  readonly updates: Updates;
  #m: Weights;
  #v: Weights;
  /** Of the embedding, kept between steps: allocating 48 MB a step would cost more than clearing it. */
  #gradient_IH: Float32Array;
  readonly #sent: Record<SentGroup, Versioned | undefined> = { hidden: undefined, decoder: undefined };

  /** `state` is what `state()` gave; without it Adam starts anew. */
  constructor(config: ModelConfig, weights: Weights, updates: Updates = { encoder: 0, decoder: 0 }, state?: Weights) {
    this.config = config;
    this.weights = weights;
    this.updates = updates;
    const moments = (prefix: string) =>
      Object.fromEntries(
        Object.entries(weights).map(([name, { shape, data }]) => {
          const saved = state?.[prefix + name];
          if (state && saved?.data.length !== data.length)
            throw new AppError("CHECKPOINT_CORRUPT", { what: `Adam's state of ${name} does not fit` });
          return [name, saved ?? { shape, data: new Float32Array(data.length) }];
        }),
      );
    this.#m = moments("adam_m.");
    this.#v = moments("adam_v.");
    this.#gradient_IH = new Float32Array(weights[embeddingName]!.data.length);
  }

  /** Adam's moments, under names of their own. */
  state(): Weights {
    const named = (prefix: string, moments: Weights) => Object.entries(moments).map(([name, tensor]) => [prefix + name, tensor] as const);
    return Object.fromEntries([...named("adam_m.", this.#m), ...named("adam_v.", this.#v)]);
  }

  /** Sums over each user's items of the embedding, `[B, H]`. */
  bag(rows: readonly Int32Array[], values: readonly Float32Array[]): Float32Array {
    return bagForward(this.weights[embeddingName]!.data, this.config.hidden, rows, values);
  }

  /** A group as it is now; encoded at the first call after a change. */
  group(group: SentGroup): Versioned {
    this.#sent[group] ??= versioned(group, this.weights, this.config);
    return this.#sent[group];
  }

  /** One step of the encoder's Adam. `bags` are what the parts' `dBag` stand for, in part order. */
  stepEncoder(
    gradients: Weights,
    bags: readonly { dBag_BH: Float32Array; rows: readonly Int32Array[]; values: readonly Float32Array[] }[],
  ): void {
    this.updates.encoder++;
    this.#gradient_IH.fill(0);
    for (const { dBag_BH, rows, values } of bags) bagBackward(dBag_BH, rows, values, this.#gradient_IH);
    this.#move(embeddingName, this.#gradient_IH, this.updates.encoder);
    this.#moveGroup("hidden", gradients, this.updates.encoder);
  }

  stepDecoder(gradients: Weights): void {
    this.updates.decoder++;
    this.#moveGroup("decoder", gradients, this.updates.decoder);
  }

  /** Before the first step of continuous training every item is new; see parameters.ts. */
  startFromPopularity(popularity: Float64Array): void {
    biasByPopularity(this.weights["decoder.bias"]!.data, 0, popularity);
    this.#sent.decoder = undefined;
  }

  /** Room for new items; see parameters.ts. Their moments start at 0. */
  grow(items: number, popularity: Float64Array, seed: number): void {
    if (items === this.config.items) return;
    this.weights = grow(this.weights, this.config, items, popularity, seed);
    this.config = { ...this.config, items };
    for (const group of ["embedding", "decoder"] as const) {
      for (const [name] of shapesOf(group, this.config)) {
        this.#m[name] = growRows(this.#m[name]!, items);
        this.#v[name] = growRows(this.#v[name]!, items);
      }
    }
    this.#gradient_IH = new Float32Array(this.weights[embeddingName]!.data.length);
    this.#sent.decoder = undefined;
    this.#sent.hidden = undefined; // its message carries the configuration
  }

  #moveGroup(group: Group & SentGroup, gradients: Weights, t: number): void {
    for (const [name] of shapesOf(group, this.config)) this.#move(name, gradients[name]!.data, t);
    this.#sent[group] = undefined;
  }

  #move(name: string, gradient: Float32Array, t: number): void {
    adam(this.weights[name]!.data, gradient, this.#m[name]!.data, this.#v[name]!.data, t, this.config.learningRate);
  }
}

/** The independent random encoder that stands for the old one before the first snapshot: its bags and its hidden group. */
export function firstOldEncoder(config: ModelConfig, seed: number): { bag: Optimizer["bag"]; hidden: Versioned } {
  const weights = initialise(config, seed, 1);
  return {
    bag: (rows, values) => bagForward(weights[embeddingName]!.data, config.hidden, rows, values),
    hidden: versioned("hidden", weights, config),
  };
}

/** Counts over all optimizers of the process: a trainer must never take one set of weights for another. */
let versions = 0;

function versioned(group: SentGroup, weights: Weights, config: ModelConfig): Versioned {
  const version = ++versions;
  let frames: Uint8Array[] | undefined;
  const tensors = () => Object.entries(groupOf(weights, group, config)).map(([name, { shape, data }]) => ({ name, shape, data }));
  return {
    version,
    frames: () => {
      frames ??= encode({ type: "weights", group, version, model: config }, tensors());
      return frames;
    },
  };
}
