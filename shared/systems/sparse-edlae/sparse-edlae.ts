// EDLAE and EASE beyond what can be inverted at once: each item from its nearest ones alone (Steck 2019b, of Markov
// random fields). With as many neighbours as there are items it is EDLAE, and with a dropout of 0 EASE. Kept and scored
// as SLIM is. Source: docs/design/baselines.md#sparse-edlae. Shape: I items.
import { z } from "zod";
import type { ScoreBatch } from "../../ranking/evaluate.ts";
import { interactionsOf } from "../../solvers/interactions.ts";
import { type Column, columnSolver, countPairs, type Pairs, pairBytes, pairsOf } from "../../solvers/neighbours.ts";
import { type Range, rangesOf } from "../../solvers/ranges.ts";
import { edlae, ridgeOf } from "../edlae/edlae.ts";
import { COUNTING } from "../item-to-item.ts";
import { COLUMNS, eachOf, ofColumns, solvedBy } from "../slim/of-columns.ts";
import { slimScores, slimWeights } from "../slim/slim-weights.ts";
import { solved } from "../solved.ts";

interface Columns {
  readonly pairs: Pairs;
  readonly config: { readonly lambda: number; readonly dropout: number; readonly neighbours: number };
}

/** Rows of pairs that a thread takes at a time. */
const ROWS = 128;

export const sparseEdlae = solved({
  title: "EDLAE, sparse",
  settings: {
    ...edlae.settings,
    neighbours: {
      rule: z.number().int().positive(),
      usual: 500,
      help: "others that an item is made of, those that say most of it; the time grows with their cube",
    },
  },
  tasks: {
    pairs: (pairs: Pairs) => (range: Range) => countPairs(pairs, range),
    columns: ({ pairs, config }: Columns) => eachOf(columnSolver(pairs, config.neighbours, ridgesOf(pairs, config))),
  },
  async *fit({ rows, config, threads: open, progress }) {
    const { items } = config;
    const pairs = pairsOf(interactionsOf(rows, items));
    const counting = open("pairs", pairs);
    const counts = rangesOf(items, ROWS);
    try {
      await counting.run(counts, (done) => progress((done / counts.length) * COUNTING));
    } finally {
      await counting.close();
    }
    yield* solvedBy(open("columns", { pairs, config }), items, progress);
  },
  ...ofColumns,
  memory: ({ items, neighbours }, { threads }) =>
    sparseBytes(items, neighbours) + 8 * threads * Math.min(neighbours, items) ** 2,
});

/** Pairs, and three times the columns: as they come, as one, as they are written. */
export const sparseBytes = (items: number, neighbours: number): number =>
  pairBytes(items) + 36 * items * Math.min(neighbours, items);

const ridgesOf = ({ interactions: { byItem } }: Pairs, config: Columns["config"]): Float64Array =>
  ridgeOf(
    config,
    Float64Array.from(byItem.starts.subarray(1), (end, item) => end - byItem.starts[item]!),
  );

/** EASE by `neighbours`, without threads, for who sets it beside others. Yields the share that is done in between. */
export function* solveSparseEase(
  rows: readonly Int32Array[],
  items: number,
  lambda: number,
  neighbours: number,
): Generator<number, ScoreBatch> {
  const config = { items, lambda, dropout: 0, neighbours };
  const pairs = pairsOf(interactionsOf(rows, items));
  for (const range of rangesOf(items, ROWS)) {
    countPairs(pairs, range);
    yield (COUNTING * range.to) / items;
  }
  const solve = columnSolver(pairs, neighbours, ridgesOf(pairs, config));
  const columns: Column[] = [];
  while (columns.length < items) {
    columns.push(solve(columns.length));
    if (columns.length % COLUMNS === 0) yield COUNTING + (columns.length / items) * (1 - COUNTING);
  }
  return slimScores(slimWeights(columns), config);
}
