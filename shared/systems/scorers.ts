// From a model of any system to scores: one maker for the neural ones, one for each of the others. shared/checkpoints/scoring.ts opens the files, `train` has the model in hand.
import type { Engine } from "../compute/engine.ts";
import type { Weights } from "../neural/parameters.ts";
import { createScorer, type Scorer } from "../neural/scorer.ts";
import { blended } from "../ranking/blend.ts";
import { popularityScores, type ScoreBatch } from "../ranking/evaluate.ts";
import { factorScores, factorsName, ialsObjective, wmfObjective } from "../solvers/factors.ts";
import { type BlendConfig, tensorsOf } from "./blend/blend.ts";
import { easeScores, weightsName } from "./ease/ease.ts";
import { countsName } from "./popularity/popularity.ts";
import { slimScores } from "./slim/slim-weights.ts";
import { type ConfigOf, isNeural, type NeuralName, type SolvedName, type SystemName, systems } from "./systems.ts";

const inMemory: { readonly [N in SolvedName]: (config: ConfigOf<N>, weights: Weights) => ScoreBatch } = {
  ease: ({ items }, weights) => easeScores(weights[weightsName]!.data, items),
  slim: (config, weights) => slimScores(weights, config),
  wmf: (config, weights) => factorScores(wmfObjective(config), weights[factorsName]!.data, config.factors),
  ials: (config, weights) => factorScores(ialsObjective(config), weights[factorsName]!.data, config.factors),
  popularity: (_, weights) => popularityScores(weights[countsName]!.data),
};

/** `weights` have passed the system's `check`, and are not copied. */
export function solvedScores<N extends SolvedName>(model: N, config: ConfigOf<N>, weights: Weights): ScoreBatch {
  return inMemory[model](config, weights);
}

/** `weights` have passed the system's `check`. */
export function scorerOf<N extends SystemName>(engine: Engine, model: N, config: ConfigOf<N>, weights: Weights): Scorer {
  if (model === "blend") return ofBoth(engine, config as ConfigOf<"blend">, weights);
  if (isNeural(model)) return createScorer(engine, config as ConfigOf<NeuralName>, weights);
  const solved = model as SolvedName;
  return { scoreBatch: solvedScores(solved, config as ConfigOf<typeof solved>, weights), dispose: () => {} };
}

function ofBoth(engine: Engine, { parts, weight }: BlendConfig, weights: Weights): Scorer {
  const [first, second] = parts.map(({ model, config }, k) => {
    const name = model as SystemName; // the blend's check has looked it up
    return scorerOf(engine, name, systems[name].config.parse(config) as ConfigOf<SystemName>, tensorsOf(weights, k === 0 ? 0 : 1));
  }) as [Scorer, Scorer];
  return {
    scoreBatch: blended(first.scoreBatch, second.scoreBatch, weight),
    dispose() {
      first.dispose();
      second.dispose();
    },
  };
}
