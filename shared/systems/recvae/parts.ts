// What RecVAE brought that other presets can be turned to: the residual encoder and the composite prior, as its authors
// set them for ML-20M. Source: docs/design/recvae.md
import type { Composite, Recipe } from "../../neural/recipe.ts";

export const residualEncoder: Extract<Recipe["encoder"], { kind: "residual" }> = {
  kind: "residual",
  width: 600,
  layerNormEps: 0.1,
};

export const compositePrior: Composite & { readonly gamma: number } = {
  kind: "composite",
  gamma: 0.005,
  beta: null,
  mixtureWeights: [3 / 20, 3 / 4, 1 / 10],
  wideLogVariance: 10,
};
