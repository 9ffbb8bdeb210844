// The weights and both Adams: what the parameter server owns, in the kernels' memories. Steps change it in place; groups are sent by version.
import { Kernels, type Rate } from "../../../shared/compute/kernels/kernels.ts";
import type { SparseRows } from "../../../shared/compute/kernels/lists.ts";
import { embeddingTable, SEGMENT_BYTES, type Table } from "../../../shared/compute/kernels/table.ts";
import { joined } from "../../../shared/compute/pieces.ts";
import { AppError } from "../../../shared/errors/errors.ts";
import {
  biasByPopularity,
  decoderItems,
  decoderOfNewItems,
  embeddingOf,
  type Group,
  groupOf,
  initialise,
  shapesOf,
  userName,
  type Weights,
} from "../../../shared/neural/parameters.ts";
import { bagWidth, type NeuralConfig, recipeOf } from "../../../shared/neural/recipe.ts";
import type { Step } from "../../../shared/neural/schedule.ts";
import { cpu } from "../../../shared/runtime/cpu.ts";
import { reused } from "../../../shared/training/buffers.ts";
import type { Allocate } from "../../../shared/training/frames.ts";
import type { Group as SentGroup } from "../../../shared/training/messages.ts";
import { asSent, rowsName, type Wire } from "../../../shared/training/numbers.ts";
import type { WireTensor } from "../../../shared/training/tensors.ts";
import { largestAnswer, type Received } from "../scheduler/contributions.ts";
import type { Versioned } from "../scheduler/outbox.ts";
import { Norms } from "./norms.ts";
import { Residence } from "./residence.ts";

/** What one array of bytes holds. */
const MESSAGE_BYTES = 2 ** 32;

/** Updates of each Adam so far, the t of its bias correction. */
interface Updates {
  encoder: number;
  decoder: number;
}

/** Users of a step: their items, and, where users have vectors of their own, their numbers. */
export interface StepUsers extends SparseRows {
  readonly own?: ArrayLike<number> | undefined;
}

/** What a trainer answers to a part in local mode. */
export interface Came extends Pick<Received, "tensors"> {
  /** What of it counts. */
  readonly share: number;
  /** Where the first layer moved: each row's item, and what of its way counts. */
  readonly touched: { readonly items: Int32Array; readonly shares: Float32Array };
}

/** What one step of the model moves. */
type Half = "encoder" | "decoder" | "joint";

interface Settings {
  readonly updates?: Updates;
  /** What `state()` gave; without it Adam starts anew. */
  readonly state?: Weights;
  /** How weights travel, and what moves them. */
  readonly wire?: Wire;
  /** Their number changes no bit. */
  readonly threads?: number | undefined;
  /** See table.ts; where it cuts, it changes the last bits. */
  readonly segmentBytes?: number | undefined;
}

export class Optimizer {
  config: NeuralConfig;
  readonly updates: Updates;
  readonly wire: Wire;
  /** Seconds so far: of the bags, and of both Adams with the gradient of the first layer. */
  readonly spent = { firstLayer: 0, adam: 0 };
  /** How large steps are, of one in so many. */
  readonly norms = new Norms();
  readonly #residence: Residence;
  readonly #rowsMemory = reused();
  readonly #sent: Record<SentGroup, Versioned | undefined> = { hidden: undefined, decoder: undefined };

  /** Copies the weights. Throws CHECKPOINT_CORRUPT, MODEL_TOO_LARGE. */
  constructor(
    config: NeuralConfig,
    weights: Weights,
    { updates, state, wire = "f32", threads = 1, segmentBytes = SEGMENT_BYTES }: Settings = {},
  ) {
    mustTravel(config);
    this.config = config;
    this.updates = { encoder: 0, decoder: 0, ...updates };
    this.wire = wire;
    this.#residence = new Residence(new Kernels(threads), config, weights, segmentBytes);
    if (state) this.#residence.restore(state);
  }

  /** Views of the weights as they are now; of a tensor of several segments a copy, made when its `data` is looked at. */
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

  /** Looks at the numbers of answers, and turns them to halves and back. */
  get numbers(): Kernels {
    return this.#residence.home;
  }

  /** Sums over each user's items of the embedding, and the user's own vector where there is one, `[B, H]`. */
  bag({ own, ...items }: StepUsers): Float32Array {
    return this.#timed("firstLayer", () => {
      const bags_BH = this.#embedding.bag(items);
      if (!own) return bags_BH;
      const vectors_BH = this.#residence.table(userName).bag(vectorsOf(own));
      return bags_BH.map((sum, k) => sum + vectors_BH[k]!);
    });
  }

  /** Rows of the embedding, by their columns in ascending order, `[index x H]`, as they travel: they hold until the next call. */
  rows(index: Int32Array): WireTensor {
    const shape = [index.length, bagWidth(this.config)];
    const length = index.length * bagWidth(this.config);
    return this.#timed("firstLayer", () => {
      const { buffer } = this.#rowsMemory(4 * length);
      const data = this.wire === "bf16" ? new Uint16Array(buffer, 0, length) : new Float32Array(buffer, 0, length);
      if (data instanceof Uint16Array) this.#embedding.gatherHalves(index, data);
      else this.#embedding.gatherRows(index, data);
      return { name: rowsName, shape, data };
    });
  }

  /** A group as it is now, of one version until the next step. */
  group(group: SentGroup): Versioned {
    this.#sent[group] ??= versioned(group, this.weights, this.config, (tensor) => asSent(tensor, this.wire, this.numbers));
    return this.#sent[group];
  }

  /** Where the answers of a step's parts are to be kept: side by side in the kernels' memory, so that they are added up where they lie. `rows`: see largestAnswer. */
  answers(parts: readonly Uint32Array[], rows?: number): (part: number) => Allocate {
    const users = parts.reduce((most, { length }) => Math.max(most, length), 0);
    const floats = Math.ceil(largestAnswer(this.config, users, rows) / 16) * 4;
    const places = this.#residence.answers(parts.length, floats);
    return (part) => (bytes) => new Uint8Array(places[part]!.buffer, places[part]!.byteOffset, bytes);
  }

  /** One step of one Adam, or of both. `users` are those of the parts, in part order. Throws NOT_FINITE before a weight is touched. */
  step(phase: Half, parts: readonly Pick<Received, "tensors">[], users: StepUsers, index: number): void {
    this.#timed("adam", () => this.#step(phase, parts, users, index));
  }

  #step(phase: Half, parts: readonly Pick<Received, "tensors">[], users: StepUsers, index: number): void {
    const { learningRate, weightDecay } = recipeOf(this.config);
    // The penalty belongs to the step, once, not to each of its parts.
    const decay = weightDecay === 0 ? undefined : 2 * weightDecay;
    const dBags = phase === "decoder" ? undefined : cpu.in("add", () => this.#gatheredBags(parts, users, index));
    const hidden = phase === "decoder" ? undefined : cpu.in("add", () => this.#gathered("hidden", parts, index));
    const decoder = phase === "encoder" ? undefined : cpu.in("add", () => this.#gathered("decoder", parts, index));
    if (dBags && hidden) {
      const rate = { t: ++this.updates.encoder, learningRate };
      const { own, ...items } = users;
      const first = [embeddingOf(this.config), ...(own ? [userName] : [])];
      this.norms.around("encoder", this.#tablesOf("hidden", ...first), rate, () => {
        this.#embedding.adamOfBags(dBags, items, { ...rate, decay });
        if (own) this.#residence.table(userName).adamOfBags(dBags, vectorsOf(own), { ...rate, decay });
        this.#move("hidden", hidden, rate, decay);
      });
    }
    if (decoder) {
      const rate = { t: ++this.updates.decoder, learningRate };
      this.norms.around("decoder", this.#tablesOf("decoder"), rate, () => this.#move("decoder", decoder, rate, decay));
    }
  }

  /** One round of local mode: every weight moves by the weighted sum of how far the trainers brought it. Throws NOT_FINITE before a weight is touched. */
  average(phase: Step["phase"], came: readonly Came[], index: number): void {
    this.#timed("adam", () => {
      const rows = phase === "decoder" ? [] : came.map(({ tensors }) => tensors.rows!.data);
      if (!rows.every((data) => this.numbers.finite(data))) throw notFinite(embeddingOf(this.config), index);
      const groups = (["hidden", "decoder"] as const).filter(
        (group) => phase === "joint" || (phase === "encoder") === (group === "hidden"),
      );
      const gathered = groups.flatMap((group) => [...this.#gathered(group, came, index)]);
      for (const [name, differences] of gathered)
        for (const [part, data] of differences.entries()) this.#residence.table(name).add(data, came[part]!.share);
      for (const [part, data] of rows.entries()) this.#embedding.addRows(came[part]!.touched.items, data, came[part]!.touched.shares);
      for (const group of groups) this.#sent[group] = undefined;
    });
  }

  /** Before the first step of continuous training every item is new; see parameters.ts. */
  startFromPopularity(popularity: Float64Array): void {
    const bias = this.#residence.table(decoderItems(this.config).bias);
    const { data } = bias.tensor("weights");
    biasByPopularity(data, 0, popularity);
    bias.set("weights", data); // where it was a copy
    this.#sent.decoder = undefined;
  }

  /** Room for new items, where the model stands: see parameters.ts. Their moments start at 0. */
  grow(items: number, popularity: Float64Array, seed: number): void {
    const old = this.config.items;
    if (items === old) return;
    mustTravel({ ...this.config, items });
    const names = decoderItems(this.config);
    const { weight, bias } = decoderOfNewItems(this.weights[names.bias]!.data, this.config, items, popularity, seed);
    this.#residence.grow(items, this.config);
    this.#residence.table(names.weight).set("weights", weight, old);
    this.#residence.table(names.bias).set("weights", bias, old);
    this.config = { ...this.config, items };
    this.#sent.decoder = undefined;
    this.#sent.hidden = undefined; // its message carries the configuration
  }

  get #embedding(): Table {
    return this.#residence.table(embeddingOf(this.config));
  }

  /** The parts' gradients of each tensor of a group. Throws NOT_FINITE. */
  #gathered(group: SentGroup, parts: readonly Pick<Received, "tensors">[], step: number): Map<string, Float32Array[]> {
    return new Map(
      shapesOf(group, this.config).map(([name]) => {
        const found = parts.map(({ tensors }) => tensors[name]!.data);
        if (!found.every((data) => this.numbers.finite(data))) throw notFinite(name, step);
        return [name, found];
      }),
    );
  }

  /** The gradients of the parts' bags one after another. Throws NOT_FINITE. */
  #gatheredBags(parts: readonly Pick<Received, "tensors">[], { rows }: SparseRows, step: number): Float32Array {
    const dBags = joined(
      new Float32Array(rows.length * bagWidth(this.config)),
      parts.map(({ tensors }) => tensors.dBag!.data),
    );
    if (!this.numbers.finite(dBags)) throw notFinite(embeddingOf(this.config), step);
    return dBags;
  }

  #timed<T>(section: "firstLayer" | "adam", body: () => T): T {
    const startedAt = performance.now();
    const result = cpu.in(section === "adam" ? "adam" : "bags", body);
    this.spent[section] += (performance.now() - startedAt) / 1000;
    return result;
  }

  #tablesOf(group: Group & SentGroup, ...more: string[]): Table[] {
    return [...more, ...shapesOf(group, this.config).map(([name]) => name)].map((name) => this.#residence.table(name));
  }

  /** `decay` is for weights alone, not for biases. */
  #move(group: Group & SentGroup, gradients: ReadonlyMap<string, Float32Array[]>, rate: Rate, decay: number | undefined): void {
    for (const [name, parts] of gradients) this.#residence.table(name).adam(parts, name.endsWith("weight") ? { ...rate, decay } : rate);
    this.#sent[group] = undefined;
  }
}

/** Rows of a table of users' vectors: each user's own, as it is. */
const vectorsOf = (own: ArrayLike<number>): SparseRows => ({
  rows: Array.from(own, (user) => Int32Array.of(user)),
  values: Array.from(own, () => Float32Array.of(1)),
});

/** Throws MODEL_TOO_LARGE when no array can hold a part's answer. */
function mustTravel(config: NeuralConfig): void {
  const bytes = largestAnswer(config, 0);
  if (bytes > MESSAGE_BYTES) throw new AppError("MODEL_TOO_LARGE", { what: `a part's gradients are ${(bytes / 2 ** 30).toFixed(1)} GiB` });
}

const notFinite = (name: string, step: number) => new AppError("NOT_FINITE", { what: `the gradient of ${name} is not finite`, step });

/** The independent random encoder that stands for the old one before the first snapshot: its bags and its hidden group. */
export function firstOldEncoder(config: NeuralConfig, seed: number, wire: Wire): Pick<Optimizer, "bag"> & { hidden: Versioned } {
  const weights = initialise(config, seed, 1);
  const kernels = new Kernels();
  const table = embeddingTable(weights[embeddingOf(config)]!, () => kernels.beside());
  const sent = (tensor: WireTensor) => asSent(tensor, wire, kernels);
  const hidden = versioned("hidden", groupOf(weights, "hidden", config), config, sent); // the others may go
  return { bag: (users) => table.bag(users), hidden };
}

/** Counts over all optimizers of the process: a trainer must never take one set of weights for another. */
let versions = 0;

/** `sent`: a tensor as it travels; asked once. */
function versioned(group: SentGroup, weights: Weights, config: NeuralConfig, sent: (tensor: WireTensor) => WireTensor): Versioned {
  let all: WireTensor[] | undefined;
  const tensors = () =>
    (all ??= Object.entries(groupOf(weights, group, config)).map(([name, { shape, data }]) => sent({ name, shape, data })));
  return { version: ++versions, model: config, tensors };
}
