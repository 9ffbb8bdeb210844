// A model directory, checked, opened and ready to score: what evaluator, serve and the commands beside them share.
import type { Engine } from "../engine/engine.ts";
import { Vocabulary } from "../events/vocabulary.ts";
import { findNonFinite } from "../model/parameters.ts";
import { createScorer, type Scorer } from "../ranking/scorer.ts";
import { loadModel, type Manifest } from "./checkpoints.ts";

export interface OpenModel extends Scorer {
  readonly manifest: Manifest;
  readonly vocabulary: Vocabulary;
  /** Every weight is a finite number. */
  readonly finite: boolean;
}

/** Throws AppError CHECKPOINT_MISSING or CHECKPOINT_CORRUPT. */
export async function openModel(engine: Engine, dir: string): Promise<OpenModel> {
  const { weights, manifest, vocabulary } = await loadModel(dir);
  const scorer = createScorer(engine, manifest.config, weights);
  return { ...scorer, manifest, vocabulary: new Vocabulary(vocabulary), finite: findNonFinite(weights) === undefined };
}
