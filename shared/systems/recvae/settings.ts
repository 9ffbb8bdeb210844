// RecVAE's settings as manifests and checkpoints have them since before there were recipes.
import { defaults, type ModelConfig, modelConfig } from "../../neural/config.ts";
import { type Recipe, recipeOf } from "../../neural/recipe.ts";

export { defaults, type ModelConfig, modelConfig, recipeOf };

/** Of a recipe that differs from RecVAE's in what the record can say, and in nothing else. */
export function configOf(recipe: Recipe): ModelConfig {
  const { items, encoder, latent, regulariser, dropoutRate, learningRate } = recipe;
  if (encoder.kind !== "residual" || latent === null || regulariser.kind !== "composite") throw new Error("not a recipe of RecVAE");
  const { gamma, beta, mixtureWeights, wideLogVariance } = regulariser;
  const { width: hidden, layerNormEps } = encoder;
  return { hidden, latent, gamma, beta, dropoutRate, learningRate, layerNormEps, mixtureWeights, wideLogVariance, items };
}
