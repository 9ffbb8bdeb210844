// What a RecVAE is made of: sizes, KL weight, prior, dropout, learning rate. Everything else of the model follows from this record and the weights.
import { z } from "zod";

const positive = z.number().int().positive();
const share = z.number().min(0).max(1);

export const sumsToOne = (weights: readonly number[]): boolean => Math.abs(weights.reduce((a, b) => a + b) - 1) < 1e-6;

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
  .refine((c) => (c.gamma === null) !== (c.beta === null), { message: "give either gamma or beta, not both", path: ["gamma"] })
  .refine((c) => sumsToOne(c.mixtureWeights), { message: "mixture weights must sum to 1", path: ["mixtureWeights"] });

export type ModelConfig = z.output<typeof modelConfig>;

/** The authors' settings for ML-20M, docs/design/recvae.md#schedule; `items` comes from the data. */
export const defaults: Omit<ModelConfig, "items"> = {
  hidden: 600,
  latent: 200,
  gamma: 0.005,
  beta: null,
  dropoutRate: 0.5,
  learningRate: 5e-4,
  layerNormEps: 0.1,
  mixtureWeights: [3 / 20, 3 / 4, 1 / 10],
  wideLogVariance: 10,
};

/** KL weight of a user with `count` items. */
export function klWeight({ gamma, beta }: Pick<ModelConfig, "gamma" | "beta">, count: number): number {
  return gamma !== null ? gamma * count : (beta ?? 0);
}
