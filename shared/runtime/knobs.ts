// What can be turned about a training run: one shape, used by `server` and by `train`, which passes it on.
import { z } from "zod";
import { defaults, type ModelConfig } from "../model/config.ts";
import { AppError } from "./errors.ts";

const size = () => z.coerce.number().int().min(1);

export const knobs = {
  gamma: z.coerce.number().min(0).optional().describe(`weight of the KL term per item of a user (default ${defaults.gamma})`),
  beta: z.coerce.number().min(0).optional().describe("constant weight of the KL term, instead of --gamma"),
  hidden: size().default(defaults.hidden).describe("width of the hidden layers"),
  latent: size().default(defaults.latent).describe("dimensions of the latent"),
  learningRate: z.coerce.number().positive().default(defaults.learningRate).describe("of both Adams"),
  dropoutRate: z.coerce.number().min(0).lt(1).default(defaults.dropoutRate).describe("share of a user's items dropped in encoder passes"),
  batchSize: size().default(500).describe("users of a step"),
  partSize: size().max(10_000).default(250).describe("users of a part, what one trainer computes at a time"),
  encoderPasses: size().default(3).describe("encoder passes of an outer epoch, before one decoder pass"),
  seed: z.coerce
    .number()
    .int()
    .min(0)
    .max(2 ** 31)
    .default(1337)
    .describe("of every draw: the same seed gives the same model, bit for bit"),
};
const shape = z.object(knobs);
export type Knobs = z.output<typeof shape>;

/** Throws USAGE when both KL weights are given. */
export function modelOf({ gamma, beta, hidden, latent, learningRate, dropoutRate }: Knobs, items: number): ModelConfig {
  if (gamma !== undefined && beta !== undefined) throw new AppError("USAGE", { what: "give --gamma or --beta, not both" });
  const weight = beta === undefined ? { gamma: gamma ?? defaults.gamma, beta: null } : { gamma: null, beta };
  return { ...defaults, ...weight, items, hidden, latent, learningRate, dropoutRate };
}

/** The flags that stand for these values. */
export function flagsOf(values: Knobs): string[] {
  return Object.keys(knobs).flatMap((key) => {
    const value = values[key as keyof Knobs];
    return value === undefined ? [] : [`--${key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`, String(value)];
  });
}
