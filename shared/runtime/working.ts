// Work that may take longer than two seconds, told while it goes on: how much of it is done, how long it takes yet.
// Between a loop and a terminal's line (terminal.ts) or a service's log.
import type { Log } from "./log.ts";
import { type ProgressLine, progressLine } from "./terminal.ts";

/** Told how much of a piece of work is done, 0 to 1; as often as one likes. */
export type Along = (share: number) => void;

/** Where it is told. */
export type Line = Pick<ProgressLine, "show" | "end">;

/** What ends sooner says nothing. */
const QUIET_MS = 2_000;
/** Nobody reads faster, and a terminal is slow. */
const EVERY_MS = 100;
/** Lines of a log. */
const LOGGED_MS = 5_000;

/** Does a piece of work and tells of it: "reading the table: 45 %, 12 s, 15 s left". */
export async function told<T>(
  name: string,
  work: (along: Along) => T | Promise<T>,
  line: Line = progressLine(),
  now = () => performance.now(),
): Promise<T> {
  const startedAt = now();
  let shownAt: number | undefined;
  const along: Along = (share) => {
    const at = now();
    if (at - startedAt < QUIET_MS || at - (shownAt ?? 0) < EVERY_MS) return;
    shownAt = at;
    line.show(`${name}: ${standing(share, (at - startedAt) / 1000)}`);
  };
  try {
    return await work(along);
  } finally {
    if (shownAt !== undefined) line.end();
  }
}

/** "45 %, 12 s, 15 s left". */
function standing(share: number, seconds: number): string {
  const left = share > 0 ? [`${span((seconds * (1 - share)) / share)} left`] : [];
  return [`${Math.floor(100 * Math.min(1, share))} %`, span(seconds), ...left].join(", ");
}

/** 9 s, 2 min 5 s, 3 h 20 min. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  return whole < 3600
    ? `${Math.floor(whole / 60)} min ${whole % 60} s`
    : `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** Of a command that tells what it does in a log: on a terminal one line that moves all the same. */
export const lineBeside = (log: Pick<Log, "info" | "isLevelEnabled">): Line =>
  process.stderr.isTTY && log.isLevelEnabled("info") ? progressLine() : logLine(log);

/** A service's log as such a line: one every few seconds. */
export function logLine(log: Pick<Log, "info">, now = () => performance.now()): Line {
  let loggedAt = Number.NEGATIVE_INFINITY;
  return {
    show: (text) => {
      if (now() - loggedAt < LOGGED_MS) return;
      loggedAt = now();
      log.info(text);
    },
    end: () => undefined,
  };
}
