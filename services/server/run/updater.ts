// The updater: moves the weights of a step's groups by the sum of what its parts answered, each group by an Adam of its
// own (encoder, decoder); in local mode by the weighted sum of how far the trainers came. Between outer-epoch.ts,
// outer-step.ts and the parameter store.
import type { Rate } from "../../../shared/compute/kernels/kernels.ts";
import type { SparseRows } from "../../../shared/compute/kernels/lists.ts";
import type { Table } from "../../../shared/compute/kernels/table.ts";
import { joined } from "../../../shared/compute/pieces.ts";
import { AppError } from "../../../shared/errors/errors.ts";
import { embeddingOf, shapesOf, userName } from "../../../shared/neural/parameters.ts";
import { bagWidth } from "../../../shared/neural/recipe.ts";
import { cpu } from "../../../shared/runtime/cpu.ts";
import { type Group, groups, type Moved, type Phase, phaseOf } from "../../../shared/training/phases.ts";
import type { Received } from "../scheduler/contributions.ts";
import { Norms } from "./norms.ts";
import type { Sections } from "./sections.ts";
import { type ParameterStore, type StepUsers, vectorsOf } from "./store.ts";

/** Updates of each Adam so far, the t of its bias correction. */
export interface Updates {
  encoder: number;
  decoder: number;
}

/** What a trainer answers to a part. Numbers that nobody has looked through yet are looked through here. */
type Answer = Pick<Received, "tensors" | "finite">;

/** The same in local mode. */
export interface Came extends Answer {
  /** What of it counts. */
  readonly share: number;
  /** Where the first layer moved: each row's item, and what of its way counts. */
  readonly touched: { readonly items: Int32Array; readonly shares: Float32Array };
}

export class Updater {
  readonly updates: Updates;
  /** How large steps are, of one in so many. */
  readonly norms = new Norms();
  readonly #store: ParameterStore;
  readonly #sections: Sections;

  constructor(store: ParameterStore, sections: Sections, updates?: Updates) {
    this.updates = { encoder: 0, decoder: 0, ...updates };
    this.#store = store;
    this.#sections = sections;
  }

  /**
   * One step of the Adams of the halves that the phase moves, if any. `users` are those of the parts, in part order.
   * Throws NOT_FINITE before a weight is touched.
   */
  step(phase: Phase, parts: readonly Answer[], users: StepUsers, index: number): void {
    this.#sections.timed("adam", () => this.#step(phase, parts, users, index));
  }

  #step(phase: Phase, parts: readonly Answer[], users: StepUsers, index: number): void {
    const store = this.#store;
    const { learningRate, weightDecay } = store.config;
    // The penalty belongs to the step, once, not to each of its parts.
    const decay = weightDecay === 0 ? undefined : 2 * weightDecay;
    const { moves } = phaseOf(phase);
    const of = <T>(half: Moved, gather: () => T) => (moves.includes(half) ? cpu.in("add", gather) : undefined);
    const dBags = of("encoder", () => this.#gatheredBags(parts, users, index));
    const hidden = of("encoder", () => this.#gathered("hidden", parts, index));
    const decoder = of("decoder", () => this.#gathered("decoder", parts, index));
    if (dBags && hidden) {
      const rate = { t: ++this.updates.encoder, learningRate };
      const { own, ...items } = users;
      const first = [embeddingOf(store.config), ...(own ? [userName] : [])];
      this.norms.around("encoder", this.#tablesOf("hidden", ...first), rate, () => {
        store.embedding.adamOfBags(dBags, items, { ...rate, decay });
        if (own) store.table(userName).adamOfBags(dBags, vectorsOf(own), { ...rate, decay });
        this.#move("hidden", hidden, rate, decay);
      });
    }
    if (decoder) {
      const rate = { t: ++this.updates.decoder, learningRate };
      this.norms.around("decoder", this.#tablesOf("decoder"), rate, () => this.#move("decoder", decoder, rate, decay));
    }
  }

  /**
   * One round of local mode: every weight moves by the weighted sum of how far the trainers brought it. Throws
   * NOT_FINITE before a weight is touched.
   */
  average(phase: Phase, came: readonly Came[], index: number): void {
    this.#sections.timed("adam", () => {
      const store = this.#store;
      const { gives } = phaseOf(phase);
      const rows = gives.includes("firstLayer")
        ? this.#found("rows", came, () => notFinite(embeddingOf(store.config), index))
        : [];
      const moved = groups.filter((group) => gives.includes(group));
      const gathered = moved.flatMap((group) => [...this.#gathered(group, came, index)]);
      for (const [name, differences] of gathered)
        for (const [part, data] of differences.entries()) store.table(name).add(data, came[part]!.share);
      for (const [part, data] of rows.entries())
        store.embedding.addRows(came[part]!.touched.items, data, came[part]!.touched.shares);
      for (const group of moved) store.changed(group);
    });
  }

  /** The parts' gradients of each tensor of a group. Throws NOT_FINITE. */
  #gathered(group: Group, parts: readonly Answer[], step: number): Map<string, Float32Array[]> {
    const names = shapesOf(group, this.#store.config).map(([name]) => name);
    return new Map(names.map((name) => [name, this.#found(name, parts, () => notFinite(name, step))]));
  }

  /** The gradients of the parts' bags one after another. Throws NOT_FINITE. */
  #gatheredBags(parts: readonly Answer[], { rows }: SparseRows, step: number): Float32Array {
    const { config } = this.#store;
    const found = this.#found("dBag", parts, () => notFinite(embeddingOf(config), step));
    return joined(new Float32Array(rows.length * bagWidth(config)), found);
  }

  /** A tensor of every part. Throws where one is not finite. */
  #found(name: string, parts: readonly Answer[], error: () => AppError): Float32Array[] {
    return parts.map(({ tensors, finite }) => {
      const { data } = tensors[name]!;
      if (!finite && !this.#store.numbers.finite(data)) throw error();
      return data;
    });
  }

  #tablesOf(group: Group, ...more: string[]): Table[] {
    return [...more, ...shapesOf(group, this.#store.config).map(([name]) => name)].map((name) =>
      this.#store.table(name),
    );
  }

  /** `decay` is for weights alone, not for biases. */
  #move(group: Group, gradients: ReadonlyMap<string, Float32Array[]>, rate: Rate, decay: number | undefined): void {
    for (const [name, parts] of gradients)
      this.#store.table(name).adam(parts, name.endsWith("weight") ? { ...rate, decay } : rate);
    this.#store.changed(group);
  }
}

const notFinite = (name: string, step: number) =>
  new AppError("NOT_FINITE", { what: `the gradient of ${name} is not finite`, step });
