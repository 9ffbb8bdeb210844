// Which services hang: they neither answer nor do anything, look after look. Looks are counted, not seconds: while `up` itself was stopped, nobody looked.
import { readFileSync } from "node:fs";

/** What one look at a process saw. */
export interface Look {
  readonly pid: number;
  readonly answered: boolean;
  /** Processor time that it has used, in ticks; null where the system does not say. */
  readonly ticks: number | null;
}

/** Looks in a row without an answer, and of those the ones in which it did nothing either. */
export interface Silence {
  readonly pid: number;
  readonly ticks: number | null;
  readonly unanswered: number;
  readonly idle: number;
}

/** Looks, about a second apart. Who computes may be silent for a while; who does nothing for so long has stopped for good. */
const [TOLD, HUNG] = [20, 60];

export function afterLook(before: Silence | undefined, { pid, answered, ticks }: Look): Silence {
  if (answered || before?.pid !== pid) return { pid, ticks, unanswered: answered ? 0 : 1, idle: 0 };
  const isIdle = ticks !== null && ticks === before.ticks;
  return { pid, ticks, unanswered: before.unanswered + 1, idle: isIdle ? before.idle + 1 : 0 };
}

export const isToBeTold = ({ unanswered }: Silence): boolean => unanswered === TOLD;
export const isSilent = ({ unanswered }: Silence): boolean => unanswered >= TOLD;
export const hangs = ({ idle }: Silence): boolean => idle >= HUNG;

/** Of /proc/PID/stat: the state, and ticks of user and system time. */
export function activityOf(pid: number): { readonly isStopped: boolean; readonly ticks: number | null } {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" "); // a name may hold anything
    return { isStopped: fields[0] === "T", ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return { isStopped: false, ticks: null };
  }
}
