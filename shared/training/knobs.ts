// What can be turned about a training run: one shape, used by `server` and by `train`, which passes it on.
import { z } from "zod";
import { defaults, type ModelConfig, modelConfig, sumsToOne } from "../neural/config.ts";
import { firstValues, likelihoods, type NeuralConfig } from "../neural/recipe.ts";
import { type Schedule, usualSchedule } from "../neural/schedule.ts";
import { folder } from "../runtime/location.ts";
import { type FamilyName, isFineTuned, pages } from "../systems/pages.ts";
import { type Network, settledInRecVae, turnedRecipe, useless } from "../systems/settings.ts";
import { type Wire, wires } from "./numbers.ts";

const size = () => z.coerce.number().int().min(1);

/** "A,B,C" on the command line. */
const mixture = z.string().transform((text, context): ModelConfig["mixtureWeights"] => {
  const numbers = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  const { data } = modelConfig.shape.mixtureWeights.safeParse(numbers);
  if (data && sumsToOne(data)) return data;
  context.addIssue({ code: "custom", message: "give three numbers from 0 to 1 that sum to 1, such as 0.15,0.75,0.1" });
  return z.NEVER;
});

/** What follows "default": RecVAE's value, and of the others those that have another. */
function usual(own: unknown, of: (page: (typeof pages)[FamilyName]) => unknown): string {
  const others = (Object.keys(pages) as FamilyName[]).filter((name) => of(pages[name]) !== own && of(pages[name]) !== null);
  const values = [...new Set(others.map((name) => of(pages[name])))];
  const told = values.map((value) => `, ${value} for ${others.filter((name) => of(pages[name]) === value).join(", ")}`);
  return `(default ${own}${told.join("")})`;
}

/** Where a default depends on the system there is none here: it stands in the system's page. */
export const knobs = {
  gamma: z.coerce
    .number()
    .min(0)
    .optional()
    .describe(`weight of the KL term per item of a user (default ${defaults.gamma} of the composite prior)`),
  beta: z.coerce.number().min(0).optional().describe("weight of the KL term instead of --gamma; where it is annealed, the cap"),
  annealSteps: z.coerce
    .number()
    .int()
    .min(0)
    .optional()
    .describe("updates in which the weight of the KL term would grow from 0 to 1; it stops at --beta, and with 0 stands there at once"),
  prior: z
    .enum(["standard", "composite"])
    .optional()
    .describe("what the KL term compares with: a standard normal, in closed form, or RecVAE's mixture"),
  from: folder()
    .optional()
    .describe(
      `a model to begin with: its weights, Adam anew (needed by ${(Object.keys(pages) as FamilyName[]).filter((name) => isFineTuned(name)).join(", ")})`,
    ),
  encoder: z.enum(["plain", "residual"]).optional().describe("a tanh layer, or RecVAE's five layers with skips"),
  layers: z.coerce
    .number()
    .int()
    .min(0)
    .max(4)
    .optional()
    .describe("tanh layers before the latent, and as many behind it unless the decoder is linear (default 1 of those that have one)"),
  decoder: z.enum(["linear", "tanh"]).optional().describe("one linear layer, or a tanh layer before it"),
  likelihood: z
    .enum(likelihoods)
    .optional()
    .describe(`of a user's items: ${likelihoods.join(", ")}`),
  firstValues: z.enum(firstValues).optional().describe("weights to begin with: PyTorch's, as RecVAE's, or Xavier's with small biases"),
  weightDecay: z.coerce.number().min(0).optional().describe("factor of the sum of all squared weights in the loss"),
  hidden: size()
    .optional()
    .describe(
      `width of the hidden layers ${usual(defaults.hidden, ({ recipe: { encoder } }) => encoder.kind === "plain" && encoder.widths[0])}`,
    ),
  latent: size()
    .optional()
    .describe(`dimensions of the latent ${usual(defaults.latent, ({ recipe }) => recipe.latent)}`),
  learningRate: z.coerce
    .number()
    .positive()
    .optional()
    .describe(`of both Adams ${usual(defaults.learningRate, ({ recipe }) => recipe.learningRate)}`),
  dropoutRate: z.coerce
    .number()
    .min(0)
    .lt(1)
    .optional()
    .describe(`share of a user's items dropped in encoder passes ${usual(defaults.dropoutRate, ({ recipe }) => recipe.dropoutRate)}`),
  criticEpochs: z.coerce
    .number()
    .int()
    .min(0)
    .optional()
    .describe(
      `of ract: epochs in which the critic learns alone, before it moves the network (default ${pages.ract.recipe.critic!.epochs})`,
    ),
  criticLearningRate: z.coerce
    .number()
    .positive()
    .optional()
    .describe(`of ract: of the critic's Adam (default ${pages.ract.recipe.critic!.learningRate})`),
  mixtureWeights: mixture
    .optional()
    .describe(
      `of the composite prior's parts: standard normal, old posterior, wide normal; 1,0,0 is the Gaussian prior (default ${defaults.mixtureWeights})`,
    ),
  batchSize: size().optional().describe(`users of a step (default ${usualSchedule.batchSize})`),
  partSize: size().max(10_000).default(250).describe("users of a part, what one trainer computes at a time"),
  encoderPasses: size()
    .optional()
    .describe(`encoder passes of an outer epoch ${usual(usualSchedule.encoderPasses, ({ schedule }) => schedule.encoderPasses)}`),
  decoderPasses: size()
    .optional()
    .describe(`decoder passes of an outer epoch, after the encoder's (default ${usualSchedule.decoderPasses})`),
  decoderNoise: z.boolean().optional().describe("dropout in decoder passes too"),
  notAlternating: z
    .boolean()
    .optional()
    .describe(
      `move encoder and decoder together, in --encoder-passes passes with dropout; the prior is still updated after each outer epoch ${usual(usualSchedule.notAlternating, ({ schedule }) => schedule.notAlternating)}`,
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

/** Which items of a table come into the vocabulary: in `train` of every system, so no knob of the neural ones. */
export const vocabulary = {
  minUsersPerItem: z.coerce
    .number()
    .int()
    .min(0)
    .max(1_000_000)
    .default(1)
    .describe(
      "with --table: distinct users that a new item needs. 1: none of the others, but while more than 2,000 items, and more than all others, have one user alone, new ones wait for a second; 0: nothing ever waits",
    ),
};

/** What can be turned about its checkpoints, which changes nothing of the run. */
export const saving = {
  checkpointSeconds: z.coerce.number().min(0).default(60).describe("seconds from one checkpoint to the next, at least"),
  checkpointsKept: size().default(3).describe("newest checkpoints that are kept"),
};
const shape = z.object(knobs);
const savingShape = z.object(saving);
export type Knobs = z.output<typeof shape>;

/** The system that the knobs are of; RecVAE where none is named. */
type Named = Knobs & { readonly model?: "recvae" | FamilyName | undefined; readonly epochs?: number | undefined };

/** For `superRefine`: flags that contradict each other, or the system, are told like any other mistake. */
export function consistent(values: Named, context: z.RefinementCtx): void {
  const { model = "recvae", gamma, beta, decoderNoise, decoderPasses, notAlternating, sync } = values;
  const refuse = (flag: keyof Knobs, message: string) => context.addIssue({ code: "custom", path: [flag], message });
  if (gamma !== undefined && beta !== undefined) refuse("beta", "give --gamma or --beta, not both");
  const schedule = scheduleOf(values);
  if (schedule.notAlternating && (schedule.decoderNoise || schedule.decoderPasses !== usualSchedule.decoderPasses)) {
    if (notAlternating) refuse("notAlternating", "there are no decoder passes then: leave out --decoder-passes and --decoder-noise");
    else if (decoderPasses !== undefined) refuse("decoderPasses", `${model} has no decoder passes without --no-not-alternating`);
    else if (decoderNoise) refuse("decoderNoise", `${model} has no decoder passes without --no-not-alternating`);
  }
  const unused = model === "recvae" ? settledInRecVae.filter((flag) => values[flag] !== undefined) : useless(pages[model], values);
  for (const flag of unused) refuse(flag, `is no setting of ${model} as it is to be trained`);
  if (model !== "recvae" && isFineTuned(model) && values.from === undefined)
    refuse("from", `${model} goes on from a model that is there, such as one of mult-vae: give its directory`);
  if (model !== "recvae" && pages[model].recipe.critic) {
    if (!schedule.notAlternating) refuse("notAlternating", `${model} moves encoder and decoder together`);
    if (values.dropoutRate === 0) refuse("dropoutRate", `${model}'s critic judges lists by the items that dropout keeps from the network`);
  }
  const alone = model === "recvae" ? undefined : (values.criticEpochs ?? pages[model].recipe.critic?.epochs);
  if (alone !== undefined && values.epochs !== undefined && values.epochs <= alone)
    context.addIssue({
      code: "custom",
      path: ["epochs"],
      message: `${model}'s critic learns alone for ${alone} epochs (--critic-epochs): give more`,
    });
  if (sync === "local" && model !== "recvae")
    refuse("sync", `steps of a trainer's own are recvae's alone; ${model} trains with --sync exact`);
}

/**
 * `users`: training users, by their largest number, for systems that have a vector of each. `begun`: the network of the model to begin with; a flag that asks for another one
 * is told when its weights are taken.
 */
export function modelOf(values: Named, items: number, users = 0, begun?: Network): NeuralConfig {
  const { model = "recvae" } = values;
  if (model !== "recvae") return turnedRecipe(pages[model], values, { items, users, begun });
  const { gamma, beta, learningRate, dropoutRate, mixtureWeights } = values;
  const hidden = values.hidden ?? (begun?.encoder.kind === "residual" ? begun.encoder.width : undefined);
  const latent = values.latent ?? begun?.latent ?? undefined;
  const weight = beta === undefined ? { gamma: gamma ?? defaults.gamma, beta: null } : { gamma: null, beta };
  const given = Object.entries({ hidden, latent, learningRate, dropoutRate, mixtureWeights }).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(given), ...weight, items };
}

export function scheduleOf({ model = "recvae", ...values }: Named): Schedule {
  const own = model === "recvae" ? usualSchedule : pages[model].schedule;
  const { batchSize, encoderPasses, decoderPasses, decoderNoise, notAlternating } = values;
  return {
    batchSize: batchSize ?? own.batchSize,
    encoderPasses: encoderPasses ?? own.encoderPasses,
    decoderPasses: decoderPasses ?? own.decoderPasses,
    decoderNoise: decoderNoise ?? own.decoderNoise,
    notAlternating: notAlternating ?? own.notAlternating,
  };
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
