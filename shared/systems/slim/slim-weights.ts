// SLIM's weights as a model: only what is not zero, in memory and in the file, and the scores of users by it.
// slim-columns.ts solves for them. Shapes: B users, I items.
import { AppError } from "../../errors/errors.ts";
import type { Weights } from "../../neural/parameters.ts";
import { mustHave } from "../../neural/safetensors.ts";
import { type Making, sparseVectors } from "../../ranking/vectors.ts";
import type { Column } from "../../solvers/neighbours.ts";
import type { Sized } from "../system.ts";

/**
 * The tensors of a model in memory and in its file: for each item that a user may have, the items that it speaks for
 * and by how much.
 */
export const slimNames = { lengths: "lengths", columns: "columns", weights: "weights" } as const;

/**
 * Columns by the item that is scored -> rows by the item that the user has. Numbers of items are whole numbers below
 * 2^24, exact in float32.
 */
export function slimWeights(columns: readonly Column[]): Weights {
  const items = columns.length;
  const lengths = new Float32Array(items);
  for (const column of columns) for (const item of column.items) lengths[item]!++;
  const count = lengths.reduce((sum, length) => sum + length, 0);
  const next = startsOf(lengths);
  const [scored, values] = [new Float32Array(count), new Float32Array(count)];
  columns.forEach((column, item) => {
    column.items.forEach((from, k) => {
      const at = next[from]!++;
      scored[at] = item;
      values[at] = column.values[k]!;
    });
  });
  return {
    [slimNames.lengths]: { shape: [items], data: lengths },
    [slimNames.columns]: { shape: [count], data: scored },
    [slimNames.weights]: { shape: [count], data: values },
  };
}

/** Where each list begins, and where the last one ends. */
function startsOf(lengths: Float32Array): Int32Array {
  const starts = new Int32Array(lengths.length + 1);
  lengths.forEach((length, k) => {
    starts[k + 1] = starts[k]! + length;
  });
  return starts;
}

/**
 * Throws CHECKPOINT_CORRUPT when a tensor is missing, the lists do not fit each other, or one names an item that there
 * is not.
 */
export function checkSlim(weights: Weights, { items }: Sized): void {
  mustHave(weights, [[slimNames.lengths, [items]]]);
  const lengths = weights[slimNames.lengths]!.data;
  const count = lengths.reduce((sum, length) => sum + length, 0);
  mustHave(weights, [
    [slimNames.columns, [count]],
    [slimNames.weights, [count]],
  ]);
  const isBelow = (limit: number) => (value: number) => Number.isInteger(value) && value >= 0 && value < limit;
  if (!lengths.every(isBelow(items)) || !weights[slimNames.columns]!.data.every(isBelow(items)))
    throw new AppError("CHECKPOINT_CORRUPT", { what: `the lists of weights name items that are none of ${items}` });
}

/** Scores of B users over all items, [B x I]; summed in float64. `weights` have passed `checkSlim`. */
export function slimScores(weights: Weights, { items }: Sized): (foldIns: readonly Int32Array[]) => Float32Array {
  const starts = startsOf(weights[slimNames.lengths]!.data);
  const columns = Int32Array.from(weights[slimNames.columns]!.data);
  const values = weights[slimNames.weights]!.data;
  return (foldIns) => {
    const scores_BI = new Float32Array(foldIns.length * items);
    const sum_I = new Float64Array(items);
    foldIns.forEach((foldIn, row) => {
      sum_I.fill(0);
      for (const item of foldIn)
        for (let at = starts[item]!; at < starts[item + 1]!; at++) sum_I[columns[at]!]! += values[at]!;
      scores_BI.set(sum_I, row * items);
    });
    return scores_BI;
  };
}

/** Its rows: what an item speaks for. */
export function slimVectors(weights: Weights): Making {
  const [lengths, columns, values] = [slimNames.lengths, slimNames.columns, slimNames.weights].map(
    (name) => weights[name]!.data,
  ) as [Float32Array, Float32Array, Float32Array];
  return sparseVectors({ starts: startsOf(lengths), columns: Int32Array.from(columns), values });
}
