// RaCT's step: who is shown what, what the critic is to guess, and who moves the actor.
import fc from "fast-check";
import { expect, test } from "vitest";
import { uniform } from "../../shared/compute/draws.ts";
import { valuesOf } from "../../shared/neural/bag.ts";
import { actorLoss, criticLoss, type Features, guess, initialCritic } from "../../shared/neural/critic.ts";
import { critique, splitRow } from "../../shared/neural/ract.ts";
import { evaluate } from "../../shared/ranking/evaluate.ts";

const ITEMS = 30;
const row = fc
  .shuffledSubarray([...Array(ITEMS).keys()], { minLength: 1, maxLength: 12 })
  .map((list) => Int32Array.from(list));
const rows = fc.array(row, { minLength: 1, maxLength: 8 });
const draw = { seed: 7, step: 11 };

test("the mask is the one that the row is dropped out by: what is kept has a value, the rest has none", () => {
  fc.assert(
    fc.property(rows, (all) => {
      const users = all.map((_, k) => 100 + k);
      const values = valuesOf("normalised", all, { ...draw, users, rate: 0.5 });
      all.forEach((each, k) => {
        const { kept, dropped } = splitRow(each, draw.seed, draw.step, users[k]!, 0.5);
        expect([...kept]).toEqual([...each].filter((_, n) => values[k]![n]! > 0));
        expect([...kept, ...dropped].sort()).toEqual([...each].sort());
      });
    }),
  );
});

test("the critic learns the true NDCG@100 of what was dropped, of users of whom something was, and only they move the actor", () => {
  fc.assert(
    fc.property(rows, fc.nat(500), (all, seed) => {
      const splits = all.map((each, user) => splitRow(each, seed, draw.step, user, 0.5));
      const scores_BI = uniform(seed, 1, 1, new Float32Array(all.length * ITEMS));
      const nll_B = all.map(({ length }, user) => length * (2 + (user % 3)));
      const critic = initialCritic(seed, 0, [3, 5, 4, 1]);
      const found = critique(critic, scores_BI, splits, nll_B, 0.01);
      const counting = [...splits.keys()].filter((user) => splits[user]!.dropped.length > 0);
      expect(found.users).toBe(counting.length);
      if (counting.length === 0) {
        expect(Object.values(found.gradients).every(({ data }) => data.every((value) => value === 0))).toBe(true);
        return;
      }
      const users = counting.map((user) => ({ foldIn: splits[user]!.kept, target: splits[user]!.dropped }));
      const scored = () =>
        Float32Array.from(counting.flatMap((user) => [...scores_BI.subarray(user * ITEMS, (user + 1) * ITEMS)]));
      const truth = evaluate(scored, users, ITEMS);
      expect(found.ndcg).toBeCloseTo(truth["ndcg@100"].mean, 12);
      const figures = counting.map(
        (user): Features => [splits[user]!.kept.length, splits[user]!.dropped.length, nll_B[user]!],
      );
      const made = guess(critic, figures);
      const expected = criticLoss(critic, made, truth.perUser["ndcg@100"], 0.01);
      expect(found.loss).toBeCloseTo(expected.loss, 12);
      expect(found.gradients).toEqual(expected.gradients);
      const { dNll_B } = actorLoss(critic, made);
      expect([...found.dNll_B]).toEqual(all.map((_, user) => dNll_B[counting.indexOf(user)] ?? 0));
    }),
    { numRuns: 50 },
  );
});
