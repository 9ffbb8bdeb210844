// SLIM's solution, column by column: each item from the others by a non-negative elastic net. Source:
// docs/design/baselines.md#slim. Shape: I items.
// A column minimises 1/2 |X_j - X w|^2 + l2/2 |w|^2 + l1 |w|_1, w >= 0, w_j = 0. Only X'X is needed, and only what is
// not zero is kept.
import { factorise, solve } from "../../solvers/cholesky.ts";
import type { Column } from "../../solvers/neighbours.ts";

export interface SlimConfig {
  readonly items: number;
  readonly l1: number;
  readonly l2: number;
}

/**
 * A coordinate that would move by less stands still: weights are shares of one, and sums over many users leave about as
 * much of float64.
 */
const STILL = 1e-10;
/** Sweeps of coordinate descent before what is not zero is solved for at once. */
const SWEEPS = 20;
/** Where X'X has no unique answer to give and only descent helps, it ends after so many. */
const MOST_ROUNDS = 1000;
/** Weights that are let grow from zero at a time, at least. */
const NEWCOMERS = 32;

/**
 * Column `item`; `counts_II` is X'X. Coordinate descent finds which weights are not zero, a solve of those alone gets
 * them right, until no other wants to grow.
 */
export function solveColumn(counts_II: Float32Array, config: SlimConfig, item: number): Column {
  const { items, l1, l2 } = config;
  const shared_I = counts_II.subarray(item * items, (item + 1) * items);
  const pull_I = new Float64Array(items);
  let weights = new Map<number, number>();
  let isExact = false;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    pull_I.set(shared_I);
    for (const [k, weight] of weights) {
      const row_I = counts_II.subarray(k * items, (k + 1) * items);
      for (let other = 0; other < items; other++) pull_I[other]! -= weight * row_I[other]!;
    }
    const wanting: { readonly k: number; readonly step: number }[] = [];
    for (let k = 0; k < items; k++) {
      if (k === item || !(pull_I[k]! > l1) || weights.has(k)) continue;
      const step = (pull_I[k]! - l1) / (counts_II[k * (items + 1)]! + l2);
      if (step > STILL) wanting.push({ k, step });
    }
    if (wanting.length === 0 && isExact) break;
    isExact = wanting.length <= NEWCOMERS; // as long as many come, about right is good enough
    wanting.sort((a, b) => b.step - a.step || a.k - b.k);
    const grown = wanting.slice(0, Math.max(NEWCOMERS, weights.size)).map(({ k }): [number, number] => [k, 0]);
    weights = settled(counts_II, shared_I, new Map([...weights, ...grown]), config, isExact);
  }
  const kept = [...weights].sort(([a], [b]) => a - b);
  return { items: Int32Array.from(kept, ([k]) => k), values: Float64Array.from(kept, ([, weight]) => weight) };
}

/**
 * The best weights of these items while all others stay zero, or a few sweeps towards them; those that are not zero.
 */
function settled(
  counts_II: Float32Array,
  shared_I: Float32Array,
  from: ReadonlyMap<number, number>,
  { items, l1, l2 }: SlimConfig,
  isExact: boolean,
): Map<number, number> {
  const active = [...from.keys()];
  const size = active.length;
  const matrix = new Float64Array(size * size);
  active.forEach((k, a) => {
    for (let b = 0; b < size; b++) matrix[a * size + b] = counts_II[k * items + active[b]!]!;
    matrix[a * (size + 1)]! += l2;
  });
  const goal = Float64Array.from(active, (k) => shared_I[k]! - l1);
  let weights: Float64Array = Float64Array.from(from.values());
  for (let round = 0; round < MOST_ROUNDS; round++) {
    if (descend(matrix, goal, weights) <= STILL || !isExact) break;
    const solved = solvedFor(matrix, goal, weights);
    if (!solved) continue;
    weights = solved;
    const slopes = slopesOf(matrix, goal, weights);
    if (slopes.every((slope, a) => weights[a]! > 0 || slope / matrix[a * (size + 1)]! <= STILL)) break;
  }
  return new Map(active.flatMap((k, a): [number, number][] => (weights[a]! > 0 ? [[k, weights[a]!]] : [])));
}

/** Sweeps of coordinate descent, in place; the largest move of the last one. */
function descend(matrix: Float64Array, goal: Float64Array, weights: Float64Array): number {
  const size = goal.length;
  const slopes = slopesOf(matrix, goal, weights);
  let largest = 0;
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    largest = 0;
    for (let a = 0; a < size; a++) {
      const before = weights[a]!;
      const after = Math.max(0, before + slopes[a]! / matrix[a * (size + 1)]!);
      const move = after - before;
      if (move === 0) continue;
      weights[a] = after;
      largest = Math.max(largest, Math.abs(move));
      for (let b = 0; b < size; b++) slopes[b]! -= move * matrix[a * size + b]!;
    }
    if (largest <= STILL) break;
  }
  return largest;
}

/** How much each weight wants to grow: goal - matrix weights. */
function slopesOf(matrix: Float64Array, goal: Float64Array, weights: Float64Array): Float64Array {
  const slopes = goal.slice();
  weights.forEach((weight, a) => {
    if (weight !== 0) for (let b = 0; b < goal.length; b++) slopes[b]! -= weight * matrix[a * goal.length + b]!;
  });
  return slopes;
}

/**
 * The weights that are not zero solved for at once. Undefined when one of them would be negative, or the equations do
 * not tell them apart.
 */
function solvedFor(matrix: Float64Array, goal: Float64Array, weights: Float64Array): Float64Array | undefined {
  const support = Int32Array.from(weights.keys()).filter((a) => weights[a]! > 0);
  const part = new Float64Array(support.length ** 2);
  support.forEach((a, row) => {
    support.forEach((b, column) => {
      part[row * support.length + column] = matrix[a * goal.length + b]!;
    });
  });
  const solution = Float64Array.from(support, (a) => goal[a]!);
  if (!factorise(part, support.length)) return undefined;
  solve(part, support.length, solution);
  if (!solution.every((weight) => weight > 0)) return undefined;
  const all = new Float64Array(weights.length);
  support.forEach((a, row) => {
    all[a] = solution[row]!;
  });
  return all;
}
