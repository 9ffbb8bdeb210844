// The publisher: what of the weights travels to trainers, in numbers of the wire: groups by version, made once for
// each, and rows of the first layer. Between the parameter store and outbox.ts, which encodes a version once for all
// trainers.
import { Kernels } from "../../../shared/compute/kernels/kernels.ts";
import { embeddingTable } from "../../../shared/compute/kernels/table.ts";
import { embeddingOf, groupOf, initialise, oldShapes, type Weights } from "../../../shared/neural/parameters.ts";
import { bagWidth, type Recipe } from "../../../shared/neural/recipe.ts";
import { reused } from "../../../shared/training/buffers.ts";
import { asSent, rowsName, type Wire } from "../../../shared/training/numbers.ts";
import type { Group, Sent } from "../../../shared/training/phases.ts";
import type { WireTensor } from "../../../shared/training/tensors.ts";
import type { Versioned } from "../scheduler/outbox.ts";
import type { Sections } from "./sections.ts";
import type { ParameterStore } from "./store.ts";

export class Publisher {
  /** How weights travel, and what moves them. */
  readonly wire: Wire;
  readonly #store: ParameterStore;
  readonly #sections: Sections;
  readonly #rowsMemory = reused();
  readonly #newest = new Map<Group, { readonly revision: number; readonly weights: Versioned }>();

  constructor(store: ParameterStore, sections: Sections, wire: Wire) {
    this.wire = wire;
    this.#store = store;
    this.#sections = sections;
  }

  /** A group as it is now, of one version until the next step. */
  group(group: Group): Versioned {
    const { weights: all, config, numbers } = this.#store;
    const revision = this.#store.revision(group);
    const newest = this.#newest.get(group);
    if (newest?.revision === revision) return newest.weights;
    const weights = versioned(group, all, config, (tensor) => asSent(tensor, this.wire, numbers));
    this.#newest.set(group, { revision, weights });
    return weights;
  }

  /** Rows of the embedding, by their columns in ascending order, `[index x H]`: they hold until the next call. */
  rows(index: Int32Array): WireTensor {
    const { embedding, config } = this.#store;
    const shape = [index.length, bagWidth(config)];
    const length = index.length * bagWidth(config);
    return this.#sections.timed("firstLayer", () => {
      const { buffer } = this.#rowsMemory(4 * length);
      const data = this.wire === "bf16" ? new Uint16Array(buffer, 0, length) : new Float32Array(buffer, 0, length);
      if (data instanceof Uint16Array) embedding.gatherHalves(index, data);
      else embedding.gatherRows(index, data);
      return { name: rowsName, shape, data };
    });
  }
}

/**
 * The independent random encoder that stands for the old one before the first snapshot: its bags and its hidden group.
 */
export function firstOldEncoder(
  config: Recipe,
  seed: number,
  wire: Wire,
): Pick<ParameterStore, "bag"> & { hidden: Versioned } {
  const weights = initialise(config, seed, 1);
  const kernels = new Kernels();
  const table = embeddingTable(weights[embeddingOf(config)]!, () => kernels.beside());
  const sent = (tensor: WireTensor) => asSent(tensor, wire, kernels);
  const hidden = versioned("hidden", groupOf(weights, "hidden", config), config, sent); // the others may go
  return { bag: (users) => table.bag(users), hidden };
}

/** An encoder as it was, its first layer too. */
export interface OldEncoder {
  readonly weights: Weights;
  readonly sent: Versioned;
}

/** The old encoder before the first snapshot, see above. */
export const firstOldOf = (config: Recipe, seed: number, wire: Wire): OldEncoder =>
  oldEncoderOf(initialise(config, seed, 1), config, wire);

/** Copies the encoder, which moves on. */
export function oldEncoderOf(from: Weights, config: Recipe, wire: Wire): OldEncoder {
  const shapes = oldShapes(config);
  const weights = Object.fromEntries(
    shapes.map(([name, shape]) => [name, { shape, data: Float32Array.from(from[name]!.data) }]),
  );
  const kernels = new Kernels();
  return { weights, sent: versioned("old", weights, config, (tensor) => asSent(tensor, wire, kernels)) };
}

/** Counts over all publishers of the process: a trainer must never take one set of weights for another. */
let versions = 0;

/** `sent`: a tensor as it travels; asked once. */
function versioned(group: Sent, weights: Weights, config: Recipe, sent: (tensor: WireTensor) => WireTensor): Versioned {
  let all: WireTensor[] | undefined;
  const tensors = () =>
    (all ??= Object.entries(group === "old" ? weights : groupOf(weights, group, config)).map(
      ([name, { shape, data }]) => sent({ name, shape, data }),
    ));
  return { version: ++versions, model: config, tensors };
}
