// The recipe of a neural system: encoder, sampling, decoder, likelihood, regulariser. Shapes, gradients and scores
// follow from this record and the weights, and nothing that computes knows which system it is of; shared/systems/ has
// the recipe of each.
import { z } from "zod";

const positive = z.number().int().positive();
const factor = z.number().min(0);
const share = z.number().min(0).max(1);
const rate = z.number().min(0).lt(1);
const learningRate = z.number().positive();

/**
 * Of the composite prior's parts: standard normal, old posterior, wide normal; they sum to 1. A zero leaves the part
 * out.
 */
export const mixtureWeights = z.tuple([share, share, share]);
export const sumsToOne = (weights: readonly number[]): boolean => Math.abs(weights.reduce((a, b) => a + b) - 1) < 1e-6;

/**
 * `multinomial`: -sum x log softmax(score). `gaussian`: sum (score - x)^2 / 2. `square`: sum (score - x)^2.
 * `bernoulli`: cross-entropy of sigmoid(score). Over all items. `warp` and `lambdarank` are no likelihoods but losses
 * of ranks: warp.ts, lambdarank.ts.
 */
export const likelihoods = ["multinomial", "gaussian", "square", "bernoulli", "warp", "lambdarank"] as const;

/** Weights that a run begins with: PyTorch's uniform ones, or Xavier's with small biases. */
export const firstValues = ["pytorch", "xavier"] as const;

const encoder = z.discriminatedUnion("kind", [
  /** tanh layers; the first is an embedding bag. Without one the bag itself, and a bias, give mean and log-variance. */
  z.strictObject({ kind: z.literal("plain"), widths: z.array(positive).max(8) }),
  /** RecVAE's five layers with skips, swish and LayerNorm. */
  z.strictObject({ kind: z.literal("residual"), width: positive, layerNormEps: z.number().positive() }),
]);

const regulariser = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("none") }),
  /**
   * KL to the standard normal in closed form. Its weight is `gamma` per item of the user, or, where that is null, grows
   * evenly from 0 to `cap` in `cap * annealSteps` updates; with 0 steps it is `cap` from the first on.
   */
  z.strictObject({
    kind: z.literal("standard"),
    gamma: factor.nullable(),
    cap: factor,
    annealSteps: z.number().int().min(0),
  }),
  /** KL of a sample to RecVAE's composite prior; `gamma` per item of the user, or `beta`. */
  z.strictObject({
    kind: z.literal("composite"),
    gamma: factor.nullable(),
    beta: factor.nullable(),
    mixtureWeights,
    /** LOG-variance of the wide part: 10 means a variance of e^10. */
    wideLogVariance: z.number(),
  }),
]);
export type Regulariser = z.output<typeof regulariser>;
export type Composite = Extract<Regulariser, { kind: "composite" }>;

/** As stored in a manifest. */
export const recipe = z
  .strictObject({
    items: positive,
    /** Training users with a vector of their own in the first layer, by their number; 0: none has one. */
    users: z.number().int().min(0),
    /** Whether a user's row is divided by its L2 norm. */
    input: z.enum(["normalised", "raw"]),
    encoder,
    /** Dimensions of a Gaussian latent that is sampled; null: the last layer goes on to the decoder as it is. */
    latent: positive.nullable(),
    /** Widths of the tanh layers before the last, which is linear. */
    decoder: z.array(positive).max(8),
    likelihood: z.enum(likelihoods),
    regulariser,
    /** Of the sum of all squared weights; biases don't count. */
    weightDecay: factor,
    dropoutRate: rate,
    learningRate,
    /**
     * RaCT's: the epochs in which the critic learns alone, before it moves the network; the learning rate of its Adam;
     * factor of its squared weights. Null: no critic.
     */
    critic: z.strictObject({ epochs: z.number().int().min(0), learningRate, l2: factor }).nullable(),
    firstValues: z.enum(firstValues),
  })
  .refine((c) => c.latent !== null || c.regulariser.kind === "none", {
    message: "a KL term needs a latent that is sampled",
    path: ["regulariser"],
  })
  .refine((c) => c.critic === null || c.likelihood === "multinomial", {
    message: "a critic judges by the multinomial likelihood",
    path: ["critic"],
  })
  .refine((c) => c.critic === null || c.dropoutRate > 0, {
    message: "a critic judges lists by the items that dropout keeps from the network",
    path: ["dropoutRate"],
  })
  .refine((c) => c.latent !== null || (c.encoder.kind === "plain" && c.encoder.widths.length > 0), {
    message: "a residual encoder, and one without a tanh layer, has heads of a latent",
    path: ["latent"],
  });

export type Recipe = z.output<typeof recipe>;

/** Width of the first layer: of a row of the embedding, and of a user's bag. */
export function bagWidth(config: Recipe): number {
  const { encoder, latent } = config;
  return encoder.kind === "plain" ? (encoder.widths[0] ?? 2 * latent!) : encoder.width;
}

/** Dimensions of what is sampled; 0 where nothing is. */
export const latentOf = (config: Recipe): number => config.latent ?? 0;

/** What the decoder is given: a sample, or the encoder's last layer. */
export function codeWidth(config: Recipe): number {
  const { latent, encoder } = config;
  return latent ?? (encoder.kind === "plain" ? encoder.widths.at(-1)! : encoder.width);
}

/** Width of what stands before the decoder's last layer. */
export const decoderWidth = (config: Recipe): number => config.decoder.at(-1) ?? codeWidth(config);

/** Whether the prior asks what the encoder of the epoch before said of a user. */
export const usesOldPosterior = (config: Recipe): boolean => config.regulariser.kind === "composite";

/**
 * Whether a trainer can take steps of it on its own: what only the server holds, users' vectors and a critic, and what
 * it alone adds, a penalty on weights, it has not.
 */
export const canStepAlone = (config: Recipe): boolean =>
  usesOldPosterior(config) && config.users === 0 && config.weightDecay === 0 && config.critic === null;

/**
 * Whether new items find a place: their first bias is their log popularity, which only the multinomial likelihood
 * understands; and no user is counted.
 */
export function canGrow(config: Recipe): boolean {
  const { likelihood, users } = config;
  return likelihood === "multinomial" && users === 0;
}

/**
 * Weight of the KL term that is the same for all users of a step, after so many updates; undefined where it follows
 * from the user alone.
 */
export function annealed(config: Recipe, updates: number): number | undefined {
  const { regulariser } = config;
  if (regulariser.kind !== "standard" || regulariser.gamma !== null) return undefined;
  const { cap, annealSteps } = regulariser;
  return annealSteps === 0 ? cap : Math.min(cap, updates / annealSteps);
}

/** What a joint pass is in an epoch of RaCT, counted from 0; undefined without a critic. */
export function passOfCritic(config: Recipe, epoch: number): "critic" | "actor" | undefined {
  const { critic } = config;
  return critic === null ? undefined : epoch < critic.epochs ? "critic" : "actor";
}

/** KL weight of a user with `count` items; `beta` is the step's, see `annealed`. */
export function klWeightOf({ regulariser }: Recipe, count: number, beta: number): number {
  if (regulariser.kind === "none") return 0;
  if (regulariser.gamma !== null) return regulariser.gamma * count;
  return regulariser.kind === "composite" ? (regulariser.beta ?? 0) : beta;
}
