// A user's scores do not depend on the company: alone, in a batch, in any place of it, the bits are the same. So
// evaluation and serving agree, and requests may be scored together. On the graph engine, whose evaluations are, lists
// are those of the tensorflow engine.
import { beforeAll, describe, expect, test } from "vitest";
import { gaussian } from "../../shared/compute/draws.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import { openEngine } from "../../shared/compute/open-engine.ts";
import { Vocabulary } from "../../shared/events/vocabulary.ts";
import { initialise, type Weights } from "../../shared/neural/parameters.ts";
import type { Recipe } from "../../shared/neural/recipe.ts";
import { createScorer, type Scorer } from "../../shared/neural/scorer.ts";
import { rankingOf } from "../../shared/ranking/metrics.ts";
import { recommend, recommending, recommendTogether, type Wish } from "../../shared/recommending/recommender.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { neuralNames, systemOf } from "../../shared/systems/registry.ts";
import { turnedRecipe } from "../../shared/systems/turned.ts";
import { onEachBackend, withoutTensorflow } from "./engines.ts";
import { deviation } from "./recvae.ts";

const users = 64;
const rowOf = (user: number, items: number) => {
  const columns = new Set(
    Array.from({ length: 1 + ((user * 37) % 90) }, (_, k) => (user * 7919 + k * k * 104_729) % items),
  );
  return Int32Array.from(columns);
};

/** Untrained, but with biases as far apart as a trained model's: sums have something to round. */
function weightsOf(config: Recipe): Weights {
  const weights = initialise(config, 1);
  const { data } = weights["decoder.bias"]!;
  data.set(gaussian(1, 0, 0, data.length).map((draw) => 3 * draw));
  return weights;
}

const bytes = (scores: Float32Array) => Buffer.from(scores.buffer, scores.byteOffset, scores.byteLength);

onEachBackend((open) => {
  describe.each([
    ["the paper's size", recipeOf({ ...defaults, items: 20_108 })],
    ["odd sizes", recipeOf({ ...defaults, items: 1_003, hidden: 37, latent: 11 })],
  ])("at %s", (_, config) => {
    const rows = Array.from({ length: users }, (_, user) => rowOf(user, config.items));
    let scorer: Scorer;
    let alone: Buffer[];
    beforeAll(async () => {
      scorer = createScorer(await open(), config, weightsOf(config));
      alone = rows.map((row) => bytes(scorer.scoreBatch([row])));
      return () => scorer.dispose();
    }, 60_000);

    test("1 to 64 users beside each other have the bits that each has alone", { timeout: 60_000 }, () => {
      for (let count = 1; count <= users; count++) {
        const together = scorer.scoreBatch(rows.slice(0, count));
        expect(together).toHaveLength(count * config.items);
        expect(bytes(together).equals(Buffer.concat(alone.slice(0, count))), `${count} users`).toBe(true);
      }
    });

    test("a place in the batch changes no bit either", () => {
      const together = bytes(scorer.scoreBatch(rows.toReversed()));
      expect(together.equals(Buffer.concat(alone.toReversed()))).toBe(true);
    });

    test("answers to requests that are scored together are those of each alone", () => {
      const model = recommending(
        "v1",
        Object.assign(scorer, { vocabulary: new Vocabulary(Array.from({ length: config.items }, (_, k) => `i${k}`)) }),
      );
      const wishes = rows.slice(0, 20).map((row, user): Wish => {
        const history = [...row.subarray(0, user % 5 === 0 ? 0 : row.length)].map((column) => `i${column}`);
        return {
          history: [...history, "elsewhere"],
          k: 1 + user * 3,
          exclude: [`i${user}`],
          includeSeen: user % 2 === 0,
        };
      });
      expect(recommendTogether(model, wishes)).toEqual(wishes.map((wish) => recommend(model, wish)));
    });
  });
});

describe.skipIf(withoutTensorflow)("on the graph engine", () => {
  const config = recipeOf({ ...defaults, items: 1_003, hidden: 37, latent: 11 });
  const graph = () => openEngine({ wanted: "graph", graphs: { compiled: false } });
  const rows = Array.from({ length: 400 }, (_, user) => rowOf(user, config.items));

  test("beside others, in any place, beyond one run of the graph: the bits that each has alone", async () => {
    const scorer = createScorer(await graph(), config, weightsOf(config));
    const together = bytes(scorer.scoreBatch(rows));
    const width = 4 * config.items;
    for (const user of [0, 1, 5, 383, 384, 399]) {
      const alone = bytes(scorer.scoreBatch([rows[user]!]));
      expect(together.subarray(user * width, (user + 1) * width).equals(alone), `user ${user}`).toBe(true);
    }
    expect(scorer.scoreBatch([])).toHaveLength(0);
    scorer.dispose();
  });

  test("every neural system's lists are those of the tensorflow engine, but for scores that rounding tells apart", async () => {
    const users = rows.slice(0, 100);
    const sizes = { items: 503, users: 4 };
    const engines = { graph: await graph(), tensorflow: await openEngine({ wanted: "tensorflow" }) };
    for (const name of neuralNames) {
      const recipe = turnedRecipe(systemOf(name).preset, { hidden: 24 }, sizes);
      const weights = initialise(recipe, 5);
      const score = (engine: Engine) => {
        const scorer = createScorer(engine, recipe, weights);
        const scores_BI = scorer.scoreBatch(users.map((row) => row.filter((item) => item < sizes.items)));
        scorer.dispose();
        return scores_BI;
      };
      const [graphs, tensorflows] = [score(engines.graph), score(engines.tensorflow)];
      expect(deviation(graphs, tensorflows), name).toBeLessThan(1e-5);
      for (const user of users.keys()) {
        const of = (scores_BI: Float32Array) => scores_BI.subarray(user * sizes.items, (user + 1) * sizes.items);
        const [found, expected] = [graphs, tensorflows].map((all) => rankingOf(of(all), new Int32Array(0), 100));
        found!.forEach((item, rank) => {
          const [mine, theirs] = [of(tensorflows)[item]!, of(tensorflows)[expected![rank]!]!];
          expect(Math.abs(mine - theirs), `${name}, user ${user}, rank ${rank}`).toBeLessThan(1e-5);
        });
      }
    }
  });
});
