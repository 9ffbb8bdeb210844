// SLIM (Ning and Karypis 2011): each item from the others, sparse; slim-columns.ts solves, slim-weights.ts keeps and
// scores. Source: docs/design/baselines.md#slim. Shape: I items.
import { z } from "zod";
import { counting, together } from "../../solvers/counting.ts";
import { overBoth } from "../benchmarked.ts";
import { COUNTING } from "../item-to-item.ts";
import { solved } from "../solved.ts";
import { eachOf, ofColumns, solvedBy } from "./of-columns.ts";
import { type SlimConfig, solveColumn } from "./slim-columns.ts";

interface Columns {
  readonly counts_II: Float32Array;
  readonly config: SlimConfig;
}

/** Its usual settings are what MovieLens-1M's validation users liked best of a few. */
export const slim = solved({
  title: "SLIM",
  settings: {
    l1: { rule: z.number().min(0), usual: 5, help: "weight of the sum of the weights" },
    l2: { rule: z.number().min(0), usual: 1000, help: "half the weight of their squares" },
  },
  tasks: {
    counting,
    columns: ({ counts_II, config }: Columns) => eachOf((item) => solveColumn(counts_II, config, item)),
  },
  async *fit({ rows, config, threads: open, progress }) {
    const counts_II = await together(
      rows,
      config.items,
      (shared) => open("counting", shared),
      (share) => progress(share * COUNTING),
    );
    yield* solvedBy(open("columns", { counts_II, config }), config.items, progress);
  },
  ...ofColumns,
  memory: ({ items }) => 4 * items ** 2,
  grid: {
    source:
      "Liang et al. 2018: both weights over .1, .5, 1 and 5; l2 of hundreds too, which EASE wants, the same model " +
      "without l1",
    isSeeded: false,
    flags: [],
    settings: overBoth("l1", "l2", [5, 1000], [5, 5], [5, 100], [1, 1000], [20, 1000], [1, 1]),
  },
  published: { inTable: true, "ML-20M": "~.370 ~.495 ~.401", Netflix: "~.347 ~.428 ~.379", MSD: "- - -" },
});
