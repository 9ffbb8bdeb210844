// WARP as the paper's table has it: Mult-VAE's network and weights, fine-tuned by a loss of ranks, without a KL term.
// Source: docs/design/baselines.md#warp.
import { fineTuned, rankGrid } from "../mult-vae/fine-tuned.ts";
import { neural } from "../neural.ts";

export const warp = neural({
  title: "WARP",
  preset: fineTuned({ likelihood: "warp" }),
  grid: rankGrid,
  published: { inTable: true, "ML-20M": "~.314 ~.466 ~.341", Netflix: "~.270 ~.365 ~.306", MSD: "~.206 ~.302 ~.249" },
});
