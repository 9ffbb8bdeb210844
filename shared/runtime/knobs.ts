// What can be turned about a training run: one shape, used by `server` and by `train`, which passes it on.
import { z } from "zod";
import { defaults, type ModelConfig, modelConfig, sumsToOne } from "../model/config.ts";
import { type Wire, wires } from "../wire/numbers.ts";
import { type Schedule, usualSchedule } from "../model/schedule.ts";

const size = () => z.coerce.number().int().min(1);

/** "A,B,C" on the command line. */
const mixture = z.string().transform((text, context): ModelConfig["mixtureWeights"] => {
  const numbers = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  const { data } = modelConfig.shape.mixtureWeights.safeParse(numbers);
  if (data && sumsToOne(data)) return data;
  context.addIssue({ code: "custom", message: "give three numbers from 0 to 1 that sum to 1, such as 0.15,0.75,0.1" });
  return z.NEVER;
});

export const knobs = {
  gamma: z.coerce.number().min(0).optional().describe(`weight of the KL term per item of a user (default ${defaults.gamma})`),
  beta: z.coerce.number().min(0).optional().describe("constant weight of the KL term, instead of --gamma"),
  hidden: size().default(defaults.hidden).describe("width of the hidden layers"),
  latent: size().default(defaults.latent).describe("dimensions of the latent"),
  learningRate: z.coerce.number().positive().default(defaults.learningRate).describe("of both Adams"),
  dropoutRate: z.coerce.number().min(0).lt(1).default(defaults.dropoutRate).describe("share of a user's items dropped in encoder passes"),
  mixtureWeights: mixture
    .default(defaults.mixtureWeights)
    .describe("of the prior's parts: standard normal, old posterior, wide normal; 1,0,0 is the Gaussian prior"),
  batchSize: size().default(usualSchedule.batchSize).describe("users of a step"),
  partSize: size().max(10_000).default(250).describe("users of a part, what one trainer computes at a time"),
  encoderPasses: size().default(usualSchedule.encoderPasses).describe("encoder passes of an outer epoch"),
  decoderPasses: size().default(usualSchedule.decoderPasses).describe("decoder passes of an outer epoch, after the encoder's"),
  decoderNoise: z.boolean().default(usualSchedule.decoderNoise).describe("dropout in decoder passes too"),
  notAlternating: z
    .boolean()
    .default(usualSchedule.notAlternating)
    .describe(
      "move encoder and decoder together, in --encoder-passes passes with dropout; the prior is still updated after each outer epoch",
    ),
  sync: z
    .enum(["exact", "local"])
    .default("exact")
    .describe("exact: N trainers compute what one computes; local: each learns from --every batches on its own, then they are averaged"),
  every: size().max(1000).default(8).describe("with --sync local: most batches that a trainer takes on its own, in steps of --part-size"),
  wire: z
    .enum(wires)
    .optional()
    .describe("how weights and what moves them travel: f32, or bf16, rounded to half the bytes (default f32; bf16 with --sync local)"),
  seed: z.coerce
    .number()
    .int()
    .min(0)
    .max(2 ** 31)
    .default(1337)
    .describe("of every draw: the same seed gives the same model, bit for bit"),
};

/** What can be turned about its checkpoints, which changes nothing of the run. */
export const saving = {
  checkpointSeconds: z.coerce.number().min(0).default(60).describe("seconds from one checkpoint to the next, at least"),
  checkpointsKept: size().default(3).describe("newest checkpoints that are kept"),
};
const shape = z.object(knobs);
const savingShape = z.object(saving);
export type Knobs = z.output<typeof shape>;

/** For `superRefine`: flags that contradict each other are told like any other mistake. */
export function consistent({ gamma, beta, decoderPasses, decoderNoise, notAlternating }: Knobs, context: z.RefinementCtx): void {
  const refuse = (flag: keyof Knobs, message: string) => context.addIssue({ code: "custom", path: [flag], message });
  if (gamma !== undefined && beta !== undefined) refuse("beta", "give --gamma or --beta, not both");
  if (notAlternating && (decoderNoise || decoderPasses !== usualSchedule.decoderPasses))
    refuse("notAlternating", "there are no decoder passes then: leave out --decoder-passes and --decoder-noise");
}

export function modelOf({ gamma, beta, hidden, latent, learningRate, dropoutRate, mixtureWeights }: Knobs, items: number): ModelConfig {
  const weight = beta === undefined ? { gamma: gamma ?? defaults.gamma, beta: null } : { gamma: null, beta };
  return { ...defaults, ...weight, items, hidden, latent, learningRate, dropoutRate, mixtureWeights };
}

export function scheduleOf({ batchSize, encoderPasses, decoderPasses, decoderNoise, notAlternating }: Knobs): Schedule {
  return { batchSize, encoderPasses, decoderPasses, decoderNoise, notAlternating };
}

/** In local mode whole rows of the first layer travel, and a difference of eight bits of precision is still one. */
export const wireOf = ({ wire, sync }: Pick<Knobs, "wire" | "sync">): Wire => wire ?? (sync === "local" ? "bf16" : "f32");

/** The flags that stand for these values. */
export function flagsOf(values: Knobs & Partial<z.output<typeof savingShape>>): string[] {
  return Object.keys({ ...knobs, ...saving }).flatMap((key) => {
    const value = values[key as keyof typeof values];
    return value === undefined ? [] : [`--${key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}=${value}`];
  });
}
