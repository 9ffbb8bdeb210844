// What the parameter server's /status says, and of it how the open step and its trainers stand, the slow ones named. Pure.
import { z } from "zod";
import { latency } from "./latency.ts";
import { list, maybe, number, text } from "./tolerant.ts";

const trainer = z.object({
  id: text,
  name: text,
  engine: text,
  threads: number,
  tensorsBy: text,
  lastSeenAt: number,
  state: text,
  parts: number,
  late: number,
  duplicate: number,
  partMs: number,
  /** Since it joined. */
  seconds: maybe(z.object({ data: number, compute: number, push: number, wait: number, pull: number })),
});

const ways = maybe(z.object({ sent: number, received: number }));
/** `memory`: through memory that a machine's processes share. */
const wire = maybe(z.object({ sent: number, received: number, memory: ways }));

export const serverStatus = z.object({
  listen: text,
  state: text,
  hint: text,
  round: number,
  step: number,
  phase: text,
  loss: maybe(z.object({ reconstruction: number, kl: number, total: number })),
  lossHistory: list(z.object({ at: z.number(), round: number, reconstruction: number, kl: number })),
  /** Of a run of fixed length: how many epochs were asked for, and how each was; null and none where training has no end. */
  epochsWanted: number,
  epochs: list(z.object({ validation: maybe(z.object({ "ndcg@100": number })) })),
  norms: maybe(z.object({ gradient: number, update: number })),
  users: number,
  items: number,
  itemsWaiting: number,
  stepsPerMinute: number,
  freshness: latency,
  parts: maybe(z.object({ total: number, leased: number, done: number })),
  deadlineMs: number,
  contributions: maybe(
    z.object({
      accepted: number,
      late: number,
      duplicate: number,
      expired: number,
      unasked: number,
      notFinite: number,
      rejected: number,
    }),
  ),
  bytes: wire,
  bytesPerStep: ways,
  trainers: list(trainer),
  checkpoint: maybe(z.object({ step: number, round: number, at: number, seconds: number, lastError: text })),
});
export type ServerStatus = z.output<typeof serverStatus>;

/** A trainer as the table shows it. */
export interface Trainer extends z.output<typeof trainer> {
  /** Its parts take far longer than those of the others. */
  readonly isSlow: boolean;
}

type Shown = "itemsWaiting" | "listen" | "step" | "phase" | "parts" | "deadlineMs" | "contributions" | "bytes" | "bytesPerStep";

export interface Training extends Pick<ServerStatus, Shown> {
  readonly trainers: readonly Trainer[];
  /** Of the newest checkpoint, seconds. */
  readonly checkpointAge: number | null;
}

/** `now` in ms since 1970. */
export function trainingOf(status: ServerStatus, now: number): Training {
  const { listen, step, phase, parts, deadlineMs, contributions, bytes, bytesPerStep, trainers, checkpoint, itemsWaiting } = status;
  const slower = slowFrom(trainers.flatMap(({ partMs }) => partMs ?? []));
  return {
    ...{ listen, step, phase, parts, deadlineMs, contributions, bytes, bytesPerStep, itemsWaiting },
    trainers: trainers.map((each) => ({ ...each, isSlow: (each.partMs ?? 0) > slower })),
    checkpointAge: ageOf(checkpoint, now),
  };
}

/** Seconds. */
export function ageOf(checkpoint: ServerStatus["checkpoint"], now: number): number | null {
  return checkpoint?.at ? Math.max(0, now - checkpoint.at) / 1000 : null;
}

const TIMES_MEDIAN = 1.5;

/** Of an even number the lower middle: of two trainers, one can be slow. */
function slowFrom(times: readonly number[]): number {
  const median = [...times].sort((a, b) => a - b)[(times.length - 1) >> 1];
  return median === undefined ? Number.POSITIVE_INFINITY : TIMES_MEDIAN * median;
}
