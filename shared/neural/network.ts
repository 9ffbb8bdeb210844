// The port between what a trainer does and how it is computed: the network, hidden group and decoder, as it lies on an
// engine. Arrays in, arrays out. Every gradient is the part's share of its batch's mean, so the parts of a step ADD UP
// to the gradient of the step. Behind it kernel-network.ts and graph/network.ts; open-network.ts opens one. Shapes: B
// users, I items, H width of the bag, L latent.
import type { SectionDone } from "../compute/section-timer.ts";
import type { Group, Weights } from "./parameters.ts";
import type { Split } from "./ract.ts";
import type { Recipe } from "./recipe.ts";

export interface Network {
  /**
   * Replaces a group on the engine. The arrays' memory must stay as it is until the group is replaced. Throws
   * ENGINE_UNFIT when the engine cannot compute such a model.
   */
  take(group: Exclude<Group, "embedding">, recipe: Recipe, weights: Weights): void;
  /** Throws where nothing is sampled. */
  posterior(bag_BH: Float32Array): Posterior;
  /** With `joint` the decoder's gradients come along, from the same sample. */
  encoder(part: EncoderPart, joint: boolean): EncoderResult;
  /** Moves nothing of the encoder. z is sampled here too. */
  decoder(part: DecoderPart): DecoderResult;
  /** Gradients of the critic alone: the network stays as it is, and is asked no gradient. */
  critic(part: CriticPart): CriticResult;
  /**
   * Scores `[B, I]`, logits where the likelihood is multinomial, at the posterior's mean. A user of whom nothing is
   * known gets the decoder's bias.
   */
  score(bag_BH: Float32Array): Float32Array;
  dispose(): void;
}

export interface Posterior {
  /** `[B, L]` */
  readonly mu_BL: Float32Array;
  readonly logvar_BL: Float32Array;
}

export interface Part {
  /** First layer's product, from bag.ts: with dropout in encoder steps, without in decoder steps. */
  readonly bag_BH: Float32Array;
  /** Items of each user, whole rows. */
  readonly rows: readonly Int32Array[];
  /** Standard normal draws, `[B, L]`; empty where nothing is sampled. */
  readonly noise_BL: Float32Array;
  /** Users of the whole batch, of which this part holds some. */
  readonly batchSize: number;
  readonly sectionDone?: SectionDone;
}

export interface EncoderPart extends Part {
  /**
   * What the old encoder says of these users, without dropout. It doesn't change within an outer epoch. Only the
   * composite prior asks for it.
   */
  readonly old?: Posterior | undefined;
  /** Weight of the step's KL term, where it is one for all users; see recipe.ts. */
  readonly beta?: number | undefined;
  /**
   * RaCT's critic and masks: the likelihood then moves by the slope of the critic's guess, and the critic's gradients
   * come along.
   */
  readonly forCritic?: Pick<CriticPart, "critic" | "splits"> | undefined;
}
export type DecoderPart = Part;

/** RaCT's: the network was shown what of each row was kept, the critic judges its lists by the rest. */
export interface CriticPart extends Part {
  readonly critic: Weights;
  readonly splits: readonly Split[];
}

export interface EncoderResult {
  /** Of every tensor of the hidden group; in a joint step of the decoder group too. */
  readonly gradients: Weights;
  /** Gradient of the bag, `[B, H]`, for the step of the first layer. */
  readonly dBag_BH: Float32Array;
  /** Negative log-likelihood, summed over the part's users, divided by the batch size. */
  readonly reconstruction: number;
  /** Weighted KL term, summed and divided alike; 0 where there is none. */
  readonly kl: number;
}

export interface DecoderResult {
  /** Of every tensor of the decoder group. */
  readonly gradients: Weights;
  readonly reconstruction: number;
  /** Of these users; undefined where nothing is sampled. */
  readonly posterior: Posterior | undefined;
}

export type CriticResult = Pick<DecoderResult, "gradients" | "reconstruction">;
