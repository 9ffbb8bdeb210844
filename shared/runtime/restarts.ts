// When a service that ended is started again, and how bad that is. Pure: time is an argument, from a clock that only
// goes forward.
import { type ErrorCode, errors } from "../errors/errors.ts";
import type { Ending } from "./spawn.ts";

/** Deaths one after the other, none of them after a steady run. */
export interface Deaths {
  readonly count: number;
  /** When the first of them was. */
  readonly since: number;
  /** It has run for a while at least once: what ended it later may pass again. */
  readonly stood: boolean;
}

export const noDeaths: Deaths = { count: 0, since: 0, stood: false };

export interface Death {
  readonly at: number;
  readonly ranMs: number;
  readonly ending: Ending;
  /** What it says of it itself. */
  readonly error: ErrorCode | null;
  /** A source may come to its end; nothing else may. */
  readonly isSource: boolean;
}

export type Next =
  | { readonly type: "again"; readonly afterMs: number }
  /** A source whose work is done. */
  | { readonly type: "done" }
  /** A source that cannot go on, as it says: the rest goes on without it. */
  | { readonly type: "failed" }
  /** It has never stood, and no further start can change that. */
  | { readonly type: "hopeless" };

/** Of a run: from then on it counts as one that stood; from then on the deaths before are forgotten. Ms. */
const [STOOD, STEADY] = [20_000, 60_000];
const [SHORTEST_PAUSE, LONGEST_PAUSE] = [250, 15_000];
/**
 * Starts that fail before `up` believes a service that has never stood; and for how long, ms, where it does not say
 * why.
 */
const [STARTS, PATIENCE] = [5, 60_000];

/** What follows a death that nobody of us asked for. */
export function afterDeath(before: Deaths, { at, ranMs, ending, error, isSource }: Death): [Deaths, Next] {
  const stood = before.stood || ranMs >= STOOD;
  const deaths =
    before.count === 0 || ranMs >= STEADY
      ? { count: 1, since: at, stood }
      : { count: before.count + 1, since: before.since, stood };
  return [deaths, next()];

  function next(): Next {
    const ended = ending.signal === null ? ending.code : null;
    const isFinal = error !== null && !errors[error].retryable;
    if (isSource && ended === 0 && ending.finished) return { type: "done" };
    if (!deaths.stood && ended === 2) return { type: "hopeless" };
    if (isSource && isFinal && (ended === 1 || ended === 2)) return { type: "failed" };
    const isBelieved = isFinal || (error === null && at - deaths.since >= PATIENCE);
    if (!deaths.stood && ended !== null && ended !== 0 && isBelieved && deaths.count >= STARTS)
      return { type: "hopeless" };
    return { type: "again", afterMs: Math.min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** Math.min(20, deaths.count)) };
  }
}

/** So many deaths in a row are worth a word; red from so long on. Ms. */
const [AGAIN_AND_AGAIN, RED_AFTER] = [3, 180_000];

/** `runsSince`: when the present run began, null where none is under way. */
export function levelOf(deaths: Deaths, runsSince: number | null, now: number): "ok" | "amber" | "red" {
  if (deaths.count < AGAIN_AND_AGAIN || (runsSince !== null && now - runsSince >= STEADY)) return "ok";
  return now - deaths.since >= RED_AFTER ? "red" : "amber";
}
