// Ranking and its metrics: what must hold for any scores. The fixtures' figures stand in golden.test.ts.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openEngine } from "../../shared/compute/open-engine.ts";
import { initialise } from "../../shared/neural/parameters.ts";
import { createScorer } from "../../shared/neural/scorer.ts";
import { evaluate, popularityScores, type ScoreBatch } from "../../shared/ranking/evaluate.ts";
import {
  ndcg,
  ndcgAt,
  placesIn,
  placesOf,
  rankingOf,
  recall,
  recallAt,
  summary,
} from "../../shared/ranking/metrics.ts";
import { popularIn } from "../../shared/ranking/popular.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";

const columns = (items: number) => [...Array(items).keys()];

/** Few distinct scores, so that ties are the rule. */
const cases = fc.integer({ min: 1, max: 60 }).chain((items) =>
  fc.record({
    scores: fc
      .array(fc.integer({ min: -3, max: 3 }), { minLength: items, maxLength: items })
      .map((values) => Float32Array.from(values)),
    foldIn: fc.shuffledSubarray(columns(items)).map((values) => Int32Array.from(values)),
    k: fc.integer({ min: 0, max: 70 }),
  }),
);

function sortedReference(scores: Float32Array, foldIn: Int32Array, k: number): number[] {
  const seen = new Set(foldIn);
  return columns(scores.length)
    .filter((column) => !seen.has(column))
    .sort((a, b) => scores[b]! - scores[a]! || a - b)
    .slice(0, k);
}

describe("rankingOf", () => {
  test("gives what a full sort by score and column gives, without the fold-in", () => {
    fc.assert(
      fc.property(cases, ({ scores, foldIn, k }) => {
        expect([...rankingOf(scores, foldIn, k)]).toEqual(sortedReference(scores, foldIn, k));
      }),
    );
  });

  test("leaves scores and fold-in as they were", () => {
    fc.assert(
      fc.property(cases, ({ scores, foldIn, k }) => {
        const before = [Float32Array.from(scores), Int32Array.from(foldIn)];
        rankingOf(scores, foldIn, k);
        expect([scores, foldIn]).toEqual(before);
      }),
    );
  });

  test("never ranks a score that is not a number, and ranks infinities", () => {
    const scores = Float32Array.of(Number.NaN, -Infinity, 1, Infinity, Number.NaN, -Infinity);
    expect([...rankingOf(scores, new Int32Array(0), 6)]).toEqual([3, 2, 1, 5]);
    expect([...rankingOf(scores, new Int32Array(0), 2)]).toEqual([3, 2]);
  });
});

describe("placesOf", () => {
  test("gives where wanted columns stand in the list, of few by counting as of many by the list, NaN and masked ones nowhere", () => {
    fc.assert(
      fc.property(cases, fc.array(fc.nat(59), { maxLength: 30 }), fc.nat(3), ({ scores, foldIn, k }, some, holes) => {
        for (let hole = 0; hole < holes; hole++) scores[(7 * hole) % scores.length] = Number.NaN;
        const wanted = new Set(some.filter((column) => column < scores.length));
        const top = rankingOf(scores, foldIn, k);
        const places = placesOf(scores, foldIn, wanted, k);
        expect(places).toEqual(placesIn(top, wanted));
        for (const length of [1, 5, k]) {
          expect(ndcgAt(places, wanted.size, length)).toBe(ndcg(top, Int32Array.from(wanted), length));
          expect(recallAt(places, wanted.size, length)).toBe(recall(top, Int32Array.from(wanted), length));
        }
      }),
    );
  });
});

describe("ndcg and recall", () => {
  const scores = Float32Array.of(0.9, 0.8, 0.7, 0.6, 0.5, 0.4);
  const targets = Int32Array.of(2, 4, 5);

  test("the worked example of the specification", () => {
    const top = rankingOf(scores, Int32Array.of(0), 3);
    expect(ndcg(top, targets, 3)).toBeCloseTo(0.296081911, 8);
    expect(recall(top, targets, 3)).toBeCloseTo(1 / 3, 12);
    expect(recall(top, targets, 2)).toBeCloseTo(1 / 2, 12);
  });

  test.each([
    [1, 1],
    [5, 2.948459],
    [20, 7.040268],
    [100, 20.938671],
  ])("the ideal gain at 100 of %i targets is %f", (count, ideal) => {
    const wanted = Int32Array.from(columns(count));
    expect(1 / ndcg(Int32Array.of(0), wanted, 100)).toBeCloseTo(ideal, 6);
  });

  test("are 1 when every target leads, 0 when none is listed, and within 0..1 in between", () => {
    fc.assert(
      fc.property(cases, fc.integer({ min: 1, max: 70 }), ({ scores: any, foldIn }, k) => {
        const seen = new Set(foldIn);
        const open = columns(any.length).filter((column) => !seen.has(column));
        fc.pre(open.length > 0);
        const wanted = Int32Array.from(open.slice(0, Math.ceil(open.length / 2)));
        const others = Int32Array.from(columns(any.length).filter((column) => !wanted.includes(column)));
        expect(ndcg(wanted, wanted, k)).toBeCloseTo(1, 12);
        expect(recall(wanted, wanted, k)).toBe(1);
        expect(ndcg(others, wanted, k)).toBe(0);
        expect(recall(others, wanted, k)).toBe(0);
        const value = ndcg(rankingOf(any, foldIn, k), wanted, k);
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(1 + 1e-12);
      }),
    );
  });
});

describe("evaluate", () => {
  const items = 30;
  /** Scores that depend on the fold-in alone, as a model's do. */
  const scoreBatch: ScoreBatch = (foldIns) => {
    const scores_BI = new Float32Array(foldIns.length * items);
    foldIns.forEach((foldIn, row) => {
      for (const column of columns(items))
        scores_BI[row * items + column] = Math.sin(column * (1 + foldIn.length) + (foldIn[0] ?? 0));
    });
    return scores_BI;
  };
  const user = fc
    .shuffledSubarray(columns(items))
    .chain((all) =>
      fc
        .integer({ min: 0, max: all.length })
        .map((cut) => ({ foldIn: Int32Array.from(all.slice(0, cut)), target: Int32Array.from(all.slice(cut)) })),
    );
  const users = fc.array(user, { minLength: 1, maxLength: 250 });

  test("does not depend on the order of users, nor on who is scored beside whom", () => {
    fc.assert(
      fc.property(users, (all) => {
        const forward = evaluate(scoreBatch, all, items, [10]);
        const backward = evaluate(scoreBatch, all.toReversed(), items, [10]);
        expect([...forward.perUser["ndcg@10"]].reverse()).toEqual([...backward.perUser["ndcg@10"]]);
        all.slice(0, 3).forEach((one, k) => {
          expect(evaluate(scoreBatch, [one], items, [10]).perUser["recall@10"][0]).toBe(
            forward.perUser["recall@10"][k],
          );
        });
        if (forward.users > 0) expect(backward["ndcg@10"].mean).toBeCloseTo(forward["ndcg@10"].mean, 12);
      }),
      { numRuns: 30 },
    );
  });

  test("scores of a real model are the same bits for users one at a time and in batches", async () => {
    const engine = await openEngine({ threads: 1 });
    const config = recipeOf({ ...defaults, items: 500, hidden: 32, latent: 16 });
    const scorer = createScorer(engine, config, initialise(config, 3));
    const all = columns(130).map((u) => ({
      foldIn: Int32Array.from(columns(1 + (u % 40)), (k) => (u * 31 + k * 7) % 500),
      target: Int32Array.of((u * 17) % 500),
    }));
    const together = evaluate(scorer.scoreBatch, all, 500);
    const alone = all.map((one) => evaluate(scorer.scoreBatch, [one], 500));
    for (const name of ["ndcg@100", "recall@20"] as const)
      expect(alone.map(({ perUser }) => perUser[name][0])).toEqual([...together.perUser[name]]);
    const scores_BI = scorer.scoreBatch(all.map(({ foldIn }) => foldIn));
    for (const user of [0, 77, 129])
      expect(scorer.scoreBatch([all[user]!.foldIn])).toEqual(scores_BI.slice(user * 500, (user + 1) * 500));
    scorer.dispose();
  });

  test("leaves out users without a target and counts them", () => {
    const all = [
      { foldIn: Int32Array.of(0), target: Int32Array.of(1) },
      { foldIn: Int32Array.of(2), target: new Int32Array(0) },
    ];
    const result = evaluate(scoreBatch, all, items);
    expect(result).toMatchObject({ users: 1, withoutTarget: 1 });
    expect(result["ndcg@100"].mean).toBe(result.perUser["ndcg@100"][0]);
    expect(result.perUser["ndcg@100"][1]).toBeNaN();
  });

  test("popularity lists the most frequent items that the user has not seen", () => {
    const scores = popularityScores([5, 9, 1, 9])([Int32Array.of(1), new Int32Array(0)]);
    expect([...rankingOf(scores.subarray(0, 4), Int32Array.of(1), 3)]).toEqual([3, 0, 2]);
    expect([...rankingOf(scores.subarray(4, 8), new Int32Array(0), 3)]).toEqual([1, 3, 0]);
  });

  test("what is popular is what one-item histories are given on average, however far scores lie apart", () => {
    const scoreBatch: ScoreBatch = (foldIns) =>
      Float32Array.from(
        foldIns.flatMap((row) => [0, 1, 2, 3].map((column) => (column === 2 ? 500 : column === row[0] ? 499 : -100))),
      );
    const popular_I = popularIn(scoreBatch, 4);
    expect([...rankingOf(popular_I, new Int32Array(0), 1)]).toEqual([2]);
    const sum = popular_I.reduce((total, value) => total + Math.exp(value), 0);
    expect(sum).toBeCloseTo(1, 6);
  });

  test("the standard error is the biased deviation over the root of the number of users", () => {
    expect(summary([1, 2, 3, 4])).toEqual({ mean: 2.5, standardError: Math.sqrt(1.25) / 2 });
  });
});
