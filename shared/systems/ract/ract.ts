// RaCT (Lobel et al. 2019): Mult-VAE's network and weights; a critic learns to guess the NDCG of its lists, then moves it towards a better one. Source: spec/baselines.md.
import { multVae } from "../mult-vae/mult-vae.ts";
import type { Page } from "../page.ts";

export const ract: Page = {
  ...multVae,
  recipe: {
    ...multVae.recipe,
    regulariser: { kind: "standard", gamma: null, cap: 0, annealSteps: 0 },
    learningRate: 2e-6,
    critic: { epochs: 25, learningRate: 1e-4, l2: 1e-4 },
  },
  fineTuned: true,
};
