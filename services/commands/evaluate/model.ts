// The model that `evaluate` judges: a checkpoint of ours, or weights alone, whose columns are the dataset's.
import { openModel, openWeights } from "../../../shared/checkpoints/scoring.ts";
import { weightsAlone } from "../../../shared/checkpoints/weights.ts";
import type { Engine } from "../../../shared/compute/engine.ts";
import type { Dataset } from "../../../shared/corpus/dataset.ts";
import { AppError } from "../../../shared/errors/errors.ts";

/** Weights alone have no manifest. Throws CHECKPOINT_MISMATCH where they are to be judged on a table. */
export async function openJudged(engine: Engine, checkpoint: string, dataset: Dataset | undefined) {
  const path = weightsAlone(checkpoint);
  if (path === undefined) return openModel(engine, checkpoint);
  if (!dataset)
    throw new AppError("CHECKPOINT_MISMATCH", {
      what: "weights without a manifest know nothing of a table; give --data",
      path,
    });
  return { ...(await openWeights(engine, path, dataset.items)), manifest: undefined };
}
