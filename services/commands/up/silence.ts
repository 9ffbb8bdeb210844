// Which services hang: they neither answer nor do anything. A look counts for the time since the one before, but never
// for more than a few seconds: while `up` itself was stopped, nobody looked.
import { statOf } from "../../../shared/runtime/proc.ts";

/** What one look at a process saw. */
export interface Look {
  readonly pid: number;
  readonly answered: boolean;
  /** Processor time that it has used, in ticks; null where the system does not say. */
  readonly ticks: number | null;
  /** Since the look before, by a clock that nobody sets. */
  readonly seconds: number;
}

/** Seconds without an answer, and of those the ones in which it did nothing either. */
export interface Silence {
  readonly pid: number;
  readonly ticks: number | null;
  readonly unanswered: number;
  readonly idle: number;
}

/** Seconds. Who computes may be silent for a while; who does nothing for so long has stopped for good. */
const [TOLD, HUNG] = [20, 60];
/** Most that one look counts for: a look takes up to 3 s where services do not answer. */
const LOOK = 5;

export function afterLook(before: Silence | undefined, { pid, answered, ticks, seconds }: Look): Silence {
  if (answered || before?.pid !== pid) return { pid, ticks, unanswered: 0, idle: 0 };
  const passed = Math.min(seconds, LOOK);
  const isIdle = ticks !== null && ticks === before.ticks;
  return { pid, ticks, unanswered: before.unanswered + passed, idle: isIdle ? before.idle + passed : 0 };
}

export const isSilent = ({ unanswered }: Silence): boolean => unanswered >= TOLD;
export const hangs = ({ idle }: Silence): boolean => idle >= HUNG;

/** Whether somebody has stopped it, and its ticks of user and system time. */
export function activityOf(pid: number): { readonly isStopped: boolean; readonly ticks: number | null } {
  try {
    const fields = statOf(pid);
    return { isStopped: fields[0] === "T", ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return { isStopped: false, ticks: null };
  }
}
