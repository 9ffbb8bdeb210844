// The ranking losses and the critic against sums over pairs and finite differences, for any scores. Their golden
// numbers stand in golden.test.ts.
import fc from "fast-check";
import { expect, test } from "vitest";
import { actorLoss, criticLoss, type Features, type Guess, guess, initialCritic } from "../../shared/neural/critic.ts";
import { lambdarank } from "../../shared/neural/lambdarank.ts";
import { warp } from "../../shared/neural/warp.ts";
import { ndcg, rankingOf } from "../../shared/ranking/metrics.ts";
import { descending } from "../../shared/ranking/order.ts";
import { deviation } from "./recvae.ts";

/** Scores with ties and extremes among them, and some of their columns as the user's items. */
const user = fc
  .array(fc.oneof(fc.float({ min: -60, max: 60, noNaN: true }), fc.constantFrom(-1, 0, -0, 1, 2)), {
    minLength: 1,
    maxLength: 40,
  })
  .chain((scores) =>
    fc.record({
      scores_I: fc.constant(Float32Array.from(scores)),
      row: fc.shuffledSubarray([...scores.keys()]).map((row) => Int32Array.from(row)),
    }),
  );

test("columns come in order of score, equal ones by column", () => {
  fc.assert(
    fc.property(user, ({ scores_I }) => {
      const sorted = [...scores_I.keys()].sort((a, b) => scores_I[b]! - scores_I[a]! || a - b);
      expect([...descending(scores_I)]).toEqual(sorted);
    }),
  );
});

test("WARP is its sum over all pairs, and its gradient theirs", () => {
  fc.assert(
    fc.property(user, ({ scores_I, row }) => {
      const rank_I = ranksOf(scores_I);
      const gradient = Array<number>(scores_I.length).fill(0);
      let loss = 0;
      for (const [i, j] of pairs(scores_I, row)) {
        if (rank_I[j]! > rank_I[i]!) continue;
        let phi = 0;
        for (let r = 1; r <= rank_I[i]!; r++) phi += 1 / r;
        loss += phi * (scores_I[j]! - scores_I[i]!);
        gradient[j]! += phi;
        gradient[i]! -= phi;
      }
      const found_I = new Float32Array(scores_I.length).fill(Number.NaN);
      expect(warp(scores_I, row, found_I)).toBeCloseTo(loss, 1);
      expect(deviation(found_I, gradient)).toBeLessThan(1e-5);
    }),
  );
});

test("LambdaRank is its sum over all pairs, however far apart the scores are, and tells 1 - NDCG of the whole list", () => {
  fc.assert(
    fc.property(user, fc.constantFrom(1, 1000), ({ scores_I: base_I, row }, spread) => {
      const scores_I = base_I.map((score) => score * spread);
      const rank_I = ranksOf(scores_I);
      const discount = (rank: number) => 1 / Math.log2(1 + rank);
      const ideal = [...row.keys()].reduce((sum, k) => sum + discount(k + 1), 0);
      const gradient = Array<number>(scores_I.length).fill(0);
      for (const [i, j] of pairs(scores_I, row)) {
        const change = Math.abs(discount(rank_I[i]!) - discount(rank_I[j]!)) / ideal;
        const lambda = change / (1 + Math.exp(scores_I[i]! - scores_I[j]!));
        gradient[i]! -= lambda;
        gradient[j]! += lambda;
      }
      const found_I = new Float32Array(scores_I.length).fill(Number.NaN);
      const told = lambdarank(scores_I, row, found_I);
      expect(Math.max(...found_I.map((value, k) => Math.abs(value - gradient[k]!)))).toBeLessThan(1e-5);
      if (row.length > 0)
        expect(told).toBeCloseTo(
          1 - ndcg(rankingOf(scores_I, new Int32Array(0), scores_I.length), row, scores_I.length),
          9,
        );
      else expect(told).toBe(0);
    }),
  );
});

test("the critic moves by the gradients of its loss, and the actor by that of its own", () => {
  const figures = fc.tuple(
    fc.integer({ min: 1, max: 200 }),
    fc.integer({ min: 0, max: 200 }),
    fc.double({ min: 1, max: 2000, noNaN: true }),
  );
  const batch = fc.array(fc.record({ figures, ndcg: fc.double({ min: 0, max: 1, noNaN: true }) }), {
    minLength: 2,
    maxLength: 6,
  });
  const l2 = 0.01;
  fc.assert(
    fc.property(batch, fc.nat(1000), (users, seed) => {
      const critic = initialCritic(seed, 0, [3, 5, 4, 1]);
      const all = users.map((each): Features => each.figures);
      const wanted = users.map((each) => each.ndcg);
      const { gradients } = criticLoss(critic, guess(critic, all), wanted, l2);
      for (const [name, { shape, data }] of Object.entries(gradients)) {
        const by = (k: number, step: number) => {
          const moved = {
            ...critic,
            [name]: { shape, data: critic[name]!.data.with(k, critic[name]!.data[k]! + step) },
          };
          const made = guess(moved, all);
          return { made, loss: criticLoss(moved, made, wanted, l2).loss };
        };
        for (const [k, value] of data.entries()) expectSlope(value, 2 ** -10, (step) => by(k, step), `${name}[${k}]`);
      }
      const { dNll_B } = actorLoss(critic, guess(critic, all));
      for (const [user, value] of dNll_B.entries()) {
        const by = (step: number) => {
          const made = guess(
            critic,
            all.map(([kept, dropped, nll], k): Features => [kept, dropped, k === user ? nll + step : nll]),
          );
          return { made, loss: actorLoss(critic, made).loss };
        };
        expectSlope(value, 2 ** -14, by, `user ${user}`);
      }
    }),
    { numRuns: 30 },
  );
});

/** The slope of the loss, where no unit of the critic goes on or off on the way. */
function expectSlope(
  value: number,
  step: number,
  at: (step: number) => { made: Guess; loss: number },
  what: string,
): void {
  const [before, after] = [at(-step), at(step)];
  const lit = ({ inputs }: Guess) => inputs.slice(1).map((x) => x.map((each) => Math.sign(each)));
  if (lit(before.made).join() !== lit(after.made).join()) return;
  expect(Math.abs(value - (after.loss - before.loss) / (2 * step)), what).toBeLessThan(1e-4 * (1 + Math.abs(value)));
}

const ranksOf = (scores_I: Float32Array) => {
  const rank_I = new Int32Array(scores_I.length);
  [...scores_I.keys()]
    .sort((a, b) => scores_I[b]! - scores_I[a]! || a - b)
    .forEach((column, k) => {
      rank_I[column] = k + 1;
    });
  return rank_I;
};

/** Every positive column with every negative one. */
const pairs = (scores_I: Float32Array, row: Int32Array) =>
  [...row].flatMap((i) => [...scores_I.keys()].filter((j) => !row.includes(j)).map((j) => [i, j] as const));
