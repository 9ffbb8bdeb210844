// The parameter store: what the weights and Adam's moments of a run are, for how many items, and what of them is asked
// for where they lie (residence.ts). updater.ts moves them, publisher.ts sends them.
import { Kernels } from "../../../shared/compute/kernels/kernels.ts";
import type { SparseRows } from "../../../shared/compute/kernels/lists.ts";
import { SEGMENT_BYTES, type Table } from "../../../shared/compute/kernels/table.ts";
import { AppError } from "../../../shared/errors/errors.ts";
import {
  biasByPopularity,
  decoderItems,
  decoderOfNewItems,
  embeddingOf,
  userName,
  type Weights,
} from "../../../shared/neural/parameters.ts";
import type { Recipe } from "../../../shared/neural/recipe.ts";
import type { Allocate } from "../../../shared/training/frames.ts";
import type { Group } from "../../../shared/training/phases.ts";
import { largestAnswer } from "../scheduler/contributions.ts";
import { Residence } from "./residence.ts";
import type { Sections } from "./sections.ts";

/** What one array of bytes holds. */
const MESSAGE_BYTES = 2 ** 32;

/** Users of a step: their items, and, where users have vectors of their own, their numbers. */
export interface StepUsers extends SparseRows {
  readonly own?: ArrayLike<number> | undefined;
}

export interface StoreSettings {
  /** What `state()` gave; without it the moments are 0. */
  readonly state?: Weights;
  /** Their number changes no bit. */
  readonly threads?: number | undefined;
  /** See table.ts; where it cuts, it changes the last bits. */
  readonly segmentBytes?: number | undefined;
}

export class ParameterStore {
  #config: Recipe;
  readonly #residence: Residence;
  readonly #sections: Sections;
  readonly #revisions: Record<Group, number> = { hidden: 0, decoder: 0 };

  /** Copies the weights. Throws CHECKPOINT_CORRUPT, MODEL_TOO_LARGE. */
  constructor(
    config: Recipe,
    weights: Weights,
    sections: Sections,
    { state, threads = 1, segmentBytes = SEGMENT_BYTES }: StoreSettings = {},
  ) {
    mustTravel(config);
    this.#config = config;
    this.#sections = sections;
    this.#residence = new Residence(new Kernels(threads), config, weights, segmentBytes);
    if (state) this.#residence.restore(state);
  }

  get config(): Recipe {
    return this.#config;
  }

  /**
   * Views of the weights as they are now; of a tensor of several segments a copy, made when its `data` is looked at.
   */
  get weights(): Weights {
    return this.#residence.weights;
  }

  /** Adam's moments, under names of their own, seen like the weights. */
  state(): Weights {
    return this.#residence.state();
  }

  /** Name of the first weight or moment that holds a NaN or an infinity. */
  findNonFinite(): string | undefined {
    return this.#residence.findNonFinite();
  }

  /** Where the answers are: looks at their numbers, and turns them to halves and back. */
  get numbers(): Kernels {
    return this.#residence.home;
  }

  table(name: string): Table {
    return this.#residence.table(name);
  }

  get embedding(): Table {
    return this.table(embeddingOf(this.#config));
  }

  /** Another number after each change of a group. */
  revision(group: Group): number {
    return this.#revisions[group];
  }

  /** To be told by whoever moved weights of the group. */
  changed(group: Group): void {
    this.#revisions[group]++;
  }

  /** Sums over each user's items of the embedding, and the user's own vector where there is one, `[B, H]`. */
  bag({ own, ...items }: StepUsers): Float32Array {
    return this.#sections.timed("firstLayer", () => {
      const bags_BH = this.embedding.bag(items);
      if (!own) return bags_BH;
      const vectors_BH = this.table(userName).bag(vectorsOf(own));
      return bags_BH.map((sum, k) => sum + vectors_BH[k]!);
    });
  }

  /**
   * Where the answers of a step's parts are to be kept: side by side in the kernels' memory, so that they are added up
   * where they lie. `rows`: see largestAnswer.
   */
  answers(parts: readonly Uint32Array[], rows?: number): (part: number) => Allocate {
    const users = parts.reduce((most, { length }) => Math.max(most, length), 0);
    const floats = Math.ceil(largestAnswer(this.#config, users, rows) / 16) * 4;
    const places = this.#residence.answers(parts.length, floats);
    return (part) => (bytes) => new Uint8Array(places[part]!.buffer, places[part]!.byteOffset, bytes);
  }

  /** Before the first step of continuous training every item is new; see parameters.ts. */
  startFromPopularity(popularity: Float64Array): void {
    const bias = this.table(decoderItems(this.#config).bias);
    const { data } = bias.tensor("weights");
    biasByPopularity(data, 0, popularity);
    bias.set("weights", data); // where it was a copy
    this.changed("decoder");
  }

  /** Room for new items, where the model stands: see parameters.ts. Their moments start at 0. */
  grow(items: number, popularity: Float64Array, seed: number): void {
    const old = this.#config.items;
    if (items === old) return;
    mustTravel({ ...this.#config, items });
    const names = decoderItems(this.#config);
    const { weight, bias } = decoderOfNewItems(this.weights[names.bias]!.data, this.#config, items, popularity, seed);
    this.#residence.grow(items, this.#config);
    this.table(names.weight).set("weights", weight, old);
    this.table(names.bias).set("weights", bias, old);
    this.#config = { ...this.#config, items };
    this.changed("decoder");
    this.changed("hidden"); // its message carries the configuration
  }
}

/** Rows of a table of users' vectors: each user's own, as it is. */
export const vectorsOf = (own: ArrayLike<number>): SparseRows => ({
  rows: Array.from(own, (user) => Int32Array.of(user)),
  values: Array.from(own, () => Float32Array.of(1)),
});

/** Throws MODEL_TOO_LARGE when no array can hold a part's answer. */
function mustTravel(config: Recipe): void {
  const bytes = largestAnswer(config, 0);
  if (bytes > MESSAGE_BYTES)
    throw new AppError("MODEL_TOO_LARGE", { what: `a part's gradients are ${(bytes / 2 ** 30).toFixed(1)} GiB` });
}
