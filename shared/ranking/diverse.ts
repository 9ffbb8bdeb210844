// A list of items that are liked and not all alike: maximal marginal relevance (Carbonell and Goldstein 1998) over the
// best items of a model, one after another. Pure.
import type { ItemVectors } from "./vectors.ts";

/** Of how many items the list is chosen: what is further down is not liked enough. */
export const poolOf = (k: number): number => Math.max(100, 5 * k);

/**
 * At most k of `pool`, columns by falling score. Each next one is the largest of (1 - diversity) x relevance -
 * diversity x likeness to the one chosen that it is most like, relevance being the score between the pool's worst, 0,
 * and its best, 1, likeness the cosine of vectors; the first is the best of all. Equals stand in order of the pool.
 */
export function diverse(
  pool: Int32Array,
  scores_I: Float32Array,
  vectors: ItemVectors,
  k: number,
  diversity: number,
): Int32Array {
  const size = pool.length;
  const chosen = new Int32Array(Math.min(k, size));
  if (chosen.length === 0) return chosen;
  const [best, worst] = [scores_I[pool[0]!]!, scores_I[pool[size - 1]!]!];
  const span = best - worst;
  const relevance = (at: number) => (span > 0 ? (scores_I[pool[at]!]! - worst) / span : 1);
  /** At most what it is: a likeness can only rise, so whoever is behind by an old one is behind. */
  const gains = Float64Array.from(pool, (_, at) => (1 - diversity) * relevance(at));
  const likest = new Float64Array(size).fill(-1);
  /** How many of the chosen each was held against. */
  const held = new Int32Array(size);
  for (let count = 0; count < chosen.length; ) {
    let next = 0;
    for (let at = 1; at < size; at++) if (gains[at]! > gains[next]!) next = at;
    if (held[next] === count) {
      chosen[count++] = pool[next]!;
      gains[next] = Number.NEGATIVE_INFINITY;
      continue;
    }
    for (const likeness of vectors.between(pool[next]!, chosen.subarray(held[next], count)))
      if (likeness > likest[next]!) likest[next] = likeness;
    held[next] = count;
    gains[next] = (1 - diversity) * relevance(next) - diversity * likest[next]!;
  }
  return chosen;
}
