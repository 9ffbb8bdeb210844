// Mult-DAE (Liang et al. 2018): I-200-I, nothing sampled, multinomial likelihood of what was there before dropout,
// squared weights penalised. Source: docs/design/baselines.md#mult-dae.
import { over, untilItFalls } from "../benchmarked.ts";
import { neural } from "../neural.ts";
import { together } from "../preset.ts";

export const multDae = neural({
  title: "Mult-DAE",
  preset: {
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
  },
  grid: {
    source: "Liang et al. 2018: lambda .01 over a batch of 500",
    isSeeded: true,
    flags: untilItFalls(200, 20),
    settings: over("weight-decay", 2e-5, 0, 2e-4),
  },
  published: { inTable: true, "ML-20M": ".387 .524 .419", Netflix: ".344 .438 .380", MSD: "~.266 ~.363 ~.313" },
});
