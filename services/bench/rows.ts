// Synthetic users of the benches: rows as long-tailed as real ones.
import { permutation } from "../../shared/model/draws.ts";

const SEED = 1337;

/** Distinct items of a user; the squared place favours the first columns, as popularity does. */
export function longTailedRow(user: number, perUser: number, items: number): Int32Array {
  const places = permutation(SEED, user, Math.ceil(Math.sqrt(items)) * 8);
  const columns = new Set<number>();
  for (const place of places) {
    if (columns.size === Math.min(perUser, items)) break;
    columns.add(Math.floor((place / places.length) ** 2 * items));
  }
  return Int32Array.from(columns);
}
