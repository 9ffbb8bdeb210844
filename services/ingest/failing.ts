// When work on messages throws, or processes die of them: they are read again in smaller pieces, until the one that is
// at fault stands alone and is condemned.
import { AppError } from "../../shared/errors/errors.ts";
import type { Log } from "../../shared/runtime/log.ts";
import type { Held } from "./held.ts";
import type { InWork } from "./in-work.ts";
import { createSuspects, type Suspect, type Suspects } from "./suspects.ts";

/** What was worked on, by partition. */
export type Work = readonly [partition: number, unit: Suspect];

export interface Failing {
  readonly suspects: Suspects;
  /** The topic is another one now: nothing is known of its messages. */
  forget(): void;
  blame(partition: number, unit: Suspect, why: string): void;
  /**
   * An error that messages brought about: what was held is read again from where the table is. Throws it where it is
   * not the messages' fault.
   */
  failed(error: unknown, units: readonly Work[]): void;
}

interface Settings {
  /** Outlives us: what was at work when the process died. */
  readonly inWork: InWork;
  /** Read again from where the table is. */
  reassign(): void;
}

/**
 * A refusal of the operating system, or one of ours. Anything else may be a message's fault, what Node says of a value
 * included (ERR_OUT_OF_RANGE).
 */
export function isRefusal(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return error instanceof AppError || (typeof code === "string" && !code.startsWith("ERR_"));
}

export function openFailing({ inWork, reassign }: Settings, held: Held, log: Log): Failing {
  let suspects = createSuspects();

  function blame(partition: number, unit: Suspect, why: string): void {
    const { first, last } = unit;
    suspects.failed(partition, unit);
    const verdict = suspects.verdictOn(partition, first);
    const what = verdict
      ? `offset ${first} goes to the dead letters`
      : `offsets ${first} to ${last} are read again, in smaller pieces`;
    log.warn({ partition, first, last }, `${why} at these messages: ${what}`);
  }

  function failed(error: unknown, units: readonly Work[]): void {
    // After a panic of the WebAssembly nothing that it holds can be trusted: the process ends, and the next one finds
    // what was in work.
    if (isRefusal(error) || !(error instanceof Error) || error instanceof WebAssembly.RuntimeError) throw error;
    for (const [partition, unit] of units) {
      inWork.end(partition);
      blame(partition, unit, error.message);
    }
    if (suspects.isHopeless) throw error;
    held.drop(false);
    reassign();
  }

  return {
    get suspects() {
      return suspects;
    },
    forget: () => {
      suspects = createSuspects();
    },
    blame,
    failed,
  };
}
