// What a lease brings along: users' rows with or without dropout, their old posteriors, the keys of their draws. Used
// by outer-epoch.ts and outer-step.ts.
import type { SparseRows } from "../../../shared/compute/kernels/lists.ts";
import type { RowOf } from "../../../shared/corpus/corpus.ts";
import { valuesOf } from "../../../shared/neural/bag.ts";
import { latentOf, type Recipe, usesOldPosterior } from "../../../shared/neural/recipe.ts";
import type { Step } from "../../../shared/neural/schedule.ts";
import type { WireTensor } from "../../../shared/training/tensors.ts";
import type { Versioned } from "../scheduler/outbox.ts";
import type { Work } from "../scheduler/scheduler.ts";
import type { Run } from "./run.ts";

export const rowsOf = (users: Uint32Array, rowOf: RowOf) => Array.from(users, rowOf);
export const allOf = (config: Recipe, rows: readonly Int32Array[]): SparseRows => ({
  rows,
  values: valuesOf(config.input, rows),
});

/** Some users of a step, with its dropout. */
export function batchOf({ seed, store }: Run, { index, dropout }: Step, users: Uint32Array, rowOf: RowOf): SparseRows {
  const rows = rowsOf(users, rowOf);
  const { input, dropoutRate: rate } = store.config;
  return { rows, values: valuesOf(input, rows, dropout ? { seed, step: index, rate, users } : undefined) };
}

/** What the old encoder says of the users, where the prior asks for it. */
export function oldPosterior({ posteriors, store }: Run, users: Uint32Array): WireTensor[] {
  if (!usesOldPosterior(store.config)) return [];
  const { mu, logvar } = posteriors.of(users);
  const shape = [users.length, latentOf(store.config)];
  return [
    { name: "muOld", shape, data: mu },
    { name: "logvarOld", shape, data: logvar },
  ];
}

export function bagTensor(bag_BH: Float32Array, users: number): WireTensor {
  return { name: "bag", shape: [users, bag_BH.length / users], data: bag_BH };
}

/** Keys of the users' noise. */
export function keys(users: Uint32Array): WireTensor {
  return { name: "users", shape: [users.length], data: Int32Array.from(users) };
}

/** Rows of different length as one array and where each ends. */
export function ragged(name: string, endsName: string, rows: readonly Int32Array[]): WireTensor[] {
  const ends = new Int32Array(rows.length);
  let total = 0;
  rows.forEach((row, k) => {
    total += row.length;
    ends[k] = total;
  });
  const data = new Int32Array(total);
  rows.forEach((row, k) => {
    data.set(row, ends[k]! - row.length);
  });
  return [
    { name, shape: [total], data },
    { name: endsName, shape: [rows.length], data: ends },
  ];
}

/** What every step says of itself. */
export function base(
  run: Run,
  parts: readonly Uint32Array[],
  hidden: Versioned,
): Pick<Work, "step" | "batchSize" | "config" | "parts" | "hidden" | "wire"> {
  const batchSize = parts.reduce((sum, part) => sum + part.length, 0);
  return { step: run.step, batchSize, config: run.store.config, parts, hidden, wire: run.publisher.wire };
}
