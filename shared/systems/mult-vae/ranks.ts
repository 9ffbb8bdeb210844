// WARP and LambdaNet as the paper's table has them: Mult-VAE's network and weights, fine-tuned by a loss of ranks, without a KL term. Source: spec/baselines.md.
import type { Recipe } from "../../neural/recipe.ts";
import type { Page } from "../page.ts";
import { multVae } from "./mult-vae.ts";

const tuned = (likelihood: Recipe["likelihood"]): Page => ({
  ...multVae,
  recipe: { ...multVae.recipe, likelihood, regulariser: { kind: "standard", gamma: null, cap: 0, annealSteps: 0 } },
  fineTuned: true,
});

export const warpNet = tuned("warp");
export const lambdaNet = tuned("lambdarank");
