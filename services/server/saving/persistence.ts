// A run to a checkpoint and back: the whole of it, so that a run that died goes on as if it had not. Between
// outer-epoch.ts and checkpointing.ts.
import { z } from "zod";
import { type Checkpoint, type Contents, newestCheckpoint } from "../../../shared/checkpoints/checkpoints.ts";
import type { ManifestFacts } from "../../../shared/checkpoints/manifest.ts";
import type { Piece } from "../../../shared/checkpoints/pieces.ts";
import { AppError } from "../../../shared/errors/errors.ts";
import { oldShapes, shapesOf, type Weights } from "../../../shared/neural/parameters.ts";
import { latentOf, type Recipe } from "../../../shared/neural/recipe.ts";
import { usualSchedule } from "../../../shared/neural/schedule.ts";
import type { Log } from "../../../shared/runtime/log.ts";
import { defaultSystem, type NeuralName, systemOf } from "../../../shared/systems/registry.ts";
import { type Knobs, recipeIn, scheduleOf, wireOf } from "../../../shared/training/knobs.ts";
import { type Wire, wires } from "../../../shared/training/numbers.ts";
import { Critic } from "../run/critic.ts";
import { isNumberedAlike, type Numbering } from "../run/numbering.ts";
import { mustBeFinite } from "../run/outer-epoch.ts";
import { openParameters } from "../run/parameters.ts";
import { Posteriors, readWholeNumbers, wholeNumbers } from "../run/posteriors.ts";
import { type OldEncoder, oldEncoderOf } from "../run/publisher.ts";
import type { Run, UnderWay } from "../run/run.ts";
import type { ParameterStore } from "../run/store.ts";
import { checkpointsOf } from "./checkpoint-writer.ts";
import { firstWeights, type Start } from "./start.ts";

const count = z.number().int().nonnegative();
/** Checkpoints of before say the opposite, `notAlternating`. */
function renamed(training: unknown): unknown {
  const { notAlternating, ...others } = Object(training) as Record<string, unknown>;
  return typeof notAlternating === "boolean" ? { alternating: !notAlternating, ...others } : training;
}

const fields = z.looseObject({
  updates: z.object({ encoder: count, decoder: count }),
  partSize: count,
  batchSize: count,
  encoderPasses: count,
  // absent in checkpoints of the time when these could not be turned
  decoderPasses: count.default(usualSchedule.decoderPasses),
  decoderNoise: z.boolean().default(usualSchedule.decoderNoise),
  alternating: z.boolean().default(usualSchedule.alternating),
  sync: z.enum(["exact", "local"]).default("exact"),
  every: z
    .union([count, z.literal("auto")])
    .nullable()
    .default(null),
  wire: z.enum(wires).default("f32"),
  // of the weights of --from; absent in checkpoints of before there was that
  from: z.string().nullable().default(null),
  // updates of RaCT's critic, which no other system has
  critic: count.optional(),
  // absent where numbers cannot change, and in checkpoints of the time before compaction
  numbering: z.object({ count, hash: count }).optional(),
  // of a checkpoint that `models rollback --branch` made of a published model, and of no other
  branchedFrom: z.string().optional(),
  // absent between two outer epochs; its users are a tensor
  underWay: z
    .object({
      firstStep: count,
      sums: z.object({ reconstruction: z.number(), kl: z.number(), users: count }),
      ownBatch: count.optional(), // in local mode alone; a part in checkpoints of before there was that
    })
    .optional(),
});
const counters = z.preprocess(renamed, fields);
const USERS = "epoch.users";
/** Of an old encoder that runs beside the trainers' own steps. */
const old = (name: string) => `old.${name}`;

/** What only the driver knows: epochs so far, users planned. */
export interface Extra {
  readonly salt: string;
  readonly tableVersion: number | null;
  readonly watermark: number | null;
  readonly vocabulary: readonly string[];
  /** JSON, kept in training.json. */
  readonly progress?: unknown;
  /** Kept bit by bit in state.safetensors. */
  readonly planned?: Int32Array;
  /** Of the users that `planned` and the posteriors go by. */
  readonly numbering?: Numbering;
}

/** The users of the table version that a run goes on from. */
export interface Numbered {
  readonly names: readonly string[];
  readonly version: number;
}

/** What is still asked of a checkpoint when the run has taken its tensors over. */
export type Origin = Pick<Checkpoint, "manifest" | "vocabulary" | "dir">;

export const originOf = ({ manifest, vocabulary, dir }: Checkpoint): Origin => ({ manifest, vocabulary, dir });

export interface Resumed {
  readonly run: Run;
  readonly progress: unknown;
  readonly planned: Int32Array;
}

export function latestCheckpoint(out: string, log: Log): Promise<Checkpoint | undefined> {
  return newestCheckpoint(checkpointsOf(out), (error) => log.warn(`skipped a torn checkpoint: ${error.message}`));
}

/**
 * The checkpoint's run, or a new one of `items` items. Where the `users` are numbered otherwise than in the checkpoint,
 * their old posteriors are computed anew and all count as planned at their version. Of a branch Adam begins anew, its
 * encoder is the old one, and users count as planned at its version at most. An outer epoch that was under way on such
 * numbers, or on a version that is gone, counts as done. `trainUsers`: see recipeIn. Throws CHECKPOINT_MISMATCH when
 * the flags are others than the checkpoint's.
 */
export function resumeOrBegin(
  checkpoint: Checkpoint | undefined,
  knobs: Knobs & { model?: NeuralName; threads?: number; start?: Start | undefined },
  items: number,
  users?: Numbered,
  trainUsers = 0,
): Resumed {
  const config = recipeIn(knobs, items, trainUsers, knobs.start?.network);
  const model = knobs.model ?? defaultSystem;
  const { seed, partSize, threads, start } = knobs;
  const schedule = scheduleOf(knobs);
  const settings = { model, seed, partSize, schedule, from: start?.sha256 };
  const [sync, wire] = [syncOf(knobs), wireOf(knobs)];
  if (!checkpoint) {
    const run: Run = {
      ...settings,
      ...openParameters(config, firstWeights(config, seed, start), { threads, wire }),
      critic: criticOf(config, seed),
      posteriors: new Posteriors(latentOf(config)),
      step: 0,
      round: 0,
    };
    return { run, progress: undefined, planned: new Int32Array(0) };
  }
  const { manifest, weights, state, training, dir } = checkpoint;
  const parsed = counters.safeParse(training);
  if (!parsed.success)
    throw new AppError("CHECKPOINT_CORRUPT", { what: z.prettifyError(parsed.error).replaceAll("\n", " "), path: dir });
  const {
    updates,
    progress,
    numbering,
    underWay: position,
    branchedFrom,
    critic: criticUpdates,
    ...saved
  } = parsed.data;
  const isBranch = branchedFrom !== undefined;
  const wanted = {
    model,
    ...systemOf(model).configOf(config),
    seed,
    partSize,
    ...schedule,
    ...sync,
    from: start?.sha256 ?? null,
  };
  mustMatch({ model: manifest.model, ...manifest.config, seed: manifest.seed, ...saved }, wanted, dir);
  const recipe = systemOf(manifest.model).recipeOf(manifest.config);
  const parameters = openParameters(recipe, weights, { updates, ...(!isBranch && { state }), threads, wire });
  const critic = criticOf(config, seed, { state, updates: criticUpdates ?? 0 });
  const renumbered = users !== undefined && numbering !== undefined && !isNumberedAlike(numbering, users.names);
  const isCutOff =
    position !== undefined && (renumbered || (users !== undefined && users.version !== manifest.tableVersion));
  const posteriors =
    renumbered || isCutOff || isBranch ? new Posteriors(latentOf(recipe)) : Posteriors.from(state, latentOf(recipe));
  const plannedAt = renumbered ? new Int32Array(users.names.length).fill(users.version) : numbersIn(state.planned);
  // What came after the version of a branch's model is to be learned again.
  const planned = isBranch
    ? plannedAt.map((version) => Math.min(version, manifest.tableVersion ?? version))
    : plannedAt;
  const underWay: UnderWay | undefined =
    position && !isCutOff
      ? {
          ...position,
          ownBatch: saved.sync === "local" ? (position.ownBatch ?? partSize) : undefined,
          users: Uint32Array.from(numbersIn(state[USERS])),
          old: oldIn(state, recipe, wire),
        }
      : undefined;
  const round = manifest.round + (isCutOff ? 1 : 0);
  return {
    run: { ...settings, ...parameters, critic, posteriors, step: manifest.step, round, underWay },
    progress,
    planned,
  };
}

function oldIn(state: Weights, config: Recipe, wire: Wire): OldEncoder | undefined {
  const names = oldShapes(config).map(([name]) => name);
  if (!names.every((name) => state[old(name)])) return undefined;
  return oldEncoderOf(Object.fromEntries(names.map((name) => [name, state[old(name)]!])), config, wire);
}

function criticOf(config: Recipe, seed: number, before?: { state: Weights; updates: number }): Critic | undefined {
  const { critic } = config;
  return critic ? new Critic(critic.learningRate, seed, before) : undefined;
}

/** How trainers work together, as a checkpoint keeps it. */
const syncOf = (knobs: Pick<Knobs, "sync" | "every" | "wire">) => ({
  sync: knobs.sync,
  every: knobs.sync === "local" ? knobs.every : null,
  wire: wireOf(knobs),
});

const numbersIn = (tensor: Weights[string] | undefined) => (tensor ? readWholeNumbers(tensor.data) : new Int32Array(0));

/** `items` may differ: the model grows with its table, and the vocabulary is compared by whoever knows it. */
function mustMatch(saved: Record<string, unknown>, wanted: Record<string, unknown>, dir: string): void {
  const others = Object.keys(wanted).filter(
    (key) => key !== "items" && JSON.stringify(saved[key]) !== JSON.stringify(wanted[key]),
  );
  if (others.length === 0) return;
  const what = others
    .map((key) => `${key} was ${JSON.stringify(saved[key])}, is ${JSON.stringify(wanted[key])}`)
    .join("; ");
  throw new AppError("CHECKPOINT_MISMATCH", { what, path: dir });
}

/**
 * The model's columns must mean the same items as the data's; "prefix" lets the data have more. Throws
 * CHECKPOINT_MISMATCH.
 */
export function mustFit(
  { vocabulary, dir }: Pick<Origin, "vocabulary" | "dir">,
  items: readonly string[],
  how: "prefix" | "equal",
): void {
  const column = vocabulary.findIndex((item, k) => items[k] !== item);
  if (column >= 0)
    throw new AppError("CHECKPOINT_MISMATCH", {
      what: `column ${column} is "${vocabulary[column]}" there, "${items[column] ?? "nothing"}" in the data`,
      path: dir,
    });
  if (how === "equal" && vocabulary.length !== items.length)
    throw new AppError("CHECKPOINT_MISMATCH", {
      what: `${vocabulary.length} items there, ${items.length} in the data`,
      path: dir,
    });
}

/** What a checkpoint of the run as it is now holds: views, valid until the next step. Throws NOT_FINITE. */
export function contentsOf(run: Run, extra: Extra): Contents {
  const { store, updater, publisher, posteriors, partSize, schedule, underWay, local, from = null, critic } = run;
  const { planned, progress, numbering, vocabulary, ...facts } = extra;
  if (underWay) mustBeFinite(run); // at a round's end it has been looked at
  const { users = undefined, old: oldEncoder = undefined, ...position } = underWay ?? {};
  return {
    weights: store.weights,
    state: {
      ...critic?.state(),
      ...(planned && { planned: wholeNumbers(planned) }),
      ...(users && { [USERS]: wholeNumbers(users) }),
    },
    pieces: [...momentsOf(store), ...posteriors.pieces(), ...(oldEncoder ? [oldPiece(oldEncoder)] : [])],
    training: {
      updates: updater.updates,
      partSize,
      ...schedule,
      sync: local ? "local" : "exact",
      every: local?.every ?? null,
      wire: publisher.wire,
      from,
      critic: critic?.updates,
      progress,
      numbering,
      underWay: underWay && position,
    },
    facts: factsOf(run, facts),
    vocabulary,
  };
}

/** Adam's moments of each half: the other one's stay as they are, for minutes where the model is large. */
function momentsOf(store: ParameterStore): Piece[] {
  const ofDecoder = new Set(shapesOf("decoder", store.config).map(([name]) => name));
  const moments = Object.entries(store.state());
  const piece = (name: string, half: "hidden" | "decoder") => ({
    name: `adam.${name}`,
    revision: store.revision(half),
    tensors: Object.fromEntries(
      moments.filter(([moment]) => ofDecoder.has(moment.replace(/^adam_[mv]\./, "")) === (half === "decoder")),
    ),
  });
  return [piece("encoder", "hidden"), piece("decoder", "decoder")];
}

const oldPiece = ({ weights, sent }: OldEncoder): Piece => ({
  name: "old",
  revision: sent.version,
  tensors: Object.fromEntries(Object.entries(weights).map(([name, tensor]) => [old(name), tensor])),
});

function factsOf(
  run: Run,
  { salt, tableVersion, watermark }: Pick<Extra, "salt" | "tableVersion" | "watermark">,
): ManifestFacts<NeuralName> {
  const { model = defaultSystem, store, step, round, seed, underWay } = run;
  const midRound = underWay !== undefined;
  const standing = { step, round, midRound, seed, salt, tableVersion, watermark, createdAt: Date.now() };
  return { model, config: systemOf(model).configOf(store.config), ...standing } as ManifestFacts<NeuralName>;
}
