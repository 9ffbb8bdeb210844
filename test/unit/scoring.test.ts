// A user's scores do not depend on the company: alone, in a batch, in any place of it, the bits are the same. So
// evaluation and serving agree, and requests may be scored together.
import { beforeAll, describe, expect, test } from "vitest";
import { gaussian } from "../../shared/compute/draws.ts";
import { Vocabulary } from "../../shared/events/vocabulary.ts";
import { initialise, type Weights } from "../../shared/neural/parameters.ts";
import type { Recipe } from "../../shared/neural/recipe.ts";
import { createScorer, type Scorer } from "../../shared/neural/scorer.ts";
import { recommend, recommending, recommendTogether, type Wish } from "../../shared/recommending/recommender.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { onEachBackend } from "./engines.ts";

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
