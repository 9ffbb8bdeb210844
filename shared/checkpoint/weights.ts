// Files of weights: decoded, checked, and what is wrong told with the path. Among them those that stand alone, without a manifest of ours, as PyTorch saves them.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { checkFinite, decodeSafetensors } from "../model/checkpoint.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Weights } from "../model/parameters.ts";
import { fromStateDict } from "../model/state-dict.ts";
import { AppError } from "../runtime/errors.ts";

export const WEIGHTS = "model.safetensors";
export const MANIFEST = "manifest.json";

/** What `check` makes of the finite weights in `bytes`. Throws CHECKPOINT_CORRUPT naming tensor and file. */
export function decodeWeights<T>(bytes: Uint8Array, path: string, check: (weights: Weights) => T): T {
  try {
    const weights = decodeSafetensors(bytes);
    const checked = check(weights);
    checkFinite(weights);
    return checked;
  } catch (error) {
    throw error instanceof AppError ? new AppError(error.code, { ...error.facts, path }, { cause: error }) : error;
  }
}

/** The file of weights that --checkpoint means when no manifest stands beside it: the path itself, or the one in a directory. */
export function weightsAlone(checkpoint: string): string | undefined {
  if (checkpoint.endsWith(".safetensors")) return checkpoint;
  const path = join(checkpoint, WEIGHTS);
  return existsSync(path) && !existsSync(join(checkpoint, MANIFEST)) ? path : undefined;
}

/** Throws CHECKPOINT_MISSING or CHECKPOINT_CORRUPT. */
export async function loadStateDict(path: string): Promise<{ config: ModelConfig; weights: Weights }> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") throw new AppError("CHECKPOINT_MISSING", { what: "no such file", path }, { cause: error });
    throw error;
  });
  return decodeWeights(bytes, path, fromStateDict);
}
