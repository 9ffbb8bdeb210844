// RecVAE's settings as manifests and checkpoints have them since before there were recipes: sizes, KL weight, prior,
// dropout, learning rate. Its parts are settled, so a recipe follows from this record.
import { z } from "zod";
import { type Recipe, sumsToOne } from "../../neural/recipe.ts";
import { compositePrior, residualEncoder } from "./parts.ts";

const positive = z.number().int().positive();
const share = z.number().min(0).max(1);

/** Shape of `ModelConfig` as stored in a manifest. Either `gamma` or `beta` is set, never both. */
export const modelConfig = z
  .strictObject({
    items: positive,
    hidden: positive,
    latent: positive,
    /** KL weight per item of the user; null when `beta` is used. */
    gamma: z.number().min(0).nullable(),
    /** Constant KL weight; null when `gamma` is used. */
    beta: z.number().min(0).nullable(),
    /** Share of a user's items dropped in encoder phases. */
    dropoutRate: z.number().min(0).lt(1),
    learningRate: z.number().positive(),
    layerNormEps: z.number().positive(),
    /** Standard normal, old posterior, wide normal; they sum to 1. A zero leaves the component out. */
    mixtureWeights: z.tuple([share, share, share]),
    /** LOG-variance of the wide component: 10 means a variance of e^10. */
    wideLogVariance: z.number(),
  })
  .refine((c) => (c.gamma === null) !== (c.beta === null), {
    message: "give either gamma or beta, not both",
    path: ["gamma"],
  })
  .refine((c) => sumsToOne(c.mixtureWeights), { message: "mixture weights must sum to 1", path: ["mixtureWeights"] });

export type ModelConfig = z.output<typeof modelConfig>;

/** The authors' settings for ML-20M, spec/recvae.md 1.7; `items` comes from the data. */
export const defaults: Omit<ModelConfig, "items"> = {
  hidden: residualEncoder.width,
  latent: 200,
  gamma: compositePrior.gamma,
  beta: compositePrior.beta,
  dropoutRate: 0.5,
  learningRate: 5e-4,
  layerNormEps: residualEncoder.layerNormEps,
  mixtureWeights: compositePrior.mixtureWeights,
  wideLogVariance: compositePrior.wideLogVariance,
};

export function recipeOf(config: ModelConfig): Recipe {
  const {
    items,
    hidden,
    latent,
    gamma,
    beta,
    mixtureWeights,
    wideLogVariance,
    layerNormEps,
    dropoutRate,
    learningRate,
  } = config;
  return {
    items,
    users: 0,
    input: "normalised",
    encoder: { kind: "residual", width: hidden, layerNormEps },
    latent,
    decoder: [],
    likelihood: "multinomial",
    regulariser: { kind: "composite", gamma, beta, mixtureWeights, wideLogVariance },
    weightDecay: 0,
    dropoutRate,
    learningRate,
    critic: null,
    firstValues: "pytorch",
  };
}

/** Of a recipe that differs from RecVAE's in what the record can say, and in nothing else. */
export function configOf(recipe: Recipe): ModelConfig {
  const { items, encoder, latent, regulariser, dropoutRate, learningRate } = recipe;
  if (encoder.kind !== "residual" || latent === null || regulariser.kind !== "composite")
    throw new Error("not a recipe of RecVAE");
  const { gamma, beta, mixtureWeights, wideLogVariance } = regulariser;
  const { width: hidden, layerNormEps } = encoder;
  return {
    hidden,
    latent,
    gamma,
    beta,
    dropoutRate,
    learningRate,
    layerNormEps,
    mixtureWeights,
    wideLogVariance,
    items,
  };
}
