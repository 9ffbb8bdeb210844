// How large a message of a trainer may be: a small one, but for the answer to a lease. Between admission and main.ts.
import type { Recipe } from "../../shared/neural/recipe.ts";
import { scheduleOf } from "../../shared/training/knobs.ts";
import { SMALL_MESSAGE } from "./admission/limits.ts";
import type { Config } from "./options.ts";
import { largestAnswer } from "./scheduler/contributions.ts";

/** `model`, `users`: of the run as it is now. */
export function messageLimit(
  config: Config,
  { model, users }: { model: () => Recipe; users: () => number },
  awaits: (trainer: string) => boolean,
): (trainer: string) => number {
  const { sync, every, partSize } = config;
  // a batch in a trainer's own steps, rounded: half as much again at most
  const batch = Math.max(Math.ceil(1.5 * scheduleOf(config).batchSize), partSize);
  const inStint = () => (every === "auto" ? users() + batch : every * batch);
  const largest = () =>
    sync === "exact" ? largestAnswer(model(), partSize) : largestAnswer(model(), inStint(), model().items);
  return (trainer) => (awaits(trainer) ? largest() : SMALL_MESSAGE);
}
