// Synthetic users of the benches: rows as long-tailed as real ones.
import { uniform } from "../../../shared/compute/draws.ts";

const SEED = 1337;
/** Of the draw: 250 users of 86 items then touch 8,600 of 20,108 columns, those of ML-20M about 7,000. */
const POWER = 6;
const DRAWS = 256;

/** Distinct items of a user; the power favours the first columns, as popularity does. */
export function longTailedRow(user: number, perUser: number, items: number): Int32Array {
  const columns = new Set<number>();
  const wanted = Math.min(perUser, items);
  for (let block = 0; columns.size < wanted; block++) {
    for (const draw of uniform(SEED + block, user, 0.5, new Float32Array(DRAWS))) {
      if (columns.size === wanted) break;
      columns.add(Math.min(items - 1, Math.floor((draw + 0.5) ** POWER * items)));
    }
  }
  return Int32Array.from(columns);
}
