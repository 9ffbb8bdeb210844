// LambdaRank (Burges 2010), which the paper's table calls LambdaNet: every pair of a positive and a negative item is
// pushed apart by what exchanging the two would do to the NDCG of the whole list. Source:
// docs/design/baselines.md#lambdanet. Shapes: I items, P positive ones of the user, N negative ones.
import { descending } from "../ranking/order.ts";

/**
 * Writes a user's gradient to `gradient_I`: pair (i, j) pulls i up and j down by |1/log2(1 + rank_i) - 1/log2(1 +
 * rank_j)| / IDCG / (1 + e^(s_i - s_j)), ranks among all items, from 1. No loss has this gradient, so what is returned
 * is what it works on: 1 - NDCG of the whole list. `row`: the positive columns, distinct; without one both are 0. O(P
 * I).
 */
export function lambdarank(scores_I: Float32Array, row: Int32Array, gradient_I: Float32Array): number {
  gradient_I.fill(0);
  if (row.length === 0) return 0;
  const order_I = descending(scores_I);
  const isPositive_I = new Uint8Array(scores_I.length);
  for (const column of row) isPositive_I[column] = 1;

  // The negative items in order of rank, in arrays of their own: the loop over pairs, nearly all of the time, runs
  // straight through them.
  const negatives = order_I.filter((column) => !isPositive_I[column]);
  const discount_N = new Float64Array(negatives.length);
  const positives: Positive[] = [];
  let above = 0;
  order_I.forEach((column, k) => {
    const discount = 1 / Math.log2(k + 2);
    if (isPositive_I[column]) positives.push({ column, above, discount });
    else discount_N[above++] = discount;
  });
  let ideal = 0;
  for (let k = 0; k < row.length; k++) ideal += 1 / Math.log2(k + 2);

  const highest = scores_I[order_I[0]!]!;
  const isWide = highest - scores_I[order_I.at(-1)!]! > WIDEST;
  const oddsBeside = (score: number) => Float64Array.from(negatives, (column) => oddsOf(scores_I[column]!, score));
  const odds_N = oddsBeside(highest);
  const push_N = new Float64Array(negatives.length);
  for (const positive of positives) {
    const score = scores_I[positive.column]!;
    const sum = isWide
      ? pushed(positive, 1, oddsBeside(score), discount_N, push_N)
      : pushed(positive, oddsOf(score, highest), odds_N, discount_N, push_N);
    gradient_I[positive.column] = -sum / ideal;
  }
  for (let k = 0; k < negatives.length; k++) gradient_I[negatives[k]!] = push_N[k]! / ideal;
  return 1 - positives.reduce((sum, { discount }) => sum + discount, 0) / ideal;
}

interface Positive {
  readonly column: number;
  /** Negative items that outrank it. */
  readonly above: number;
  /** 1 / log2(1 + rank) */
  readonly discount: number;
}

/** Powers of e that float64 holds, and the sums of two of them. Scores of real models lie far closer. */
const WIDEST = 700;

/**
 * e^(score - other): with odds a and b beside the same other, 1 / (1 + e^(s_i - s_j)) is b / (a + b), one division
 * where it would be an exponential.
 */
const oddsOf = (score: number, other: number) => Math.exp(Math.max(-WIDEST, Math.min(WIDEST, score - other)));

/** Adds what a positive item of these odds pushes each negative one down by to `push_N`; the sum of it. */
function pushed(
  { above, discount }: Positive,
  odds: number,
  odds_N: Float64Array,
  discount_N: Float64Array,
  push_N: Float64Array,
): number {
  let sum = 0;
  for (let k = 0; k < above; k++) {
    const push = ((discount_N[k]! - discount) * odds_N[k]!) / (odds + odds_N[k]!);
    push_N[k]! += push;
    sum += push;
  }
  for (let k = above; k < push_N.length; k++) {
    const push = ((discount - discount_N[k]!) * odds_N[k]!) / (odds + odds_N[k]!);
    push_N[k]! += push;
    sum += push;
  }
  return sum;
}
