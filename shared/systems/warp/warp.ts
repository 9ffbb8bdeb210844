// WARP as the paper's table has it: Mult-VAE's network and weights, fine-tuned by a loss of ranks, without a KL term.
// Source: docs/design/baselines.md#warp.
import { over, untilItFalls } from "../benchmarked.ts";
import { multVae } from "../mult-vae/mult-vae.ts";
import { neural } from "../neural.ts";

export const warp = neural({
  title: "WARP",
  preset: {
    ...multVae.preset,
    recipe: {
      ...multVae.preset.recipe,
      likelihood: "warp",
      regulariser: { kind: "standard", gamma: null, cap: 0, annealSteps: 0 },
    },
    startsFrom: "mult-vae",
  },
  grid: {
    source: "Lobel et al. 2019: Mult-VAE's own rate; lower ones",
    isSeeded: true,
    flags: untilItFalls(50, 8),
    settings: over("learning-rate", 1e-3, 1e-4, 1e-5),
  },
  published: { inTable: true, "ML-20M": "~.314 ~.466 ~.341", Netflix: "~.270 ~.365 ~.306", MSD: "~.206 ~.302 ~.249" },
});
