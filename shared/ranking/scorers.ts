// From a model of any system to scores: one maker for the neural ones, one for each of the others. shared/checkpoint/scoring.ts opens the files, `train` has the model in hand.
import type { Engine } from "../engine/engine.ts";
import { easeScores, weightsName } from "../model/ease.ts";
import type { Weights } from "../model/parameters.ts";
import { countsName } from "../model/popularity.ts";
import { type ConfigOf, isNeural, type NeuralName, type SolvedName, type SystemName } from "../model/systems.ts";
import { popularityScores, type ScoreBatch } from "./evaluate.ts";
import { createScorer, type Scorer } from "./scorer.ts";

const inMemory: { readonly [N in SolvedName]: (config: ConfigOf<N>, weights: Weights) => ScoreBatch } = {
  ease: ({ items }, weights) => easeScores(weights[weightsName]!.data, items),
  popularity: (_, weights) => popularityScores(weights[countsName]!.data),
};

/** `weights` have passed the system's `check`, and are not copied. */
export function solvedScores<N extends SolvedName>(model: N, config: ConfigOf<N>, weights: Weights): ScoreBatch {
  return inMemory[model](config, weights);
}

/** `weights` have passed the system's `check`. */
export function scorerOf<N extends SystemName>(engine: Engine, model: N, config: ConfigOf<N>, weights: Weights): Scorer {
  if (isNeural(model)) return createScorer(engine, config as ConfigOf<NeuralName>, weights);
  const solved = model as SolvedName;
  return { scoreBatch: solvedScores(solved, config as ConfigOf<typeof solved>, weights), dispose: () => {} };
}
