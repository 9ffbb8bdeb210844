// What can be turned about a training run: one shape, used by `server` and by `train`, which passes it on. Its recipe's
// flags are shared/systems/recipe-flags.ts.
import { z } from "zod";
import type { Recipe } from "../neural/recipe.ts";
import { type Schedule, usualSchedule } from "../neural/schedule.ts";
import { asFlag } from "../runtime/command.ts";
import { folder } from "../runtime/location.ts";
import { recipeFlags, usualOf } from "../systems/recipe-flags.ts";
import { type ConfigOf, defaultSystem, type NeuralName, neuralNames, systemOf } from "../systems/registry.ts";
import { type Network, turnedRecipe, useless } from "../systems/turned.ts";
import { type Wire, wires } from "./numbers.ts";

const size = () => z.coerce.number().int().min(1);

export const knobs = {
  ...recipeFlags,
  from: folder()
    .optional()
    .describe(
      "a model to begin with: its weights, Adam anew (needed by " +
        `${neuralNames.filter((name) => systemOf(name).preset.startsFrom).join(", ")})`,
    ),
  batchSize: size().optional().describe(`users of a step (default ${usualSchedule.batchSize})`),
  partSize: size().max(10_000).default(250).describe("users of a part, what one trainer computes at a time"),
  encoderPasses: size()
    .optional()
    .describe(`encoder passes of an outer epoch ${usualOf(({ schedule }) => schedule.encoderPasses)}`),
  decoderPasses: size()
    .optional()
    .describe(`decoder passes of an outer epoch, after the encoder's (default ${usualSchedule.decoderPasses})`),
  decoderNoise: z.boolean().optional().describe("dropout in decoder passes too"),
  alternating: z
    .boolean()
    .optional()
    .describe(
      "move encoder and decoder in turn; with --no-alternating together, in --encoder-passes passes with dropout, " +
        `and the prior is still updated after each outer epoch ${usualOf(({ schedule }) => schedule.alternating)}`,
    ),
  sync: z
    .enum(["exact", "local"])
    .default("exact")
    .describe(
      "exact: N trainers compute what one computes; local: each learns from --every batches on its own, then they " +
        "are averaged",
    ),
  every: z
    .union([z.literal("auto"), size().max(1000)])
    .default(8)
    .describe(
      "with --sync local: most batches that a trainer takes on its own, in steps of --batch-size / trainers; auto: " +
        "so many that the exchange takes at most a tenth of the time, a pass at most",
    ),
  wire: z
    .enum(wires)
    .optional()
    .describe(
      "how weights and what moves them travel: f32, or bf16, rounded to half the bytes (default f32; bf16 with " +
        "--sync local)",
    ),
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
      "with --table: distinct users that a new item needs. 1: none of the others, but while more than 2,000 items, " +
        "and more than all others, have one user alone, new ones wait for a second; 0: nothing ever waits",
    ),
};

/** What can be turned about its checkpoints, which changes nothing of the run. */
export const saving = {
  checkpointSeconds: z.coerce
    .number()
    .min(0)
    .default(60)
    .describe("seconds from one checkpoint to the next, at least; more where more than 3 MB/s would be written"),
  checkpointsKept: size().default(3).describe("newest checkpoints that are kept"),
};
const shape = z.object(knobs);
const savingShape = z.object(saving);
export type Knobs = z.output<typeof shape>;

/** The system that the knobs are of; the default one where none is named. */
type Named = Knobs & { readonly model?: NeuralName | undefined; readonly epochs?: number | undefined };

/** For `superRefine`: flags that contradict each other, or the system, are told like any other mistake. */
export function consistent(values: Named, context: z.RefinementCtx): void {
  const { model = defaultSystem, gamma, beta, decoderNoise, decoderPasses, alternating, sync } = values;
  const { preset } = systemOf(model);
  const refuse = (flag: keyof Knobs, message: string) => context.addIssue({ code: "custom", path: [flag], message });
  if (gamma !== undefined && beta !== undefined) refuse("beta", "give --gamma or --beta, not both");
  const schedule = scheduleOf(values);
  if (!schedule.alternating && (schedule.decoderNoise || schedule.decoderPasses !== usualSchedule.decoderPasses)) {
    if (alternating === false)
      refuse("alternating", "there are no decoder passes then: leave out --decoder-passes and --decoder-noise");
    else if (decoderPasses !== undefined)
      refuse("decoderPasses", `${model} has no decoder passes without --alternating`);
    else if (decoderNoise) refuse("decoderNoise", `${model} has no decoder passes without --alternating`);
  }
  for (const flag of useless(preset, values)) refuse(flag, `is no setting of ${model} as it is to be trained`);
  if (preset.startsFrom && values.from === undefined)
    refuse(
      "from",
      `${model} goes on from a model that is there, such as one of ${preset.startsFrom}: give its directory`,
    );
  if (preset.recipe.critic) {
    if (schedule.alternating) refuse("alternating", `${model} moves encoder and decoder together`);
    if (values.dropoutRate === 0)
      refuse("dropoutRate", `${model}'s critic judges lists by the items that dropout keeps from the network`);
    const alone = values.criticEpochs ?? preset.recipe.critic.epochs;
    if (values.epochs !== undefined && values.epochs <= alone)
      context.addIssue({
        code: "custom",
        path: ["epochs"],
        message: `${model}'s critic learns alone for ${alone} epochs (--critic-epochs): give more`,
      });
  }
  if (sync === "local" && !preset.ownSteps) {
    const able = neuralNames.filter((name) => systemOf(name).preset.ownSteps).join("'s and ");
    refuse("sync", `steps of a trainer's own are ${able}'s alone; ${model} trains with --sync exact`);
  }
}

/**
 * The recipe that is asked for. `users`: training users, by their largest number, for systems that have a vector of
 * each. `begun`: the network of the model to begin with; a flag that asks for another one is told when its weights are
 * taken.
 */
export function recipeIn(values: Named, items: number, users = 0, begun?: Network): Recipe {
  return turnedRecipe(systemOf(values.model ?? defaultSystem).preset, values, { items, users, begun });
}

/** The same as a manifest has it. */
export function modelOf(values: Named, items: number, users = 0, begun?: Network): ConfigOf<NeuralName> {
  return systemOf(values.model ?? defaultSystem).configOf(
    recipeIn(values, items, users, begun),
  ) as ConfigOf<NeuralName>;
}

export function scheduleOf({ model = defaultSystem, ...values }: Named): Schedule {
  const own = systemOf(model).preset.schedule;
  const { batchSize, encoderPasses, decoderPasses, decoderNoise, alternating } = values;
  return {
    batchSize: batchSize ?? own.batchSize,
    encoderPasses: encoderPasses ?? own.encoderPasses,
    decoderPasses: decoderPasses ?? own.decoderPasses,
    decoderNoise: decoderNoise ?? own.decoderNoise,
    alternating: alternating ?? own.alternating,
  };
}

/** In local mode whole rows of the first layer travel, and a difference of eight bits of precision is still one. */
export const wireOf = ({ wire, sync }: Pick<Knobs, "wire" | "sync">): Wire =>
  wire ?? (sync === "local" ? "bf16" : "f32");

/** The flags by which another process is told these values. */
export function knobArguments(values: Knobs & Partial<z.output<typeof savingShape>>): string[] {
  return Object.keys({ ...knobs, ...saving }).flatMap((key) => {
    const value = values[key as keyof typeof values];
    return value === undefined ? [] : [asFlag(key, value)];
  });
}
