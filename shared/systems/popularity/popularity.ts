// Popularity: the same scores for everybody, an item's number of training users. What every other system must beat.
// Shape: I items.
import type { Weights } from "../../neural/parameters.ts";
import { popularityScores } from "../../ranking/evaluate.ts";
import { usual } from "../benchmarked.ts";
import { javascript, ofItems, solved } from "../solved.ts";
import type { Sized } from "../system.ts";

export const countsName = "counts";

export const popularity = solved({
  title: "popularity",
  settings: {},
  ...ofItems(({ items }: Sized) => [[countsName, [items]]]),
  async *fit({ rows, config: { items } }) {
    yield { weights: countUsers(rows, items), ...javascript };
  },
  scores: (_, weights) => popularityScores(weights[countsName]!.data),
  memory: ({ items }) => 8 * items,
  grid: { source: "nothing to choose", isSeeded: false, flags: [], settings: [usual] },
  published: { inTable: false, "ML-20M": "- - ~.191", Netflix: "- - ~.159", MSD: "- - ~.058" },
});

/** `rows`: distinct columns of each training user. */
export function countUsers(rows: Iterable<Int32Array>, items: number): Weights {
  const counts_I = new Float32Array(items);
  for (const row of rows) for (const column of row) counts_I[column]!++;
  return { [countsName]: { shape: [items], data: counts_I } };
}
