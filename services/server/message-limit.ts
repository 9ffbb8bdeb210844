// How large a message of a trainer may be: a small one, but for the answer to a lease. Between admission and main.ts.
import type { Recipe } from "../../shared/neural/recipe.ts";
import { scheduleOf } from "../../shared/training/knobs.ts";
import { SMALL_MESSAGE } from "./admission/limits.ts";
import type { Config } from "./options.ts";
import { largestAnswer } from "./scheduler/contributions.ts";

/** `model`: that of the run as it is now. */
export function messageLimit(
  config: Config,
  model: () => Recipe,
  awaits: (trainer: string) => boolean,
): (trainer: string) => number {
  const largest = () =>
    config.sync === "exact"
      ? largestAnswer(model(), config.partSize)
      : largestAnswer(model(), config.every * Math.max(scheduleOf(config).batchSize, config.partSize), model().items);
  return (trainer) => (awaits(trainer) ? largest() : SMALL_MESSAGE);
}
