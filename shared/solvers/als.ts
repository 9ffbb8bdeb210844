// Implicit alternating least squares: each row of one side's factors is the closed solution given the other side's. WMF
// (Hu, Koren, Volinsky 2008) and iALS (Rendle et al. 2022) are two settings of it. Source:
// docs/design/baselines.md#wmf, #ials. Shapes: K factors, N entries of a row; float64 inside.
// A row w with entries S minimises boost * sum_S s^2 - 2 target * sum_S s + everywhere * w'Gw + lambda |w|^2, s = w.h,
// G = H'H over all rows h of the other side.
import { factorise, solve } from "./cholesky.ts";

export interface Objective {
  readonly boost: number;
  readonly target: number;
  readonly everywhere: number;
  /** Weight of the squares of a row that has `count` entries among `others`. */
  lambda(count: number, others: number): number;
}

/** Solves rows against one other side. */
export interface RowSolver {
  /**
   * Replaces the row, [K], by its solution for these entries, or by a step towards it where K is more than a block.
   * Throws when it has none.
   */
  solve(row_K: Float64Array, entries: Int32Array): void;
}

/**
 * `factors`: rows of K each, one after another. `gram_KK`: see `gramOf`. `atOnce`: so many factors are solved for at
 * once, exactly; of more, one block after another is (iALS++, Rendle et al. 2021), which makes n K times a block of n
 * K^2.
 */
export function rowSolver(
  objective: Objective,
  factors: Float64Array,
  width: number,
  gram_KK: Float64Array,
  atOnce: number,
): RowSolver {
  const { boost, target, everywhere } = objective;
  const rows = factors.length / width;
  const block = Math.min(atOnce, width);
  const hessian = new Float64Array(block * block);
  const step = new Float64Array(block);
  let near_NK = new Float64Array(0);
  let scores_N = new Float64Array(0);

  /** One Newton step on factors `from` to `to`, which is exact: the objective is a quadratic. */
  function solveBlock(row_K: Float64Array, count: number, lambda: number, from: number, to: number): void {
    const size = to - from;
    for (let a = 0; a < size; a++) {
      const start = (from + a) * width;
      let product = 0;
      for (let k = 0; k < width; k++) product += gram_KK[start + k]! * row_K[k]!;
      step[a] = everywhere * product + lambda * row_K[from + a]!;
      for (let b = 0; b <= a; b++) hessian[a * size + b] = everywhere * gram_KK[start + from + b]!;
      hessian[a * size + a]! += lambda;
    }
    addOuterProducts(hessian, near_NK, width, from, to, count, boost);
    for (let n = 0; n < count; n++) {
      const slope = boost * scores_N[n]! - target;
      for (let a = 0; a < size; a++) step[a]! += slope * near_NK[n * width + from + a]!;
    }
    if (!factorise(hessian, size)) throw new Error("a row of factors has no solution");
    solve(hessian, size, step);
    for (let a = 0; a < size; a++) row_K[from + a]! -= step[a]!;
    for (let n = 0; n < count; n++) {
      let change = 0;
      for (let a = 0; a < size; a++) change += step[a]! * near_NK[n * width + from + a]!;
      scores_N[n]! -= change;
    }
  }

  return {
    solve(row_K, entries) {
      const count = entries.length;
      if (scores_N.length < count) {
        near_NK = new Float64Array(count * width);
        scores_N = new Float64Array(count);
      }
      for (let n = 0; n < count; n++) {
        const start = entries[n]! * width;
        let score = 0;
        for (let k = 0; k < width; k++) {
          const factor = factors[start + k]!;
          near_NK[n * width + k] = factor;
          score += factor * row_K[k]!;
        }
        scores_N[n] = score;
      }
      const lambda = objective.lambda(count, rows);
      for (let from = 0; from < width; from += block)
        solveBlock(row_K, count, lambda, from, Math.min(from + block, width));
    },
  };
}

/** H'H over rows `from` to `to`, [K x K], both halves. */
export function gramOf(factors: Float64Array, width: number, from: number, to: number): Float64Array {
  const gram_KK = new Float64Array(width * width);
  addOuterProducts(gram_KK, factors.subarray(from * width, to * width), width, 0, width, to - from, 1);
  for (let a = 0; a < width; a++) for (let b = 0; b < a; b++) gram_KK[b * width + a] = gram_KK[a * width + b]!;
  return gram_KK;
}

/**
 * Adds `weight` times the sum of h h', over factors `from` to `to` of `count` rows, to the lower half of `sums`; what
 * lies above it is of no meaning. Four rows and two factors at a time: each number that is read takes part in several
 * products.
 */
function addOuterProducts(
  sums: Float64Array,
  rows: Float64Array,
  width: number,
  from: number,
  to: number,
  count: number,
  weight: number,
): void {
  const size = to - from;
  const even = size - (size % 2);
  let n = 0;
  for (; n + 3 < count; n += 4) {
    const p = n * width + from;
    const [q, r, s] = [p + width, p + 2 * width, p + 3 * width];
    for (let a = 0; a < even; a += 2) {
      const [p0, q0, r0, s0] = [
        weight * rows[p + a]!,
        weight * rows[q + a]!,
        weight * rows[r + a]!,
        weight * rows[s + a]!,
      ];
      const [p1, q1, r1, s1] = [
        weight * rows[p + a + 1]!,
        weight * rows[q + a + 1]!,
        weight * rows[r + a + 1]!,
        weight * rows[s + a + 1]!,
      ];
      const [first, second] = [a * size, (a + 1) * size];
      for (let b = 0; b <= a + 1; b++) {
        const [pb, qb, rb, sb] = [rows[p + b]!, rows[q + b]!, rows[r + b]!, rows[s + b]!];
        sums[first + b]! += p0 * pb + q0 * qb + r0 * rb + s0 * sb;
        sums[second + b]! += p1 * pb + q1 * qb + r1 * rb + s1 * sb;
      }
    }
    for (let a = even; a < size; a++)
      for (let m = p; m <= s; m += width) addScaled(sums, a * size, rows, m, a + 1, weight * rows[m + a]!);
  }
  for (; n < count; n++) {
    const p = n * width + from;
    for (let a = 0; a < size; a++) addScaled(sums, a * size, rows, p, a + 1, weight * rows[p + a]!);
  }
}

function addScaled(
  sums: Float64Array,
  at: number,
  rows: Float64Array,
  from: number,
  count: number,
  weight: number,
): void {
  for (let b = 0; b < count; b++) sums[at + b]! += weight * rows[from + b]!;
}
