// How the open step and its trainers stand, the slow ones named, of what the parameter server says. Pure.
import type { Reading } from "../status/readings.ts";

export type Server = Reading<"server">;

/** What a trainer does with its time, in the order in which a part goes through it. */
export const activities = ["pull", "data", "compute", "push", "wait"] as const;

/** A trainer as the table shows it. */
export interface Trainer extends Omit<Server["trainers"][number], "since"> {
  /** Its parts take far longer than those of the others. */
  readonly isSlow: boolean;
}

type Shown = "itemsWaiting" | "listen" | "step" | "phase" | "parts" | "deadlineMs" | "contributions" | "bytesPerStep";

export interface Training extends Pick<Server, Shown> {
  readonly bytes: Omit<NonNullable<Server["bytes"]>, "waiting"> | null;
  readonly trainers: readonly Trainer[];
  /** Of the newest checkpoint, seconds. */
  readonly checkpointAge: number | null;
}

/** `now` in ms since 1970. */
export function trainingOf(status: Server, now: number): Training {
  const {
    listen,
    step,
    phase,
    parts,
    deadlineMs,
    contributions,
    bytes,
    bytesPerStep,
    trainers,
    checkpoint,
    itemsWaiting,
  } = status;
  const slower = slowFrom(trainers.flatMap(({ partMs }) => partMs ?? []));
  return {
    ...{ listen, step, phase, parts, deadlineMs, contributions, bytes, bytesPerStep, itemsWaiting },
    bytes: bytes && { sent: bytes.sent, received: bytes.received, memory: bytes.memory },
    trainers: trainers.map(({ since, ...each }) => ({ ...each, isSlow: (each.partMs ?? 0) > slower })),
    checkpointAge: ageOf(checkpoint, now),
  };
}

/** Seconds. */
export function ageOf(checkpoint: Server["checkpoint"], now: number): number | null {
  return checkpoint?.at ? Math.max(0, now - checkpoint.at) / 1000 : null;
}

const TIMES_MEDIAN = 1.5;

/** Of an even number the lower middle: of two trainers, one can be slow. */
function slowFrom(times: readonly number[]): number {
  const median = [...times].sort((a, b) => a - b)[(times.length - 1) >> 1];
  return median === undefined ? Number.POSITIVE_INFINITY : TIMES_MEDIAN * median;
}
