// A model's weights on an engine, ready to score rows of items: the mean of the posterior through the decoder, no
// dropout, no noise. Source: docs/design/recvae.md#sampling, #metrics.
import type { Engine } from "../compute/engine.ts";
import { Kernels } from "../compute/kernels/kernels.ts";
import { embeddingTable } from "../compute/kernels/table.ts";
import type { ScoreBatch } from "../ranking/evaluate.ts";
import { valuesOf } from "./bag.ts";
import { graphNetwork } from "./graph/network.ts";
import { kernelNetwork } from "./kernel-network.ts";
import { embeddingOf, shapesOf, type Weights } from "./parameters.ts";
import { bagWidth, type Recipe } from "./recipe.ts";

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

/**
 * Users of a run of the graph: always so many, rows of nobody among them, so that no bit depends on how many there are.
 * A multiple of six, as steps.ts says why, and of what a compiled graph is filled up to; 31 MB of scores at ML-20M
 * size.
 */
const RUN = 384;

/** Copies the weights: the first layer, an embedding bag, for the kernels, the others onto the engine. */
export function createScorer(engine: Engine, config: Recipe, weights: Weights): Scorer {
  const embedding = weights[embeddingOf(config)];
  if (!embedding) throw new Error(`no tensor ${embeddingOf(config)}`);
  const used: Kernels[] = [];
  const table = embeddingTable(embedding, () => {
    used.push(idle.pop() ?? new Kernels());
    return used.at(-1)!;
  });
  const { openSession } = engine;
  const isGraph = openSession !== undefined;
  const network = isGraph
    ? graphNetwork(({ variables, routines }) => openSession({ variables, routines: { score: routines.score! } }))
    : kernelNetwork(engine);
  // by what a model has learned is nothing to its scores
  const recipe: Recipe = isGraph ? { ...config, critic: null, likelihood: "multinomial" } : config;
  for (const group of ["hidden", "decoder"] as const)
    network.take(group, recipe, isGraph ? copied(weights, shapesOf(group, recipe)) : weights);
  const width = bagWidth(config);
  const bagOf = (foldIns: Int32Array[]) => table.bag({ rows: foldIns, values: valuesOf(config.input, foldIns) });
  const inRuns: ScoreBatch = (foldIns) => {
    const bag_BH = bagOf(foldIns);
    const scores_BI = new Float32Array(foldIns.length * config.items);
    for (let from = 0; from < foldIns.length; from += RUN) {
      const run_BH = new Float32Array(RUN * width);
      const users = Math.min(RUN, foldIns.length - from);
      run_BH.set(bag_BH.subarray(from * width, (from + users) * width));
      scores_BI.set(network.score(run_BH).subarray(0, users * config.items), from * config.items);
    }
    return scores_BI;
  };
  return {
    scoreBatch: isGraph ? Object.assign(inRuns, { atOnce: RUN }) : (foldIns) => network.score(bagOf(foldIns)),
    dispose() {
      network.dispose();
      for (const { memory } of used) memory.clear();
      idle.push(...used);
    },
  };
}

const copied = (weights: Weights, shapes: readonly (readonly [string, readonly number[]])[]): Weights =>
  Object.fromEntries(
    shapes.map(([name]) => [name, { shape: weights[name]!.shape, data: weights[name]!.data.slice() }]),
  );
