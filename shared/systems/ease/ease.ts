// EASE (Steck 2019): an item-to-item model with a closed solution, the reference line of evaluations. Shapes: B users,
// I items. Source: docs/design/baselines.md#ease. P = (X'X + lambda 1)^-1, weights_ij = -P_ij / P_jj with a diagonal of
// zeros, scores = X weights.
import { z } from "zod";
import type { Engine } from "../../compute/engine.ts";
import type { ScoreBatch } from "../../ranking/evaluate.ts";
import { countTogether, interactionsOf } from "../../solvers/interactions.ts";
import { rangesOf } from "../../solvers/ranges.ts";
import { over } from "../benchmarked.ts";
import { byInverse, COUNTING, itemScores, itemToItem, weightsOf } from "../item-to-item.ts";
import { solved } from "../solved.ts";

/** What MovieLens-1M and Netflix like best. */
export const usualLambda = 1000;

export const ease = solved({
  title: "EASE",
  ...itemToItem,
  settings: { lambda: { rule: z.number().positive(), usual: usualLambda, help: "regularisation" } },
  fit: (fitting) => byInverse(fitting, "EASE", () => fitting.config.lambda),
  grid: {
    source: "Steck 2019: lambda 500, 1000 and 200 on the three sets; twice as much and half as much",
    isSeeded: false,
    flags: [],
    settings: over("lambda", 1000, 500, 200, 2000, 100),
  },
  published: { inTable: true, "ML-20M": ".391 .521 .420", Netflix: ".362 .445 .393", MSD: "~.333 ~.428 .389" },
});

/** A matrix of so many items squared takes 1.6 GB, and minutes to invert. */
export const largestEase = 20_000;
/** Rows of X'X that are counted before others may work. */
const ROWS = 256;

interface Ease {
  /** [I x I], from the item that a user has to the item that is scored. */
  readonly weights_II: Float32Array;
  readonly scoreBatch: ScoreBatch;
}

/** Null when a reference line can be solved for here, else why not, in words that follow "left out: ". */
export function easeObstacle(engine: Engine, items: number): string | null {
  if (!engine.inverse) return `the ${engine.name} engine has no kernel that inverts a matrix`;
  if (items > largestEase) return `${items} items are more than ${largestEase}`;
  return null;
}

/**
 * Without threads, for who has an engine open. `rows`: distinct columns of each train user. Takes 4 bytes x I x I, and
 * as much again on the engine while it is solved. Yields the share that is done in between.
 */
export function* solveEase(
  engine: Engine,
  rows: readonly Int32Array[],
  items: number,
  lambda = usualLambda,
): Generator<number, Ease> {
  if (!engine.inverse) throw new Error(`no inverse on the ${engine.name} engine`);
  const interactions = interactionsOf(rows, items);
  const matrix_II = new Float32Array(items * items);
  for (const { from, to } of rangesOf(items, ROWS)) {
    countTogether(interactions, matrix_II, from, to);
    yield (COUNTING * from) / items;
  }
  for (const share of weightsOf(engine.inverse, matrix_II, items, lambda)) yield COUNTING + share * (1 - COUNTING);
  return { weights_II: matrix_II, scoreBatch: itemScores(matrix_II, items) };
}
