// Weights as the authors' PyTorch code saves them (its state_dict): no configuration beside them, so the sizes follow
// from the shapes. Pure; the file is read by shared/checkpoints/weights.ts.
import { AppError } from "../../errors/errors.ts";
import { allShapesOf, type Weights } from "../../neural/parameters.ts";
import { checkShapes } from "../../neural/safetensors.ts";
import { defaults, type ModelConfig, recipeOf } from "./settings.ts";

/** The prior's own vectors; beside them stands its copy of the encoder. */
const ofPrior = ["prior.mu_prior", "prior.logvar_prior", "prior.logvar_uniform_prior"];

/**
 * The prior serves training alone: its tensors are left out. Throws CHECKPOINT_CORRUPT naming the tensor that is
 * missing, unknown or of a wrong shape.
 */
export function fromStateDict(tensors: Weights): { config: ModelConfig; weights: Weights } {
  const [, hidden] = sizesOf(tensors, "encoder.fc1.weight"); // in memory [I, H]
  const [items, latent] = sizesOf(tensors, "decoder.weight");
  const config: ModelConfig = { ...defaults, items, hidden, latent };
  checkShapes(tensors, recipeOf(config));
  const names = allShapesOf(recipeOf(config)).map(([name]) => name);
  const leftOut = new Set([...ofPrior, ...names.map((name) => name.replace(/^encoder\./, "prior.encoder_old."))]);
  const unknown = Object.keys(tensors).find((name) => !names.includes(name) && !leftOut.has(name));
  if (unknown !== undefined)
    throw new AppError("CHECKPOINT_CORRUPT", { what: `tensor ${unknown} is none of RecVAE's` });
  return { config, weights: Object.fromEntries(names.map((name) => [name, tensors[name]!])) };
}

function sizesOf(tensors: Weights, name: string): [number, number] {
  const shape = tensors[name]?.shape;
  if (!shape) throw new AppError("CHECKPOINT_CORRUPT", { what: `tensor ${name} is missing` });
  if (shape.length !== 2 || shape.includes(0))
    throw new AppError("CHECKPOINT_CORRUPT", { what: `tensor ${name} has the shape [${shape}], no matrix` });
  return shape as [number, number];
}
