// EASE (Steck 2019): an item-to-item model with a closed solution, the reference line of evaluations. Shapes: B users, I items. Source: spec/baselines.md.
// P = (X'X + lambda 1)^-1, weights_ij = -P_ij / P_jj with a diagonal of zeros, scores = X weights.
import { z } from "zod";
import type { Engine } from "../../compute/engine.ts";
import { countTogether, interactionsOf } from "../../solvers/interactions.ts";

/** A matrix of so many items squared takes 1.6 GB, and minutes to invert. */
export const largestEase = 20_000;
/** Rows of X'X that are counted before others may work. */
const ROWS = 256;
/** The part of counting, of what takes long. */
export const COUNTING = 0.1;
/** What MovieLens-1M and Netflix like best. */
export const usualLambda = 1000;

export const easeConfig = z.strictObject({ items: z.number().int().positive(), lambda: z.number().positive() });
export type EaseConfig = z.output<typeof easeConfig>;
export const easeDefaults = { lambda: usualLambda };

export const weightsName = "weights";
export const easeShapes = ({ items }: EaseConfig): [string, number[]][] => [[weightsName, [items, items]]];

export interface Ease {
  /** [I x I], from the item that a user has to the item that is scored. */
  readonly weights_II: Float32Array;
  /** Scores of B users over all items, [B x I] by rows. */
  readonly scoreBatch: (foldIns: readonly Int32Array[]) => Float32Array;
}

/** Null when the model can be solved here, else why not, in words that follow "left out: ". */
export function easeObstacle(engine: Engine, items: number): string | null {
  if (!engine.inverse) return `the ${engine.name} engine has no kernel that inverts a matrix`;
  if (items > largestEase) return `${items} items are more than ${largestEase}`;
  return null;
}

/** `rows`: distinct columns of each train user. Takes 4 bytes x I x I, and as much again on the engine while it is solved. Yields the share that is done in between. */
export function* solveEase(engine: Engine, rows: readonly Int32Array[], items: number, lambda = usualLambda): Generator<number, Ease> {
  if (!engine.inverse) throw new Error(`no inverse on the ${engine.name} engine`);
  const interactions = interactionsOf(rows, items);
  const matrix_II = new Float32Array(items * items);
  for (let from = 0; from < items; from += ROWS) {
    countTogether(interactions, matrix_II, from, Math.min(items, from + ROWS));
    yield (COUNTING * from) / items;
  }
  for (const share of easeOf(engine.inverse, matrix_II, items, lambda)) yield COUNTING + share * (1 - COUNTING);
  return { weights_II: matrix_II, scoreBatch: easeScores(matrix_II, items) };
}

/** Puts the weights in the place of X'X. */
export function* easeOf(
  inverse: NonNullable<Engine["inverse"]>,
  matrix_II: Float32Array,
  items: number,
  lambda: number,
): Generator<number, void> {
  yield* inverse(matrix_II, items, lambda);
  toWeights(matrix_II, items);
}

/** Sums of the rows of what each user has. Here rather than on the engine, where the weights would lie a second time; summed in float64. */
export function easeScores(weights_II: Float32Array, items: number): Ease["scoreBatch"] {
  return (foldIns) => {
    const scores_BI = new Float32Array(foldIns.length * items);
    const sum_I = new Float64Array(items);
    foldIns.forEach((foldIn, row) => {
      sum_I.fill(0);
      for (const column of foldIn) {
        const start = column * items;
        for (let item = 0; item < items; item++) sum_I[item]! += weights_II[start + item]!;
      }
      scores_BI.set(sum_I, row * items);
    });
    return scores_BI;
  };
}

/** P in, -P_ij / P_jj with zeros on the diagonal out. */
function toWeights(matrix_II: Float32Array, items: number): void {
  const diagonal_I = Float32Array.from({ length: items }, (_, item) => matrix_II[item * (items + 1)]!);
  for (let a = 0; a < items; a++) {
    for (let b = 0; b < items; b++) matrix_II[a * items + b]! /= -diagonal_I[b]!;
    matrix_II[a * (items + 1)] = 0;
  }
}
