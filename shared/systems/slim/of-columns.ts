// What a system of sparse columns is but for its settings and how one column is solved: SLIM's, and sparse EDLAE's.
// Shape: I items.
import type { Weights } from "../../neural/parameters.ts";
import type { ScoreBatch } from "../../ranking/evaluate.ts";
import type { Making } from "../../ranking/vectors.ts";
import type { Threads } from "../../runtime/threads.ts";
import type { Column } from "../../solvers/neighbours.ts";
import { type Range, rangesOf } from "../../solvers/ranges.ts";
import { COUNTING } from "../item-to-item.ts";
import { javascript } from "../solved.ts";
import type { Fitted, Sized } from "../system.ts";
import { checkSlim, slimNames, slimScores, slimVectors, slimWeights } from "./slim-weights.ts";

/** Columns that a thread takes at a time. */
export const COLUMNS = 32;

/** A thread's work on a range. */
export const eachOf =
  (solve: (item: number) => Column) =>
  ({ from, to }: Range): Column[] =>
    Array.from({ length: to - from }, (_, k) => solve(from + k));

/** All columns by threads, which it closes: what a fit does after the counting. */
export async function* solvedBy(
  threads: Threads<Range, Column[]>,
  items: number,
  progress: (share: number) => void,
): AsyncGenerator<Fitted, void> {
  const jobs = rangesOf(items, COLUMNS);
  try {
    const columns = await threads.run(jobs, (done) => progress(COUNTING + (done / jobs.length) * (1 - COUNTING)));
    yield { weights: slimWeights(columns.flat()), ...javascript };
  } finally {
    await threads.close();
  }
}

export const ofColumns = {
  scores: (config: Sized, weights: Weights): ScoreBatch => slimScores(weights, config),
  vectors: (_: Sized, weights: Weights): Making => slimVectors(weights),
  check: checkSlim,
  perItem: () => [slimNames.lengths],
  fitted: [slimNames.weights],
};
