// A run's parameters: the store that holds them, what moves them, what sends them, and the clock of all three. Opened
// together, used apart.
import type { Weights } from "../../../shared/neural/parameters.ts";
import type { Recipe } from "../../../shared/neural/recipe.ts";
import type { Wire } from "../../../shared/training/numbers.ts";
import { Publisher } from "./publisher.ts";
import { Sections } from "./sections.ts";
import { ParameterStore, type StoreSettings } from "./store.ts";
import { Updater, type Updates } from "./updater.ts";

export interface Parameters {
  readonly store: ParameterStore;
  readonly updater: Updater;
  readonly publisher: Publisher;
  readonly sections: Sections;
}

interface Settings extends StoreSettings {
  readonly updates?: Updates;
  readonly wire?: Wire;
}

/** Copies the weights. Throws CHECKPOINT_CORRUPT, MODEL_TOO_LARGE. */
export function openParameters(
  config: Recipe,
  weights: Weights,
  { updates, wire = "f32", ...settings }: Settings = {},
): Parameters {
  const sections = new Sections();
  const store = new ParameterStore(config, weights, sections, settings);
  return {
    store,
    updater: new Updater(store, sections, updates),
    publisher: new Publisher(store, sections, wire),
    sections,
  };
}
