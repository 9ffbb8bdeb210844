// Models of one matrix from the items that a user has to the items that are scored, solved by one inverse: what EASE
// and its kin have in common. Shapes: B users, I items.
import type { Engine } from "../compute/engine.ts";
import type { Ridge } from "../compute/inverse.ts";
import { AppError } from "../errors/errors.ts";
import type { Weights } from "../neural/parameters.ts";
import type { ScoreBatch } from "../ranking/evaluate.ts";
import { matrixVectors } from "../ranking/vectors.ts";
import { finish } from "../runtime/finish.ts";
import { type Counting, counting, together } from "../solvers/counting.ts";
import { ofItems } from "./solved.ts";
import type { Fitted, Fitting, Sized } from "./system.ts";

export const weightsName = "weights";

/** The part of counting, of what takes long. */
export const COUNTING = 0.1;

/** What such a system is but for its settings and its `fit`. */
export const itemToItem = {
  ...ofItems(({ items }: Sized) => [[weightsName, [items, items]]]),
  scores: ({ items }: Sized, weights: Weights): ScoreBatch => itemScores(weights[weightsName]!.data, items),
  vectors: ({ items }: Sized, weights: Weights) => matrixVectors(weights[weightsName]!.data, items),
  tasks: { counting },
  /**
   * TensorFlow's library, X'X as float32, half of it in blocks of float64, and as much again that the allocator holds
   * between blocks: 5.6 GB were measured at 20,108 items, 9.5 M pairs.
   */
  memory: ({ items }: Sized) => 300e6 + 12 * items ** 2,
};

/**
 * P = (X'X + D)^-1, then weights_ij = -P_ij / P_jj with a diagonal of zeros. `ridge`: D, of the number of users that
 * each item has. Throws ENGINE_MISSING where the engine has no kernel that inverts.
 */
export async function* byInverse(
  { rows, config: { items }, signal, progress, threads, engine: open }: Fitting<Sized, { counting: typeof counting }>,
  title: string,
  ridge: (users_I: Float64Array) => Ridge,
): AsyncGenerator<Fitted, void> {
  const engine = await open();
  if (!engine.inverse)
    throw new AppError("ENGINE_MISSING", {
      what: `${title} inverts a matrix, for which the ${engine.name} engine has no kernel`,
    });
  const matrix_II = await together(
    rows,
    items,
    (shared: Counting) => threads("counting", shared),
    (share) => progress(share * COUNTING),
  );
  const users_I = Float64Array.from({ length: items }, (_, item) => matrix_II[item * (items + 1)]!);
  const solving = weightsOf(engine.inverse, matrix_II, items, ridge(users_I));
  await finish(solving, signal, (share) => progress(COUNTING + share * (1 - COUNTING)));
  yield {
    weights: { [weightsName]: { shape: [items, items], data: matrix_II } },
    engine: `${engine.name} ${engine.version}`,
    device: engine.device,
  };
}

/** Puts the weights in the place of X'X. Yields the share that is done in between. */
export function* weightsOf(
  inverse: NonNullable<Engine["inverse"]>,
  matrix_II: Float32Array,
  items: number,
  ridge: Ridge,
): Generator<number, void> {
  yield* inverse(matrix_II, items, ridge);
  toWeights(matrix_II, items);
}

/** P in, -P_ij / P_jj with zeros on the diagonal out. */
function toWeights(matrix_II: Float32Array, items: number): void {
  const diagonal_I = Float32Array.from({ length: items }, (_, item) => matrix_II[item * (items + 1)]!);
  for (let a = 0; a < items; a++) {
    for (let b = 0; b < items; b++) matrix_II[a * items + b]! /= -diagonal_I[b]!;
    matrix_II[a * (items + 1)] = 0;
  }
}

/**
 * Sums of the rows of what each user has, [B x I]. Here rather than on the engine, where the weights would lie a second
 * time; summed in float64.
 */
export function itemScores(weights_II: Float32Array, items: number): ScoreBatch {
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
