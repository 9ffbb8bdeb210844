// A full disk, and whatever else passes (no descriptors, a disk that is away or read-only for a while), ends nothing:
// what cannot be written now is tried again until it can, and said once in the log and in /status meanwhile. For every
// service that runs on.
import type { AppError } from "../errors/errors.ts";
import { passes } from "../errors/os-errors.ts";
import { asAppError, sleep } from "./lifecycle.ts";
import type { Log } from "./log.ts";

export interface Patience {
  /** What is waited for, in a sentence for /status; null: nothing. */
  readonly waiting: string | null;
  /**
   * Does the work; where the system refuses for now, again and again. `what` as in "the evaluation cannot be written".
   * Rejects with any other error, and with the last refusal once asked to stop.
   */
  through<T>(what: string, work: () => Promise<T> | T): Promise<T>;
}

interface Trying {
  readonly retryMs: number;
  /** Before each new try; `first`: it is the first. */
  refused(error: AppError, first: boolean): void;
  /** It is given up: the refusal is the answer. */
  isOver(): boolean;
  readonly signal?: AbortSignal | undefined;
}

/** The loop by itself, for who tells it in another way. */
export async function tryAgain<T>(
  work: () => Promise<T> | T,
  { retryMs, refused, isOver, signal }: Trying,
): Promise<T> {
  for (let first = true; ; first = false) {
    try {
      return await work();
    } catch (error) {
      const refusal = asAppError(error);
      if (!refusal || !passes(refusal) || isOver()) throw error;
      refused(refusal, first);
      await sleep(retryMs, signal);
      if (signal?.aborted) throw error; // a time that is over meanwhile leaves one last try
    }
  }
}

const RETRY_MS = 1_000;

export function openPatience(log: Log, signal?: AbortSignal, retryMs = RETRY_MS): Patience {
  const held = new Map<object, string>();
  return {
    get waiting() {
      return [...held.values()][0] ?? null;
    },
    through: async (what, work) => {
      const mine = {};
      const refused = ({ code, facts }: AppError, first: boolean) => {
        held.set(mine, `${what}: ${facts.what}`);
        if (first) log.error({ code }, `${what}: ${facts.what}. Nothing is lost; it is tried again until it can be`);
      };
      try {
        const done = await tryAgain(work, { retryMs, refused, isOver: () => signal?.aborted ?? false, signal });
        if (held.has(mine)) log.info(`${what}: now it could`);
        return done;
      } finally {
        held.delete(mine);
      }
    },
  };
}
