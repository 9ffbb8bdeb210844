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
  const gains = Float64Array.from(pool, (_, at) => (1 - diversity) * relevance(at));
  const likest = new Float64Array(size).fill(-1);
  let next = 0;
  for (let count = 0; count < chosen.length; count++) {
    chosen[count] = pool[next]!;
    gains[next] = Number.NEGATIVE_INFINITY;
    if (count === chosen.length - 1) break;
    const likeness = vectors.between(pool[next]!, pool);
    next = -1;
    let most = Number.NEGATIVE_INFINITY;
    for (let at = 0; at < size; at++) {
      if (likeness[at]! > likest[at]!) likest[at] = likeness[at]!;
      const gain = gains[at]! - diversity * likest[at]!;
      if (gain > most) [next, most] = [at, gain];
    }
  }
  return chosen;
}
