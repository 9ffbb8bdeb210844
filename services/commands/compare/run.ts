// Runs a plan: as many trials at once as are wanted, each as a process; asks the plan what is next whenever one has
// ended. What was done before is not done again.
import { type Result, resultOf } from "./ledger.ts";
import { next, type Plan, type Trial } from "./plan.ts";
import { runTrial, type Workplace } from "./trial.ts";

export interface Telling {
  /** Of an earlier run. */
  readonly remember: (id: string, result: Result) => void;
  readonly begun: (trial: Trial) => void;
  readonly ended: (trial: Trial, result: Result | undefined) => void;
}

/** By the trial's id. When the benchmark is asked to stop, what there is by then. */
export async function runPlan(
  plan: Plan,
  jobs: number,
  place: Workplace,
  telling: Telling,
): Promise<Map<string, Result>> {
  const results = new Map<string, Result>();
  const running = new Map<string, Promise<void>>();
  const { signal } = place.until;
  for (;;) {
    while (!signal.aborted && running.size < jobs) {
      const trial = next(plan, results, new Set(running.keys()));
      if (!trial) break;
      const before = await resultOf(place.out, trial.id, true);
      if (before) {
        results.set(trial.id, before);
        telling.remember(trial.id, before);
      } else running.set(trial.id, start(trial));
    }
    if (running.size === 0) return results;
    await Promise.race(running.values());
  }

  async function start(trial: Trial): Promise<void> {
    telling.begun(trial);
    try {
      const result = await runTrial(trial, place);
      if (result) results.set(trial.id, result);
      telling.ended(trial, result);
    } finally {
      running.delete(trial.id);
    }
  }
}
