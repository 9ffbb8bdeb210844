// The hidden group of a model onto the engine, as the encoder that its recipe names.
import type { Engine } from "../compute/engine.ts";
import type { HiddenWeights } from "./encoder.ts";
import type { Weights } from "./parameters.ts";
import { uploadPlain } from "./plain-encoder.ts";
import type { Recipe } from "./recipe.ts";
import { uploadResidual } from "./residual-encoder.ts";

/** May share the memory of the arrays: leave them unchanged until `dispose`. */
export function uploadHidden(engine: Engine, config: Recipe, weights: Weights): HiddenWeights {
  const { encoder, latent } = config;
  if (encoder.kind === "plain") return uploadPlain(engine, config, { widths: encoder.widths, latent }, weights);
  return uploadResidual(
    engine,
    config,
    { hidden: encoder.width, latent: latent!, layerNormEps: encoder.layerNormEps },
    weights,
  );
}
