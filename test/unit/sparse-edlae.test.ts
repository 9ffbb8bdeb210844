// EDLAE from neighbours alone: with all of them the inverse of the whole, with few what it should be, on threads or
// not.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Engine } from "../../shared/compute/engine.ts";
import { interactionsOf } from "../../shared/solvers/interactions.ts";
import { type Column, columnSolver, countPairs, pairsOf } from "../../shared/solvers/neighbours.ts";
import { systemOf } from "../../shared/systems/registry.ts";
import { solveSparseEase } from "../../shared/systems/sparse-edlae/sparse-edlae.ts";
import { fittedHere } from "./fit.ts";

const fixtures = process.env.TRIBUTARY_FIXTURES ?? "test/golden";
/** The fit asks for none. */
const engine = undefined as unknown as Engine;
const items = 12;
const users = fc.array(
  fc.shuffledSubarray([...Array(items).keys()]).map((columns) => Int32Array.from(columns)),
  { minLength: 1, maxLength: 30 },
);
const settings = { items, lambda: 3, dropout: 0.2, neighbours: 4 };

function columnsFor(rows: readonly Int32Array[], neighbours: number, ridge_I: Float64Array): Column[] {
  const pairs = pairsOf(interactionsOf(rows, items));
  countPairs(pairs, { from: 0, to: 7 });
  countPairs(pairs, { from: 7, to: items });
  const solve = columnSolver(pairs, neighbours, ridge_I);
  return Array.from({ length: items }, (_, item) => solve(item));
}

describe("with all other items it is EDLAE, and without dropout EASE, as an independent program solves them", () => {
  test.each(["edlae", "edlae-strong", "edlae-zero"])("%s", async (name) => {
    const fixture = JSON.parse(readFileSync(join(fixtures, "baselines", `${name}.json`), "utf8"));
    const rowsOf = (lists: number[][]) => lists.map((row) => Int32Array.from(row));
    const config = { items: fixture.items, ...fixture.config, neighbours: fixture.items };
    const { weights } = await fittedHere("sparse-edlae", engine, rowsOf(fixture.batch), config);
    const scores = systemOf("sparse-edlae").scores(config, weights)(rowsOf(fixture.foldIn));
    fixture.scores.flat().forEach((score: number, k: number) => void expect(scores[k]).toBeCloseTo(score, 5));
    const single = rowsOf(Array.from({ length: fixture.items }, (_, item) => [item]));
    const dense = systemOf("sparse-edlae").scores(config, weights)(single);
    fixture.weights.flat().forEach((weight: number, k: number) => void expect(dense[k]).toBeCloseTo(weight, 5));
  });
});

test("each item is made of those that say most of it, no item of itself, and nothing better is made of them", () => {
  const ridge_I = Float64Array.from({ length: items }, (_, item) => 1 + item / 10);
  fc.assert(
    fc.property(users, (rows) => {
      const counts = (a: number, b: number) => rows.filter((row) => row.includes(a) && row.includes(b)).length;
      columnsFor(rows, 4, ridge_I).forEach((column, item) => {
        const others = [...column.items];
        expect(others).toEqual(others.toSorted((a, b) => a - b));
        expect(others.length).toBeLessThanOrEqual(4);
        expect(others).not.toContain(item);
        const gain = (other: number) => counts(item, other) ** 2 / (counts(other, other) + ridge_I[other]!);
        const left = [...Array(items).keys()].filter((other) => other !== item && !others.includes(other)).map(gain);
        for (const other of others) expect(gain(other)).toBeGreaterThanOrEqual(Math.max(0, ...left) - 1e-6);
        for (const a of others) {
          const pull = others.reduce((sum, b, k) => sum + counts(a, b) * column.values[k]!, 0);
          const own = ridge_I[a]! * column.values[others.indexOf(a)]!;
          expect(pull + own).toBeCloseTo(counts(a, item), 6);
        }
      });
    }),
    { seed: 7, numRuns: 50 },
  );
});

test("without threads and dropout it is the same model, bit for bit; shares of what is done rise to the end", async () => {
  const rows = [[0, 1, 2], [1, 2, 3, 9], [2, 3], [0, 9, 11], [5]].map((row) => Int32Array.from(row));
  const config = { ...settings, dropout: 0 };
  const { weights } = await fittedHere("sparse-edlae", engine, rows, config);
  const solving = solveSparseEase(rows, items, config.lambda, config.neighbours);
  const shares: number[] = [];
  for (;;) {
    const { done, value } = solving.next();
    if (!done) shares.push(value as number);
    else {
      expect(value(rows)).toEqual(systemOf("sparse-edlae").scores(config, weights)(rows));
      break;
    }
  }
  expect(shares).toEqual(shares.toSorted((a, b) => a - b));
});

test("an item that nobody has, or that nobody has beside others, is made of nothing", async () => {
  const rows = [Int32Array.of(0), Int32Array.of(1, 2)];
  const { weights } = await fittedHere("sparse-edlae", engine, rows, settings);
  expect([...weights.lengths!.data]).toEqual([0, 1, 1, ...Array(items - 3).fill(0)]);
});

test("at the size of the Million Song Dataset it takes less than 8 GB, where EDLAE takes 20", () => {
  const size = { users: 471_355, interactions: 27.8e6, longest: 100_000, threads: 2 };
  const config = { ...settings, items: 41_140, neighbours: 500 };
  const own = systemOf("sparse-edlae").memory(config, size);
  expect(own + 60 * size.interactions).toBeLessThan(7e9);
  expect(systemOf("edlae").memory(config, size)).toBeGreaterThan(20e9);
});
