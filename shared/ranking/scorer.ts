// A model's weights on an engine, ready to score rows of items: the mean of the posterior through the decoder, no dropout, no noise. Source: spec/recvae.md 1.2, 1.8.
import type { Engine } from "../engine/engine.ts";
import { Kernels } from "../kernels/kernels.ts";
import { embeddingTable } from "../kernels/table.ts";
import { normalisedRow } from "../model/bag.ts";
import type { ModelConfig } from "../model/config.ts";
import { uploadDecoder } from "../model/decoder.ts";
import { uploadHidden } from "../model/encoder.ts";
import { embeddingName, type Weights } from "../model/parameters.ts";
import { score } from "../model/steps.ts";
import type { ScoreBatch } from "./evaluate.ts";

export interface Scorer {
  /** Logits, [B x I]; a user's are the same bits whoever stands beside. An empty row is scored by the decoder's bias. */
  readonly scoreBatch: ScoreBatch;
  /** Frees what lies on the engine; the scorer is of no use afterwards. */
  dispose(): void;
}

/** Kernels of scorers that were disposed of. The collector does not see the size of their memory, and a service opens a new model every few seconds. */
const idle: Kernels[] = [];

const nobody = new Int32Array(0);

/** Copies the weights: the first layer, an embedding bag, for the kernels, the others onto the engine. */
export function createScorer(engine: Engine, config: ModelConfig, weights: Weights): Scorer {
  const embedding = weights[embeddingName];
  if (!embedding) throw new Error(`no tensor ${embeddingName}`);
  const used: Kernels[] = [];
  const table = embeddingTable(embedding, () => {
    used.push(idle.pop() ?? new Kernels());
    return used.at(-1)!;
  });
  const hidden = uploadHidden(engine, config, weights);
  const decoder = uploadDecoder(engine, weights);
  const scoreRows: ScoreBatch = (rows) =>
    score(engine, hidden, decoder, table.bag({ rows, values: rows.map((row) => normalisedRow(row)) }));
  return {
    // TensorFlow has another product for a single row, whose last bits differ: nobody is scored alone.
    scoreBatch: (foldIns) => (foldIns.length === 1 ? scoreRows([...foldIns, nobody]).subarray(0, config.items) : scoreRows(foldIns)),
    dispose() {
      hidden.dispose();
      decoder.dispose();
      for (const { memory } of used) memory.clear();
      idle.push(...used);
    },
  };
}
