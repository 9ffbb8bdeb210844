// How the open step and its trainers stand, as the scheduler shows it. Pure; between scheduler.ts and progress.ts.
import type { trainerStates } from "../../../shared/health/status/server.ts";
import { allowance, type Millis } from "../../../shared/training/deadlines.ts";
import type { State, Trainer } from "../../../shared/training/lease-state.ts";
import type { Account, Accounts, Outcome } from "./accounts.ts";

export interface TrainerStatus extends Account {
  /**
   * Suspect: it let a deadline pass and was not heard since. Clogged: its socket does not drain. Neither gets a part.
   */
  readonly state: (typeof trainerStates)[number];
  /** When it began the part at hand, in milliseconds since 1970. */
  readonly since: Millis | null;
}

interface Standing {
  readonly parts: { total: number; leased: number; done: number };
  /** How long a part of the open phase may take. */
  readonly deadlineMs: Millis | null;
  readonly contributions: Readonly<Record<Outcome, number>>;
  readonly trainers: ReadonlyMap<string, TrainerStatus>;
}

export interface SchedulerStatus extends Standing {
  /** Names of the engines that answered so far. */
  readonly engines: ReadonlySet<string>;
  /** What they compute on. */
  readonly devices: ReadonlySet<string>;
  /** Most trainers that were there at one time. */
  readonly mostTrainers: number;
  /** An open step has no trainer at all. */
  readonly lonely: boolean;
}

export function standing(
  { open, trainers, durations }: State,
  present: Iterable<string>,
  accounts: Accounts,
): Standing {
  const parts = open?.parts ?? [];
  const leased = [...trainers.values()].flatMap(({ holds }) =>
    holds.filter(({ step, spare }) => step === open?.step && !spare),
  );
  return {
    parts: { total: parts.length, leased: leased.length, done: parts.filter(({ done }) => done).length },
    deadlineMs: open ? allowance(durations, open.phase) : null,
    contributions: accounts.contributions,
    trainers: new Map([...present].map((id) => [id, { ...accounts.of(id), ...doing(trainers.get(id)) }])),
  };
}

/** A trainer that never asked is unknown to the leases. */
function doing(trainer: Trainer | undefined): Pick<TrainerStatus, "state" | "since"> {
  const since = trainer && trainer.holds.length > 0 ? trainer.since : null;
  if (trainer?.standing === "suspect") return { state: "suspect", since };
  if (trainer?.clogged) return { state: "clogged", since };
  return { state: since === null ? "waiting" : "computing", since };
}
