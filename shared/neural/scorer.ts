// A model's weights on an engine, ready to score rows of items: the mean of the posterior through the decoder, no
// dropout, no noise. Source: docs/design/recvae.md#sampling, #metrics.
import type { Engine } from "../compute/engine.ts";
import { Kernels } from "../compute/kernels/kernels.ts";
import { embeddingTable } from "../compute/kernels/table.ts";
import type { ScoreBatch } from "../ranking/evaluate.ts";
import { valuesOf } from "./bag.ts";
import { uploadDecoder } from "./decoder.ts";
import { uploadHidden } from "./hidden.ts";
import { embeddingOf, type Weights } from "./parameters.ts";
import type { Recipe } from "./recipe.ts";
import { score } from "./steps.ts";

export interface Scorer {
  /**
   * Logits, [B x I]. An empty row is scored by the decoder's bias. No bit of a row depends on what stands beside it, or
   * on whether anything does.
   */
  readonly scoreBatch: ScoreBatch;
  /** Frees what lies on the engine; the scorer is of no use afterwards. */
  dispose(): void;
}

/**
 * Kernels of scorers that were disposed of. The collector does not see the size of their memory, and a service opens a
 * new model every few seconds.
 */
const idle: Kernels[] = [];

/** Copies the weights: the first layer, an embedding bag, for the kernels, the others onto the engine. */
export function createScorer(engine: Engine, config: Recipe, weights: Weights): Scorer {
  const embedding = weights[embeddingOf(config)];
  if (!embedding) throw new Error(`no tensor ${embeddingOf(config)}`);
  const used: Kernels[] = [];
  const table = embeddingTable(embedding, () => {
    used.push(idle.pop() ?? new Kernels());
    return used.at(-1)!;
  });
  const hidden = uploadHidden(engine, config, weights);
  const decoder = uploadDecoder(engine, weights);
  return {
    scoreBatch: (foldIns) => {
      const values = valuesOf(config.input, foldIns);
      return score(engine, hidden, decoder, table.bag({ rows: foldIns, values }));
    },
    dispose() {
      hidden.dispose();
      decoder.dispose();
      for (const { memory } of used) memory.clear();
      idle.push(...used);
    },
  };
}
