// How fast an outer epoch goes, of how far it is between two steps: users a second, time left. Kept by progress.ts.
// Pure.
import type { ServerStatus } from "../../shared/health/status/server.ts";
import type { Standing } from "./run/outer-epoch.ts";

export interface EpochPace {
  /** Between two steps of a round, at a time in seconds. */
  at(round: number, standing: Standing, now: number): NonNullable<ServerStatus["epoch"]>;
  /** Whether it is time for a line of the log; asked once after each step. */
  isDue(): boolean;
}

/** Seconds from one line of the log to the next. */
const EVERY = 10;

export function openEpochPace(): EpochPace {
  /** Where this process began with the round. */
  let begun = { round: -1, at: 0, step: 0, users: 0 };
  let toldAt = 0;
  let newest = 0;
  return {
    at: (round, { step, steps, users, loss }, now) => {
      newest = now;
      if (round !== begun.round || step < begun.step) {
        begun = { round, at: now, step, users };
        toldAt = now;
      }
      const seconds = now - begun.at;
      const done = step - begun.step;
      return {
        step,
        steps,
        loss,
        usersPerSecond: done > 0 ? (users - begun.users) / seconds : null,
        secondsLeft: done > 0 ? ((steps - step) * seconds) / done : null,
      };
    },
    isDue: () => {
      if (newest - toldAt < EVERY) return false;
      toldAt = newest;
      return true;
    },
  };
}
