// Factors of users and items: their first values, and the scores of users, who are solved for by what they have. als.ts
// solves. Shapes: B users, I items, K factors.
// Source: docs/design/baselines.md#wmf, #ials.
import { gaussian } from "../compute/draws.ts";
import { gramOf, type Objective, rowSolver } from "./als.ts";

/** N(0, (0.1 / sqrt K)^2), [rows x K]. `side` 0 are users, 1 items. */
export function firstFactors(seed: number, side: 0 | 1, width: number, into: Float64Array): void {
  for (let row = 0; row < into.length / width; row++) {
    const draws = gaussian(seed, side, row, width);
    for (let k = 0; k < width; k++) into[row * width + k] = (0.1 / Math.sqrt(width)) * draws[k]!;
  }
}

/**
 * A user's factors are solved for exactly up to so many; more take sweeps over blocks of the paper's size, as many as
 * it takes.
 */
const EXACT = 512;
const NEWCOMER = { block: 128, sweeps: 8 };

/**
 * Scores of B users over all items, [B x I]; each user's factors are solved for by the fold-in. Someone without one
 * scores all items 0.
 */
export function factorScores(
  objective: Objective,
  factors: Float64Array | Float32Array,
  width: number,
): (foldIns: readonly Int32Array[]) => Float32Array {
  const items = factors.length / width;
  const factors_IK = Float64Array.from(factors);
  const { block, sweeps } = width <= EXACT ? { block: width, sweeps: 1 } : NEWCOMER;
  const solver = rowSolver(objective, factors_IK, width, gramOf(factors_IK, width, 0, items), block);
  const row_K = new Float64Array(width);
  return (foldIns) => {
    const scores_BI = new Float32Array(foldIns.length * items);
    foldIns.forEach((foldIn, user) => {
      row_K.fill(0);
      for (let sweep = 0; sweep < sweeps; sweep++) solver.solve(row_K, foldIn);
      for (let item = 0; item < items; item++) {
        let score = 0;
        for (let k = 0; k < width; k++) score += row_K[k]! * factors_IK[item * width + k]!;
        scores_BI[user * items + item] = score;
      }
    });
    return scores_BI;
  };
}
