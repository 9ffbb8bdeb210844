// Popularity: the same scores for everybody, an item's number of training users. What every other system must beat. Shape: I items.
import { z } from "zod";
import type { Weights } from "../../neural/parameters.ts";

export const popularityConfig = z.strictObject({ items: z.number().int().positive() });
export type PopularityConfig = z.output<typeof popularityConfig>;
export const popularityDefaults = {};

export const countsName = "counts";
export const popularityShapes = ({ items }: PopularityConfig): [string, number[]][] => [[countsName, [items]]];

/** `rows`: distinct columns of each training user. */
export function countUsers(rows: Iterable<Int32Array>, items: number): Weights {
  const counts_I = new Float32Array(items);
  for (const row of rows) for (const column of row) counts_I[column]!++;
  return { [countsName]: { shape: [items], data: counts_I } };
}
