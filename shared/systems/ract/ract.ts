// RaCT (Lobel et al. 2019): Mult-VAE's network and weights; a critic learns to guess the NDCG of its lists, then moves
// it towards a better one. Source: docs/design/baselines.md#ract.
import { over } from "../benchmarked.ts";
import { fineTuned } from "../mult-vae/fine-tuned.ts";
import { neural } from "../neural.ts";
import { usualCritic } from "./critic-flags.ts";

export const ract = neural({
  title: "RaCT",
  preset: fineTuned({ learningRate: 2e-6, critic: usualCritic }),
  grid: {
    source:
      "Lobel et al. 2019: Adam at 2e-6, behind epochs of the critic alone; higher where an epoch has fewer updates",
    isSeeded: true,
    flags: ["--epochs=60"], // none is better than the last while the critic learns alone
    settings: over("learning-rate", 2e-6, 2e-5, 1e-4),
  },
  published: { inTable: true, "ML-20M": "~.403 ~.543 ~.434", Netflix: "~.357 ~.450 ~.392", MSD: "~.268 ~.364 ~.319" },
});
