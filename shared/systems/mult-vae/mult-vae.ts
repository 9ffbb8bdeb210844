// Mult-VAE^PR (Liang et al. 2018), with its authors' settings for ML-20M: I-600-200-600-I, multinomial likelihood, KL annealed to a cap. Source: spec/baselines.md.
import { type Page, together } from "../page.ts";

export const multVae: Page = {
  recipe: {
    input: "normalised",
    encoder: { kind: "plain", widths: [600] },
    latent: 200,
    decoder: [600],
    likelihood: "multinomial",
    // The cap is reached after 40,000 updates, behind the best epoch of most data sets: that one's weight is what the report names.
    regulariser: { kind: "standard", gamma: null, cap: 0.2, annealSteps: 200_000 },
    weightDecay: 0,
    dropoutRate: 0.5,
    learningRate: 1e-3,
    firstValues: "xavier",
  },
  schedule: together,
};
