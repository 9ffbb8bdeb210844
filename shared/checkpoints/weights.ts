// Files of weights: decoded, checked, and what is wrong told with the path. Among them those that stand alone, without
// a manifest of ours, as PyTorch saves them.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../errors/errors.ts";
import type { Weights } from "../neural/parameters.ts";
import { checkFinite } from "../neural/safetensors.ts";
import { neuralNames, systemOf } from "../systems/registry.ts";
import type { Neural, Sized } from "../systems/system.ts";
import { readTensors } from "./files.ts";

export const WEIGHTS = "model.safetensors";
export const MANIFEST = "manifest.json";

/**
 * What `check` makes of the finite weights in a file. Throws CHECKPOINT_MISSING, or CHECKPOINT_CORRUPT naming tensor
 * and file.
 */
export async function readWeights<T>(
  path: string,
  sha256: string | undefined,
  check: (weights: Weights) => T,
): Promise<T> {
  const weights = await readTensors(path, sha256);
  try {
    const checked = check(weights);
    checkFinite(weights);
    return checked;
  } catch (error) {
    throw error instanceof AppError ? new AppError(error.code, { ...error.facts, path }, { cause: error }) : error;
  }
}

/**
 * The file of weights that --checkpoint means when no manifest stands beside it: the path itself, or the one in a
 * directory.
 */
export function weightsAlone(checkpoint: string): string | undefined {
  if (checkpoint.endsWith(".safetensors")) return checkpoint;
  const path = join(checkpoint, WEIGHTS);
  return existsSync(path) && !existsSync(join(checkpoint, MANIFEST)) ? path : undefined;
}

/** Weights that stand alone, with what scores by them. Throws CHECKPOINT_MISSING or CHECKPOINT_CORRUPT. */
export async function loadStateDict(path: string): Promise<{ system: Neural; config: Sized; weights: Weights }> {
  const system = neuralNames.map((name) => systemOf(name)).find(({ fromStateDict }) => fromStateDict)!;
  return { system, ...(await readWeights(path, undefined, system.fromStateDict!)) };
}
