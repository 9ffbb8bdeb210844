// The port between a trainer that takes steps on its own (local mode) and how they are computed: a replica of the
// model, which moves from step to step where it lies. Weights in, how far they came out. Behind it kernel-replica.ts
// and graph/replica.ts; open-network.ts opens one.
import type { SectionDone } from "../compute/section-timer.ts";
import type { Posterior } from "./network.ts";
import type { Weights } from "./parameters.ts";
import type { Recipe } from "./recipe.ts";

/** One step: the key of its draws, how many of the stint's users belong to it, whether their items are dropped. */
export interface InnerStep {
  readonly step: number;
  readonly users: number;
  readonly dropout: boolean;
}

/** Steps of one phase, one after another. */
export interface Stint {
  readonly config: Recipe;
  /** The groups as the server sent them. Their memory stays as it is until they are replaced. */
  readonly hidden: Weights;
  readonly decoder: Weights;
  readonly inner: readonly InnerStep[];
  /** Users of the whole outer step: losses are shares of their mean. */
  readonly batchSize: number;
  /** Keys of the users' draws. */
  readonly keys: Int32Array;
  /** Their rows, one behind another, and where each ends. */
  readonly columns: Int32Array;
  readonly ends: Int32Array;
  /** Items that the stint touches, and their rows of the first layer, `[items, H]`, as float32 or halves. */
  readonly items: Int32Array;
  readonly table: Float32Array | Uint16Array;
  readonly sectionDone: SectionDone;
}

/** The old encoder: what it says of the stint's users, `[users, L]`, or itself, hidden group and first layer. */
export type Old = { readonly says: Posterior } | { readonly weights: Weights };

export interface Moved {
  readonly reconstruction: number;
  readonly kl: number;
  /** How far each tensor of the groups that moved has come. Views: they hold until the next stint. */
  readonly differences: Weights;
  /** How far the rows of the stint's items have come, `[items, H]`. */
  readonly rows?: Float32Array;
  /** What the encoder, which stands still, says of each user, where that was asked for. */
  readonly posterior?: Posterior;
  /** The first step whose loss was no finite number. */
  readonly notFinite?: number | undefined;
}

export interface Replica {
  /** Moves the encoder, its first layer by the rows at hand; in a joint phase the decoder too. */
  encoder(stint: Stint, old: Old, joint: boolean): Moved;
  /** Moves the decoder; `says`: what the encoder says of the users is asked for. */
  decoder(stint: Stint, says: boolean): Moved;
  dispose(): void;
}
