// Mult-DAE (Liang et al. 2018): I-200-I, nothing sampled, multinomial likelihood of what was there before dropout, squared weights penalised. Source: spec/baselines.md.
import { type Page, together } from "../page.ts";

export const multDae: Page = {
  recipe: {
    input: "normalised",
    encoder: { kind: "plain", widths: [200] },
    latent: null,
    decoder: [],
    likelihood: "multinomial",
    regulariser: { kind: "none" },
    weightDecay: 0.01 / 500,
    dropoutRate: 0.5,
    learningRate: 1e-3,
    firstValues: "xavier",
  },
  schedule: together,
};
