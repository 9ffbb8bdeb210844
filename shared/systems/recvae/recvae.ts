// RecVAE (Shenbin et al. 2020), with its authors' settings for ML-20M: residual encoder, composite prior, encoder and
// decoder moved in turn. Source: docs/design/recvae.md.
import { usualSchedule } from "../../neural/schedule.ts";
import { over, untilItFalls } from "../benchmarked.ts";
import { neural } from "../neural.ts";
import { compositePrior, residualEncoder } from "./parts.ts";
import { configOf, defaults, type ModelConfig, modelConfig, recipeOf } from "./settings.ts";
import { fromStateDict } from "./state-dict.ts";

export const recvae = neural<ModelConfig>({
  title: "RecVAE",
  preset: {
    recipe: {
      input: "normalised",
      encoder: residualEncoder,
      latent: defaults.latent,
      decoder: [],
      likelihood: "multinomial",
      regulariser: compositePrior,
      weightDecay: 0,
      dropoutRate: defaults.dropoutRate,
      learningRate: defaults.learningRate,
      firstValues: "pytorch",
    },
    settled: [
      "annealSteps",
      "prior",
      "encoder",
      "layers",
      "decoder",
      "likelihood",
      "weightDecay",
      "firstValues",
      "criticEpochs",
      "criticLearningRate",
    ],
    ownSteps: true,
    schedule: usualSchedule,
  },
  stored: { config: modelConfig, configOf, recipeOf, fromStateDict },
  grid: {
    source: "Shenbin et al. 2020: gamma .005, .0035 and .01 on their three sets; more for smaller ones",
    isSeeded: true,
    flags: untilItFalls(100, 15),
    settings: over("gamma", 0.005, 0.0035, 0.01, 0.02),
  },
  published: { inTable: true, "ML-20M": ".414 .553 .442", Netflix: ".361 .452 .394", MSD: "~.276 ~.374 .326" },
});
