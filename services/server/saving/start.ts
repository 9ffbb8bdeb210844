// Weights that a run begins with: drawn, or with --from those of a model that is there, as WARP, LambdaNet and RaCT
// fine-tune one of Mult-VAE's. Before persistence.ts.
import { loadNeural } from "../../../shared/checkpoints/checkpoints.ts";
import { WEIGHTS } from "../../../shared/checkpoints/weights.ts";
import type { Corpus } from "../../../shared/corpus/corpus.ts";
import { AppError } from "../../../shared/errors/errors.ts";
import { allShapesOf, initialise, type Weights } from "../../../shared/neural/parameters.ts";
import type { Recipe } from "../../../shared/neural/recipe.ts";
import { systemOf } from "../../../shared/systems/registry.ts";
import type { Network } from "../../../shared/systems/turned.ts";

/** A model to begin from. */
export interface Start {
  readonly dir: string;
  /** Of its file of weights: which model it was, wherever it lies. */
  readonly sha256: string;
  readonly network: Network;
  readonly weights: Weights;
  readonly salt: string;
  readonly vocabulary: readonly string[];
}

/** Throws CHECKPOINT_MISSING, CHECKPOINT_CORRUPT, or CHECKPOINT_MISMATCH for a solved system. */
export async function openStart(dir: string): Promise<Start> {
  const { weights, manifest, vocabulary } = await loadNeural(dir);
  const { encoder, latent, decoder } = systemOf(manifest.model).recipeOf(manifest.config);
  return {
    dir,
    sha256: manifest.sha256[WEIGHTS] ?? "",
    network: { encoder, latent, decoder },
    weights,
    salt: manifest.salt,
    vocabulary,
  };
}

/**
 * Throws CHECKPOINT_MISMATCH where the model held out others than the data does: it may have learned from those that
 * the run is judged on.
 */
export function mustHoldOut(start: Start, { salt }: Pick<Corpus, "salt">): void {
  if (start.salt === salt) return;
  const what = `the model to begin with held out users by the salt "${start.salt}", the data does by "${salt}"`;
  throw new AppError("CHECKPOINT_MISMATCH", { what, path: start.dir });
}

/** Throws CHECKPOINT_MISMATCH where the model to begin with lacks a tensor of the run, or has it in another shape. */
export function firstWeights(config: Recipe, seed: number, start?: Pick<Start, "dir" | "weights">): Weights {
  if (!start) return initialise(config, seed);
  return Object.fromEntries(
    allShapesOf(config).map(([name, shape]) => {
      const found = start.weights[name];
      if (found?.shape.join() === shape.join()) return [name, found];
      const what = found ? `has the shape [${found.shape}], where [${shape}] is to be trained` : "is missing";
      throw new AppError("CHECKPOINT_MISMATCH", {
        what: `tensor ${name} of the model to begin with ${what}`,
        path: start.dir,
      });
    }),
  );
}
