// One evaluator for a data directory and for a folder of models.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { take } from "../../shared/locks/lock.ts";
import { isInStore } from "../../shared/runtime/location.ts";

/**
 * Curves and models have one writer: a second evaluator would tell each arrival twice, and judge what the first
 * publishes. Models of an object store need no lock to stay whole: of two evaluators one publishes.
 */
export async function takeAlone(places: readonly string[], signal: AbortSignal): Promise<void> {
  for (const folder of places.filter((place) => !isInStore(place))) {
    mkdirSync(folder, { recursive: true });
    await take(join(folder, ".evaluator"), signal, { what: `an evaluator works in ${folder}` });
  }
}
