// LambdaNet as the paper's table has it: Mult-VAE's network and weights, fine-tuned by LambdaRank, without a KL term.
// Source: docs/design/baselines.md#lambdanet.
import { fineTuned, rankGrid } from "../mult-vae/fine-tuned.ts";
import { neural } from "../neural.ts";

export const lambdanet = neural({
  title: "LambdaNet",
  preset: fineTuned({ likelihood: "lambdarank" }),
  grid: rankGrid,
  published: { inTable: true, "ML-20M": "~.395 ~.534 ~.427", Netflix: "~.352 ~.441 ~.386", MSD: "~.259 ~.355 ~.308" },
});
