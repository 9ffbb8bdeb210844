// Users and items at the edge, through whole epochs of training and then scoring, on both engines: never a NaN, and an
// empty history is scored by the decoder's bias.
import { beforeAll, describe, expect, test } from "vitest";
import { openParameters } from "../../services/server/run/parameters.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import { embeddingName, findNonFinite, initialise } from "../../shared/neural/parameters.ts";
import type { Recipe } from "../../shared/neural/recipe.ts";
import { createScorer } from "../../shared/neural/scorer.ts";
import { defaults, type ModelConfig, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { onEachEngine } from "./engines.ts";
import { train } from "./in-process.ts";

const settings: ModelConfig = { ...defaults, items: 6, hidden: 5, latent: 3, learningRate: 0.01 };
const config = recipeOf(settings);
const row = (...items: number[]) => Int32Array.from(items);
const none = row();

onEachEngine((open) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open();
  });

  function scores(config: Recipe, weights: ReturnType<typeof initialise>, rows: Int32Array[]): Float32Array {
    const scorer = createScorer(engine, config, weights);
    const scores_BI = scorer.scoreBatch(rows);
    scorer.dispose();
    return scores_BI;
  }

  describe.each([
    ["alternating", {}],
    ["not alternating", { alternating: false }],
  ])("%s", (_, schedule) => {
    test.each<[string, Int32Array[], Partial<ModelConfig> & { batchSize?: number }]>([
      ["users without any item among others", [none, row(0, 1), none, row(2), none], {}],
      ["nobody with an item", [none, none, none], {}],
      ["a single user", [row(1, 2, 3)], {}],
      ["batches of one", [row(1, 2), none, row(5)], { batchSize: 1 }],
      ["one-item users", [row(0), row(1), row(1), row(5)], {}],
      ["users who have every item", [row(0, 1, 2, 3, 4, 5), row(5, 4, 3, 2, 1, 0)], {}],
      ["one item in all", [row(0), none, row(0)], { items: 1 }],
      ["next to everything dropped", [row(0), row(1, 2), row(3, 4, 5)], { dropoutRate: 0.999 }],
      ["nothing dropped", [row(0), row(1, 2), row(3, 4, 5)], { dropoutRate: 0 }],
      ["no KL term", [row(0), row(1, 2), row(3, 4, 5)], { gamma: 0 }],
    ])("%s train to finite weights and scores", async (_, rows, { batchSize = 2, ...change }) => {
      const { store } = await train(engine, {
        config: recipeOf({ ...settings, ...change }),
        rows,
        seed: 5,
        epochs: 2,
        schedule: { ...schedule, encoderPasses: 1, batchSize },
      });
      expect(findNonFinite({ ...store.weights, ...store.state() })).toBeUndefined();
      const { items } = store.config;
      const scores_BI = scores(recipeOf({ ...settings, ...change }), store.weights, [none, row(0), ...rows]);
      expect(scores_BI.every(Number.isFinite)).toBe(true);
      expect(scores_BI.subarray(0, items)).toEqual(store.weights["decoder.bias"]!.data);
    });
  });

  test("an item that no training user has is scored, and a history of it alone too", async () => {
    const rows = [row(0, 1), row(2, 3, 4), row(1, 4)]; // nobody has 5
    const { store } = await train(engine, { config, rows, seed: 5, epochs: 3, schedule: { batchSize: 2 } });
    const first = initialise(config, 5)[embeddingName]!.data;
    // no gradient, no moment: it stays
    expect(store.weights[embeddingName]!.data.subarray(25)).toEqual(first.subarray(25));
    expect(scores(config, store.weights, [row(5), row(0, 5)]).every(Number.isFinite)).toBe(true);
  });

  test("a history of nothing but items that came after training is scored by the decoder's bias", () => {
    const parameters = openParameters(config, initialise(config, 5));
    parameters.store.grow(8, new Float64Array(8).fill(1), 5);
    const grown = parameters.store.weights;
    const scores_BI = scores({ ...config, items: 8 }, grown, [row(6, 7), row(1)]);
    expect(scores_BI.subarray(0, 8)).toEqual(grown["decoder.bias"]!.data);
    expect(scores_BI.every(Number.isFinite)).toBe(true);
  });
});
