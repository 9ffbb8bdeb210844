// Every message between the parameter server and a trainer, as schemas: nothing that a peer sends is used before it
// passed one. Above frames.ts.
import { z } from "zod";
import { sections } from "../compute/section-timer.ts";
import { AppError } from "../errors/errors.ts";
import { recipe } from "../neural/recipe.ts";
import type { Decoded } from "./frames.ts";
import { wires } from "./numbers.ts";
import { phaseNames, sentWhole } from "./phases.ts";
import { described } from "./tensors.ts";

const count = z.number().int().nonnegative();
const name = z.string().min(1).max(200);

/** Tensors of the message that lie in a file which both sides see (shared/training/exchange.ts). */
const elsewhere = z.object({ file: z.string().regex(/^[a-z0-9-]{1,64}$/), tensors: z.array(described).max(256) });
export type Elsewhere = z.output<typeof elsewhere>;

/**
 * `device`: what it computes on, such as `GPU 0: NVIDIA H200`. `resident`: in local mode a replica of the model moves
 * there, and the old encoder runs beside. Trainers from before they were told leave them out.
 */
const hello = z.object({
  ...{ type: z.literal("hello"), name, engine: name, device: name.optional(), threads: count },
  resident: z.boolean().optional(),
});
/**
 * "I can take one part." One ask is one lease; a trainer asks when it begins the one before, so that the next lies
 * there when that is done.
 */
const ask = z.object({ type: z.literal("ask") });
/**
 * What a trainer does with its time: reads weights and leases (pull), makes the part's inputs (data), computes, writes
 * the answer (push), or has nothing to do (wait).
 */
export const activities = ["data", "compute", "push", "wait", "pull"] as const;
export type Activity = (typeof activities)[number];
const seconds = z.number().nonnegative();
export type Times = Record<Activity, number>;
/** Tensors by phase: see expectedShapes in services/server/scheduler/contributions.ts. */
const contribution = z.object({
  type: z.literal("contribution"),
  step: count,
  part: count,
  phase: z.enum(phaseNames),
  /** Sums over the part's users divided by the batch's; null where not finite, since JSON knows no NaN. */
  reconstruction: z.number().nullable(),
  kl: z.number().nullable(),
  /** Seconds, by section of the arithmetic. */
  spent: z.partialRecord(z.enum(sections), seconds),
  /** Seconds since the contribution before, by activity; of `push`, what that one took. */
  times: z.record(z.enum(activities), seconds),
  elsewhere: elsewhere.optional(),
});
/** "I see the files that your welcome offers." */
const shares = z.object({ type: z.literal("shares") });
/** "I have read these weights from their file", which may be overwritten then. */
const took = z.object({ type: z.literal("took"), group: z.enum(sentWhole), version: count });
export const fromTrainer = z.discriminatedUnion("type", [hello, shares, ask, took, contribution]);
export type FromTrainer = z.output<typeof fromTrainer>;
export type Hello = z.output<typeof hello>;
export type Contribution = z.output<typeof contribution>;

/** What a score part answers of each user, in this order: tensor `metrics` [users x 3]. */
export const scored = ["ndcg@100", "recall@20", "recall@50"] as const;

const welcome = z.object({
  type: z.literal("welcome"),
  trainer: z.string(),
  seed: z.number().int(),
  /** How numbers that move weights travel, both ways; see numbers.ts. */
  wire: z.enum(wires),
  /** Files in memory, for a trainer on the same machine. */
  exchange: z.object({ dir: z.string(), proof: z.string() }).nullable(),
});
/** The model's configuration comes along, since it grows with the vocabulary. */
const weights = z.object({
  type: z.literal("weights"),
  group: z.enum(sentWhole),
  version: count,
  model: recipe,
  elsewhere: elsewhere.optional(),
});
/**
 * One step that a trainer takes on its own: the key of its draws, how many of the part's users belong to it, and
 * whether their items are dropped.
 */
const innerStep = z.object({ step: count, users: count, dropout: z.boolean() });
export type InnerStep = z.output<typeof innerStep>;

/**
 * Tensors: `bag` [users x hidden], `columns` and `ends` (the users' rows, one after another), `users` (keys of their
 * draws), `muOld` and `logvarOld` (encoder and joint, where the prior asks for them), `critic.*` (critic and actor: its
 * weights), `targets` and `targetEnds` (score). With `inner` the rows of the first layer that the part touches stand in
 * place of `bag`: `items` [rows] and `rows` [rows x hidden].
 */
const lease = z.object({
  type: z.literal("lease"),
  step: count,
  part: count,
  phase: z.enum(phaseNames),
  batchSize: count,
  /** Weight of the KL term, where it is one for all users of the step: see annealed in shared/neural/recipe.ts. */
  beta: z.number().min(0).optional(),
  /**
   * Versions of the groups that the part is computed with; null where the phase does not need the group. With `old` the
   * old encoder runs beside: nothing that it says of users comes along or is answered.
   */
  versions: z.object({ hidden: count, decoder: count.nullable(), old: count.nullable().optional() }),
  /**
   * Steps to take alone, one after another, in local mode: the answer is how far they moved the weights, not a
   * gradient.
   */
  inner: z.array(innerStep).min(1).max(10_000).optional(),
  elsewhere: elsewhere.optional(),
});
/**
 * What became of an answer that does not count: another trainer's came first or the step is over, or the same trainer
 * answered before.
 */
const late = z.object({ type: z.literal("late"), step: count, part: count });
const duplicate = late.extend({ type: z.literal("duplicate") });
const rejected = z.object({ type: z.literal("rejected"), why: z.string().max(1000) });
const done = z.object({ type: z.literal("done") });
export const fromServer = z.discriminatedUnion("type", [welcome, weights, lease, late, duplicate, rejected, done]);
export type FromServer = z.output<typeof fromServer>;
export type Lease = z.output<typeof lease>;

/** Throws AppError FRAME_MALFORMED that names the field. */
export function read<S extends typeof fromTrainer | typeof fromServer>(schema: S, decoded: Decoded): z.output<S> {
  const parsed = schema.safeParse(decoded.head);
  if (!parsed.success)
    throw new AppError("FRAME_MALFORMED", {
      what: `message ${JSON.stringify(decoded.head.type)}: ${z.prettifyError(parsed.error).replaceAll("\n", " ")}`,
    });
  return parsed.data as z.output<S>;
}
