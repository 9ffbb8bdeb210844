// What is told of top-k lists beside their hits, and how sure a mean is: worked examples, and what must hold for any
// lists and values.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { choices } from "../../shared/compute/draws.ts";
import { intervals } from "../../shared/ranking/bootstrap.ts";
import { openCatalogue } from "../../shared/ranking/catalogue.ts";
import { evaluate, popularityScores } from "../../shared/ranking/evaluate.ts";

const columns = (items: number) => [...Array(items).keys()];
const list = (...values: number[]) => Int32Array.from(values);

/** Lists of different lengths over few items, and the items' popularity. */
const lists = fc.integer({ min: 1, max: 30 }).chain((items) =>
  fc.record({
    popularity: fc.array(fc.integer({ min: 0, max: 8 }), { minLength: items, maxLength: items }),
    tops: fc.array(
      fc.shuffledSubarray(columns(items)).map((values) => Int32Array.from(values)),
      { minLength: 1, maxLength: 20 },
    ),
    k: fc.integer({ min: 1, max: 40 }),
  }),
);

function figuresOf(popularity: readonly number[], tops: readonly Int32Array[], k: number) {
  const catalogue = openCatalogue(popularity, 8, [k]);
  tops.forEach(catalogue.see);
  return catalogue.figures()[k]!;
}

describe("the catalogue's figures", () => {
  test("of two lists of two: three of four items shown, 1 bit and 2 bits of surprise, half of it to the most popular item", () => {
    expect(figuresOf([4, 2, 2, 0], [list(0, 1), list(0, 2)], 2)).toEqual({
      coverage: 3 / 4,
      novelty: (1 + 2 + 1 + 2) / 4,
      topShare: 1 / 2,
    });
    expect(figuresOf([4, 2, 2, 0], [list(0, 1), list(0, 2)], 1)).toEqual({ coverage: 1 / 4, novelty: 1, topShare: 1 });
  });

  test("an item that no training user has is as surprising as one that a single user has", () => {
    expect(figuresOf([0, 1], [list(0)], 5).novelty).toBe(3);
    expect(figuresOf([0, 1], [list(1)], 5).novelty).toBe(3);
  });

  test("the top 1 % are rounded up, and equally popular items are taken by column", () => {
    const popularity = columns(150).map((column) => (column < 3 ? 5 : 1));
    expect(figuresOf(popularity, [list(0), list(1), list(2)], 1).topShare).toBe(2 / 3);
  });

  test("are those of plain counting, whatever the lists and their lengths", () => {
    fc.assert(
      fc.property(lists, ({ popularity, tops, k }) => {
        const shown = tops.flatMap((top) => [...top.slice(0, k)]);
        const best = columns(popularity.length).toSorted((a, b) => popularity[b]! - popularity[a]! || a - b)[0]!;
        const { coverage, novelty, topShare } = figuresOf(popularity, tops, k);
        expect(coverage).toBe(new Set(shown).size / popularity.length);
        const bits = shown.reduce((sum, column) => sum - Math.log2(Math.max(1, popularity[column]!) / 8), 0);
        if (shown.length === 0) expect([novelty, topShare]).toEqual([Number.NaN, Number.NaN]);
        else expect(novelty).toBeCloseTo(bits / shown.length, 10);
        if (shown.length > 0) expect(topShare).toBe(shown.filter((column) => column === best).length / shown.length);
      }),
    );
  });

  test("do not depend on the order of users", () => {
    fc.assert(
      fc.property(lists, ({ popularity, tops, k }) => {
        const [forward, backward] = [figuresOf(popularity, tops, k), figuresOf(popularity, tops.toReversed(), k)];
        expect(backward.coverage).toBe(forward.coverage);
        expect(backward.topShare).toEqual(forward.topShare);
        if (!Number.isNaN(forward.novelty)) expect(backward.novelty).toBeCloseTo(forward.novelty, 10);
      }),
    );
  });

  test("an evaluation shows each list it judges, masked, and as long as the largest k allows", () => {
    const users = [
      { foldIn: list(0), target: list(1) },
      { foldIn: list(3), target: list() },
      { foldIn: list(1, 2), target: list(3) },
    ];
    const seen: number[][] = [];
    evaluate(popularityScores([9, 5, 9, 1]), users, 4, [1, 3], (top) => seen.push([...top]));
    expect(seen).toEqual([
      [2, 1, 3],
      [0, 3],
    ]);
  });
});

describe("the bootstrap interval", () => {
  const values = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 60 });

  test("lies within the values, in order, and is the same for the same seed, whatever the order of users", () => {
    fc.assert(
      fc.property(values, fc.nat(1000), (all, seed) => {
        const [[low, high]] = intervals([all], seed) as [[number, number]];
        expect(low).toBeLessThanOrEqual(high);
        expect(low).toBeGreaterThanOrEqual(Math.min(...all) - 1e-12);
        expect(high).toBeLessThanOrEqual(Math.max(...all) + 1e-12);
        expect(intervals([all.toReversed()], seed)).toEqual([[low, high]]);
      }),
      { numRuns: 30 },
    );
  });

  test("is about 1.96 standard errors to each side for many users", () => {
    const users = 2000;
    const all = Float64Array.from({ length: users }, (_, k) => (k * 0.618034) % 1);
    const mean = all.reduce((sum, value) => sum + value, 0) / users;
    const standardError = Math.sqrt(all.reduce((sum, value) => sum + (value - mean) ** 2, 0)) / users;
    const [[low, high]] = intervals([all], 1) as [[number, number]];
    expect((mean - low) / standardError).toBeCloseTo(1.96, 0);
    expect((high - mean) / standardError).toBeCloseTo(1.96, 0);
    expect(intervals([all], 2)).not.toEqual([[low, high]]);
  });

  test("of a metric does not depend on what is drawn beside it; of no users it is NaN", () => {
    expect(
      intervals(
        [
          [1, 2, 3],
          [5, 0, 9],
        ],
        7,
      )[1],
    ).toEqual(intervals([[5, 0, 9]], 7)[0]);
    expect(intervals([[]], 7)).toEqual([[Number.NaN, Number.NaN]]);
  });

  test("draws each of n numbers about as often as any other, never another", () => {
    const counts = new Float64Array(7);
    for (const drawn of choices(5, 1, 7, 70_000)) counts[drawn]!++;
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(70_000);
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400); // four standard deviations
  });
});
