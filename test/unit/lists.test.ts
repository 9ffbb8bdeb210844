// What people ask of lists: candidates, filters, diversity, similar items; and what is said where nothing is left.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Vocabulary } from "../../shared/events/vocabulary.ts";
import { diverse, poolOf } from "../../shared/ranking/diverse.ts";
import { Trends } from "../../shared/ranking/trends.ts";
import { denseVectors, matrixVectors, sparseVectors } from "../../shared/ranking/vectors.ts";
import { type Filters, filterOf } from "../../shared/recommending/items/filters.ts";
import { recommend, recommending, recommendTogether, type Wish } from "../../shared/recommending/recommender.ts";
import { similar } from "../../shared/recommending/similar.ts";
import { systemNames, systemOf } from "../../shared/systems/registry.ts";
import { itemsTable, made } from "./items-table.ts";

const items = ["a", "b", "c", "d", "e"];
const known = {
  vocabulary: new Vocabulary(items),
  scoreBatch: (foldIns: readonly Int32Array[]) => Float32Array.from(foldIns.flatMap(() => [5, 4, 3, 2, 1])),
  vectors: made(denseVectors(Float32Array.of(1, 0, 1, 0.01, 1, 0.02, 0, 1, 0, 0), 2)),
};
const model = recommending("m", known);
const table = itemsTable({ genre: ["war|love", "love", "", "war"], year: [1990, 2000, Number.NaN, 2010] }, [
  "a",
  "b",
  "c",
  "d",
]);
const wish: Wish = { history: ["a"], k: 10, exclude: [], includeSeen: false };
const filter = (filters: Filters) => filterOf(filters, table);
const ask = (more: Partial<Wish>) => {
  const { items, ...said } = recommend(model, { ...wish, ...more });
  return { ...said, listed: items.map(({ item }) => item).join("") };
};

describe("candidates", () => {
  test("are listed and nothing else, best first, but for what the user has and what is excluded", () => {
    expect(ask({ candidates: ["e", "a", "c", "b", "c"], exclude: ["b"] })).toEqual({ model: "m", listed: "ce" });
    expect(ask({ candidates: ["e", "a"], includeSeen: true }).listed).toBe("ae");
  });

  test("that the model has never met are named with the items of the history that it has not", () => {
    expect(ask({ history: ["x", "a"], candidates: ["y", "b", "x"] })).toMatchObject({
      listed: "b",
      unknown: ["x", "y"],
    });
  });

  test("none, or none that is known: nothing is listed, and why", () => {
    expect(ask({ candidates: [] })).toEqual({ model: "m", listed: "", empty: "candidates" });
    expect(ask({ candidates: ["y"] })).toMatchObject({ listed: "", empty: "candidates", unknown: ["y"] });
    expect(ask({ candidates: ["a"] })).toMatchObject({ listed: "", empty: "seen" });
    expect(ask({ candidates: ["b"], exclude: ["b"] })).toMatchObject({ listed: "", empty: "seen" });
  });

  test("restrict the popular ones too", () => {
    expect(ask({ history: [], candidates: ["d"] })).toMatchObject({ listed: "d", fallback: "popular" });
  });
});

describe("filters", () => {
  test.each<[string, Filters, string]>([
    ["a value", { year: 1990 }, "a"],
    ["a set", { year: [1990, 2010, 3] }, "ad"],
    ["an empty set", { year: [] }, ""],
    ["a range with its ends", { year: { min: 1990, max: 2000 } }, "ab"],
    ["a range without them", { year: { above: 1990, below: 2010 } }, "b"],
    ["a range that is none", { year: { min: 3, max: 2 } }, ""],
    ["one of several values", { genre: "war" }, "ad"],
    ["any of a set, of several values", { genre: ["love", "x"] }, "ab"],
    ["no value: empty cells, and items that the table lacks", { genre: null }, "ce"],
    ["a value or none", { year: [2010, null] }, "cde"],
    ["all of several conditions", { genre: "war", year: { max: 2000 } }, "a"],
    ["no condition", {}, "abcde"],
  ])("%s", (_, filters, listed) => {
    expect(ask({ includeSeen: true, filter: filter(filters) }).listed).toBe(listed);
  });

  test("that nothing passes give an empty list that says so, and so do those of candidates", () => {
    expect(ask({ filter: filter({ year: 1 }) })).toEqual({ model: "m", listed: "", empty: "filters" });
    expect(ask({ filter: filter({ year: 1990 }), candidates: ["b"] })).toMatchObject({ empty: "filters" });
    expect(ask({ filter: filter({ year: 1990 }) })).toMatchObject({ empty: "seen" });
  });

  test("know columns that a vocabulary has gained", () => {
    const vocabulary = new Vocabulary(["a", "b"]);
    const { refused } = filter({ year: 2010 });
    expect(refused(vocabulary)[0]! & 0b11).toBe(0b11);
    vocabulary.add("x");
    vocabulary.add("d");
    expect(refused(vocabulary)[0]! & 0b1111).toBe(0b0111);
  });

  test("are read once for each that differs, in whatever order they are written, and no more than 256 are kept", () => {
    const vocabulary = new Vocabulary(items);
    const bits = filter({ genre: ["war", "love"], year: 1990 }).refused(vocabulary);
    expect(filter({ year: 1990, genre: ["love", "war"] }).refused(vocabulary)).toBe(bits);
    expect(filter({ year: 1990, genre: "war" }).refused(vocabulary)).not.toBe(bits);
    for (let k = 0; k < 256; k++) filter({ year: k }).refused(vocabulary);
    expect(filter({ year: 1990, genre: ["love", "war"] }).refused(vocabulary)).not.toBe(bits);
  });
});

describe("diversity", () => {
  test("0 changes nothing; more of it moves what is like what stands above down, and the best stays the first", () => {
    expect(ask({ includeSeen: true, diversity: 0 }).listed).toBe("abcde");
    expect(ask({ includeSeen: true, diversity: 0.5 }).listed).toBe("adebc");
    expect(ask({ includeSeen: true, diversity: 1, k: 2 }).listed).toBe("ad");
  });

  test("of a model without vectors is refused, and the wishes beside it are answered", () => {
    const plain = recommending("p", { vocabulary: known.vocabulary, scoreBatch: known.scoreBatch });
    expect(() => recommend(plain, { ...wish, diversity: 0.1 })).toThrow(/VECTORS_MISSING.*popularity/);
    expect(recommendTogether(plain, [{ ...wish, diversity: 0.1 }, wish])).toMatchObject([
      { code: "VECTORS_MISSING" },
      { items: expect.any(Array) },
    ]);
  });

  test("lists each of the pool once, the best first, and what is chosen does not depend on the scores' scale", () => {
    const cases = fc.record({
      scores: fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 30 }),
      diversity: fc.constantFrom(0, 0.25, 0.5, 1),
      k: fc.integer({ min: 1, max: 30 }),
      seed: fc.nat(9),
    });
    fc.assert(
      fc.property(cases, ({ scores, diversity, k, seed }) => {
        const scores_I = Float32Array.from(scores);
        const vectors = made(denseVectors(Float32Array.from(scores.flatMap((_, k) => [k % 3, (k * seed) % 5, 1])), 3));
        const pool = Int32Array.from(scores.keys()).sort((a, b) => scores_I[b]! - scores_I[a]! || a - b);
        const list = diverse(pool, scores_I, vectors, k, diversity);
        expect(list).toHaveLength(Math.min(k, scores.length));
        expect(new Set(list).size).toBe(list.length);
        expect(list[0]).toBe(pool[0]);
        if (diversity === 0) expect([...list]).toEqual([...pool.subarray(0, list.length)]);
        expect(
          diverse(
            pool,
            scores_I.map((score) => 4 * score),
            vectors,
            k,
            diversity,
          ),
        ).toEqual(list);
      }),
      { seed: 7, numRuns: 200 },
    );
    expect(poolOf(100)).toBe(500);
  });
});

describe("vectors", () => {
  const rows = [
    [3, 0, 0, 4],
    [0, 0, 0, 0],
    [0, 2, 0, 0],
    [-3, 0, 0, -4],
  ];
  const dense = made(denseVectors(Float32Array.from(rows.flat()), 4));
  const sparse = made(
    sparseVectors({
      starts: [0, 2, 2, 3, 5],
      columns: Int32Array.of(0, 3, 1, 0, 3),
      values: Float32Array.of(3, 4, 2, -3, -4),
    }),
  );
  const matrix = made(matrixVectors(Float32Array.from(rows.flat()), 4));

  test.each([
    ["dense", dense],
    ["sparse", sparse],
    ["of a matrix", matrix],
  ])("%s: cosines, none of a vector of zeros, 0 beside what has none", (_, vectors) => {
    expect([...vectors.near(0)!].map((cosine) => Number(cosine.toFixed(5)))).toEqual([1, 0, 0, -1]);
    expect(vectors.near(1) && [...vectors.near(1)!].some((cosine) => cosine > 0)).toBeFalsy();
    expect(vectors.near(4)).toBeUndefined();
    expect([...vectors.between(0, Int32Array.of(3, 9, 0))].map(Math.round)).toEqual([-1, 0, 1]);
    expect([...vectors.between(9, Int32Array.of(0))]).toEqual([0]);
  });

  test("of a matrix keep the strongest of each row, and stay near the whole rows'", () => {
    const size = 300;
    const weights = Float32Array.from({ length: size * size }, (_, k) => {
      const [a, b] = [Math.floor(k / size), k % size];
      return a === b ? 0 : Math.exp(-Math.abs(a - b) / 8) * (1 + ((a * 31 + b * 17) % 7) / 20);
    });
    const [whole, kept] = [made(denseVectors(weights, size)), made(matrixVectors(weights, size))];
    for (const item of [0, 57, 299])
      for (const [other, cosine] of kept.near(item)!.entries())
        expect(cosine).toBeCloseTo(whole.near(item)![other]!, 2);
  });

  test("every system that serves says what its items' vectors are, but popularity", () => {
    expect(systemNames.filter((name) => systemOf(name).vectors === undefined)).toEqual(["popularity"]);
  });
});

describe("similar items", () => {
  test("of what the model has never met are what is met after it now, and it says so", () => {
    const trends = new Trends();
    const numbers = new Vocabulary(["new", "b", "c"]);
    for (let k = 0; k < 5; k++) {
      trends.add({ item: 0, seen: new Int32Array(0) });
      trends.add({ item: 1, seen: Int32Array.of(0) });
    }
    const mix = { model: 1, hot: [0, 0, 0] as [number, number, number], follows: 1 };
    const live = recommending("m", known, { mix, moving: () => ({ trends, numbers }) });
    const answer = similar(live, { item: "new", k: 3 });
    expect(answer).toMatchObject({ fallback: "following", items: [{ item: "b", score: expect.any(Number) }] });
    expect(similar(live, { item: "a", k: 1 })).toEqual({
      model: "m",
      item: "a",
      items: [{ item: "b", score: expect.closeTo(1, 3) }],
    });
    expect(() => similar(live, { item: "nowhere", k: 3 })).toThrow(/ITEM_UNKNOWN/);
    expect(() => similar(model, { item: "new", k: 3 })).toThrow(/ITEM_UNKNOWN/);
    expect(() => similar(model, { item: "e", k: 3 })).toThrow(/VECTORS_MISSING.*no vector of the item "e"/);
    // listed by what is hot, and without a vector: it is like none
    expect(recommend(live, { ...wish, diversity: 0.5 }).items.map(({ item }) => item)).toContain("new");
  });
});
