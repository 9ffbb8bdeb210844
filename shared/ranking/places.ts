// What a place in a list is worth, where equal scores share their places. Pure. The references of popularity count
// small numbers, of which many are equal: by column, or by who came first, chance would decide a few places in a
// hundred.

/** 1 for a place among the first 20, and the discounted gain of a place among the first 100, or their expectation. */
export interface Gain {
  readonly recall: number;
  readonly ndcg: number;
}

export const NO_GAIN: Gain = { recall: 0, ndcg: 0 };
const [RECALL, NDCG] = [20, 100] as const;

/** Sum of the discounts of the first k places. */
const discounts = new Float64Array(NDCG + 1);
for (let k = 0; k < NDCG; k++) discounts[k + 1] = discounts[k]! + 1 / Math.log2(k + 2);

/**
 * Expected gain of one of `alike` items of one score, in any order, behind `above` items of higher ones: recall@20 and
 * NDCG@100 of a single target.
 */
export function gainBehind(above: number, alike: number): Gain {
  if (above >= NDCG) return NO_GAIN;
  // To the last bit what a list with one item at this place is worth: equals must not differ by a rounding.
  if (alike === 1) return { recall: above < RECALL ? 1 : 0, ndcg: 1 / Math.log2(above + 2) };
  const last = above + alike;
  return {
    recall: (Math.min(RECALL, last) - Math.min(RECALL, above)) / alike,
    ndcg: (discounts[Math.min(NDCG, last)]! - discounts[above]!) / alike,
  };
}
