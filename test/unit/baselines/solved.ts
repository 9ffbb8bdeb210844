// Golden checks of the solved systems: an independent implementation in float64, met to 1e-6.
import { expect } from "vitest";
import { easeObstacle, solveEase } from "../../../shared/model/ease.ts";
import type { Checks } from "./check.ts";

const tolerance = 1e-6;

interface ItemToItem<C> {
  readonly config: C;
  readonly items: number;
  readonly batch: number[][];
  readonly weights: number[][];
  readonly foldIn: number[][];
  readonly scores: number[][];
}

export const solvedChecks: Checks = {
  ease(engine, fixture) {
    const { config, items, batch, weights, foldIn, scores } = fixture as ItemToItem<{ lambda: number }>;
    if (!engine.inverse) return expect(easeObstacle(engine, items)).toMatch(/has no kernel/);
    const ease = finished(solveEase(engine, rowsOf(batch), items, config.lambda));
    expectClose(ease.weights_II, weights, "weights");
    expectClose(ease.scoreBatch(rowsOf(foldIn)), scores, "scores");
  },
};

/** Each number to 1e-6 of itself, or of the largest where it is smaller than a tenth of that: a sum cancels no finer than its parts. */
function expectClose(actual: ArrayLike<number>, expected: number[][], what: string): void {
  const flat = expected.flat();
  expect(actual.length, what).toBe(flat.length);
  const least = Math.max(...flat.map(Math.abs)) / 10;
  const off = flat.map((value, k) => Math.abs(actual[k]! - value) / Math.max(Math.abs(value), least || 1));
  expect(
    off.every((each) => each < tolerance),
    `${what}: off by ${Math.max(...off)}`,
  ).toBe(true);
}

const rowsOf = (lists: number[][]) => lists.map((list) => Int32Array.from(list));

function finished<T>(work: Generator<unknown, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}
