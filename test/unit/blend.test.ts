// Blending two models' scores: standardised per user, mixed by a weight that validation users choose.
import fc from "fast-check";
import { expect, test } from "vitest";
import { blended, chooseWeight, standardised } from "../../shared/ranking/blend.ts";
import { evaluate, type HeldOutUser, type ScoreBatch } from "../../shared/ranking/evaluate.ts";
import { rankingOf } from "../../shared/ranking/metrics.ts";

const ITEMS = 12;
const columns = [...Array(ITEMS).keys()];
// with ties, and no two closer than a sum can tell
const score = fc.integer({ min: -400, max: 400 }).map((quarters) => quarters / 4);
/** One row of scores, whoever asks. */
const scores = fc.array(score, { minLength: ITEMS, maxLength: ITEMS }).map((values) => Float32Array.from(values));
const sameFor =
  (scores_I: Float32Array): ScoreBatch =>
  (foldIns) =>
    Float32Array.from(foldIns.flatMap(() => [...scores_I]));
const foldIn = fc.shuffledSubarray(columns, { maxLength: ITEMS - 3 }).map((list) => Int32Array.from(list));
const weight = fc.constantFrom(0, 0.05, 0.5, 0.8, 1);

test("standardised scores have mean 0 and deviation 1 over what the user does not have, and keep their order", () => {
  fc.assert(
    fc.property(scores, foldIn, (scores_I, known) => {
      const standard_I = standardised(scores_I, known);
      const open = columns.filter((column) => !known.includes(column));
      const values = open.map((column) => standard_I[column]!);
      if (new Set(open.map((column) => scores_I[column]!)).size === 1) {
        expect([...standard_I]).toEqual(columns.map(() => 0));
        return;
      }
      const mean = values.reduce((a, b) => a + b) / values.length;
      expect(mean).toBeCloseTo(0, 9);
      expect(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length).toBeCloseTo(1, 9);
      expect([...rankingOf(standard_I, known, ITEMS)]).toEqual([...rankingOf(scores_I, known, ITEMS)]);
    }),
  );
});

test("what a user has changes nothing of how the other items are ranked", () => {
  fc.assert(
    fc.property(
      scores,
      scores,
      foldIn,
      weight,
      fc.float({ min: -1000, max: 1000, noNaN: true }),
      (a_I, b_I, known, share, odd) => {
        const other_I = a_I.map((value, column) => (known.includes(column) ? odd : value));
        const top = (first_I: Float32Array) => [
          ...rankingOf(blended(sameFor(first_I), sameFor(b_I), share)([known]), known, ITEMS),
        ];
        expect(top(other_I)).toEqual(top(a_I));
      },
    ),
  );
});

test("neither scale nor offset of a model changes a blend, and a model that says nothing leaves the other alone", () => {
  fc.assert(
    fc.property(scores, scores, foldIn, (a_I, b_I, known) => {
      const of = (first_I: Float32Array) => blended(sameFor(first_I), sameFor(b_I), 0.5)([known]);
      const scaled = of(a_I.map((value) => 64 * value)); // powers of two round nothing
      expect([...scaled]).toEqual([...of(a_I)]);
      const constant = blended(sameFor(a_I.map(() => 7)), sameFor(b_I), 0.5)([known]);
      expect([...constant]).toEqual([...blended(sameFor(b_I), sameFor(b_I), 0.5)([known])].map((value) => value / 2));
    }),
  );
});

test("a user's blend is, bit for bit, the same alone and among others", () => {
  fc.assert(
    fc.property(
      scores,
      scores,
      fc.array(foldIn, { minLength: 1, maxLength: 5 }),
      weight,
      (a_I, b_I, foldIns, share) => {
        const score = blended(sameFor(a_I), sameFor(b_I), share);
        const together = score(foldIns);
        foldIns.forEach((each, user) => {
          expect(together.subarray(user * ITEMS, (user + 1) * ITEMS)).toEqual(score([each]));
        });
      },
    ),
  );
});

const user = fc.record({ foldIn, target: fc.shuffledSubarray(columns).map((list) => Int32Array.from(list)) });
const users = fc.array(user, { minLength: 1, maxLength: 8 });

test("the weight is the most even share of the grid that is as good as the best one, but for one standard error of the users' differences", () => {
  fc.assert(
    fc.property(scores, scores, users, (a_I, b_I, everybody) => {
      const { weight, curve } = finished(sameFor(a_I), sameFor(b_I), everybody);
      expect(curve.map((each) => each.weight)).toEqual(columnsOf(0, 0.05, 21));
      if (everybody.every(({ target }) => target.length === 0)) {
        expect(weight).toBe(0.5);
        return;
      }
      const found = curve.map((each) => evaluate(blended(sameFor(a_I), sameFor(b_I), each.weight), everybody, ITEMS));
      curve.forEach((each, k) => {
        expect(each["ndcg@100"].mean).toBeCloseTo(found[k]!["ndcg@100"].mean, 12);
      });
      // Which of several best ones is compared with is a matter of evenness, too.
      const evenness = (k: number) => Math.abs(curve[k]!.weight - 0.5);
      const top = Math.max(...curve.map((each) => each["ndcg@100"].mean));
      const [best] = [...curve.keys()]
        .filter((k) => curve[k]!["ndcg@100"].mean === top)
        .sort((a, b) => evenness(a) - evenness(b));
      const isAsGood = (k: number) => {
        const lost = [...found[best!]!.perUser["ndcg@100"]]
          .map((gain, user) => gain - found[k]!.perUser["ndcg@100"][user]!)
          .filter((each) => !Number.isNaN(each));
        const mean = lost.reduce((sum, each) => sum + each, 0) / lost.length;
        const variance = lost.reduce((sum, each) => sum + (each - mean) ** 2, 0) / Math.max(1, lost.length - 1);
        return mean <= (lost.length < 2 ? 0 : Math.sqrt(variance / lost.length));
      };
      const good = [...curve.keys()].filter(isAsGood).map(evenness);
      expect(Math.abs(weight - 0.5)).toBe(Math.min(...good));
    }),
    { numRuns: 50 },
  );
});

test("of two models of which one is right, that one gets the larger share", () => {
  const right = Float32Array.from(columns, (column) => column);
  const wrong = right.map((value) => -value);
  // what ties would put last
  const everybody: HeldOutUser[] = [{ foldIn: Int32Array.of(5), target: Int32Array.of(10, 11) }];
  const share = finished(sameFor(right), sameFor(wrong), everybody).weight;
  expect(share).toBeGreaterThan(0.5);
  expect(finished(sameFor(wrong), sameFor(right), everybody).weight).toBeCloseTo(1 - share, 12);
});

function finished(first: ScoreBatch, second: ScoreBatch, everybody: readonly HeldOutUser[]) {
  const work = chooseWeight(first, second, everybody, ITEMS);
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

const columnsOf = (from: number, step: number, count: number) =>
  Array.from({ length: count }, (_, k) => from + Math.round(k * step * 20) / 20);
