// Keeps a rate: how long to wait before the next events may go. Pure; the clock is an argument.

export interface Pace {
  /** Milliseconds to wait before `count` more events may be sent. A pause is not made up for by a burst. */
  wait(count: number, now: number): number;
}

/** `rate` in events a second; null for no limit. */
export function paceOf(rate: number | null): Pace {
  let dueAt = Number.NEGATIVE_INFINITY;
  return {
    wait: (count, now) => {
      if (rate === null) return 0;
      const at = Math.max(dueAt, now - SLACK_MS);
      dueAt = at + (1000 * count) / rate;
      return Math.max(0, at - now);
    },
  };
}

/** A small delay may be caught up with. */
const SLACK_MS = 500;
