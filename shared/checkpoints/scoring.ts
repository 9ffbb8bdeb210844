// A model directory of any system, checked, opened and ready to score: what evaluator, serve and the commands beside
// them share.
import type { Engine } from "../compute/engine.ts";
import { AppError } from "../errors/errors.ts";
import { Vocabulary } from "../events/vocabulary.ts";
import type { Scorer } from "../neural/scorer.ts";
import type { ItemVectors, Making } from "../ranking/vectors.ts";
import { finish } from "../runtime/finish.ts";
import { systemOf } from "../systems/registry.ts";
import { loadModel } from "./checkpoints.ts";
import type { Manifest } from "./manifest.ts";
import { loadStateDict } from "./weights.ts";

export interface OpenModel extends Scorer {
  readonly manifest: Manifest;
  readonly vocabulary: Vocabulary;
}

/** Throws AppError CHECKPOINT_MISSING or CHECKPOINT_CORRUPT. */
export async function openModel(engine: Engine, dir: string): Promise<OpenModel> {
  const { model } = await opened(engine, dir);
  return model;
}

/** With the vectors of its items beside it, where it has some; the process can answer while they are made. */
export async function openWithVectors(
  engine: Engine,
  dir: string,
): Promise<OpenModel & { vectors: ItemVectors | undefined }> {
  const { model, making } = await opened(engine, dir);
  return { ...model, vectors: making && (await finish(making, new AbortController().signal)) };
}

async function opened(engine: Engine, dir: string): Promise<{ model: OpenModel; making: Making | undefined }> {
  const { weights, manifest, vocabulary } = await loadModel(dir);
  const system = systemOf(manifest.model);
  const scorer = system.scorer(engine, manifest.config, weights);
  return {
    model: { ...scorer, manifest, vocabulary: new Vocabulary(vocabulary) },
    making: system.vectors?.(manifest.config, weights),
  };
}

/**
 * Weights that stand alone: their columns are taken to be `items`, in this order. Throws CHECKPOINT_MISSING,
 * CHECKPOINT_CORRUPT or CHECKPOINT_MISMATCH.
 */
export async function openWeights(
  engine: Engine,
  path: string,
  items: readonly string[],
): Promise<Scorer & { vocabulary: Vocabulary }> {
  const { system, config, weights } = await loadStateDict(path);
  if (config.items !== items.length)
    throw new AppError("CHECKPOINT_MISMATCH", {
      what: `the weights are of ${config.items} items, the data of ${items.length}`,
      path,
    });
  return { ...system.scorer(engine, config, weights), vocabulary: new Vocabulary(items) };
}
