// What a model recommends when it knows nothing of a user: what it gives, on average, to histories of one item each.
// The decoder's bias would be the shorter way, but popularity lives in the weights too: after four epochs on ml1m the
// bias shares 5 of the 50 most popular items, this shares 45.
import type { ScoreBatch } from "./evaluate.ts";

const histories = 50;

/** Log of the mean probability of each item, [I], over one-item histories spread evenly over the columns. */
export function popularIn(scoreBatch: ScoreBatch, items: number): Float32Array {
  const count = Math.min(histories, items);
  const rows = Array.from({ length: count }, (_, k) => Int32Array.of(Math.floor(((k + 0.5) * items) / count)));
  const scores_BI = scoreBatch(rows);
  const mean_I = new Float64Array(items);
  for (let row = 0; row < count; row++) {
    const scores_I = scores_BI.subarray(row * items, (row + 1) * items);
    const highest = scores_I.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    const sum = scores_I.reduce((total, score) => total + Math.exp(score - highest), 0);
    for (let column = 0; column < items; column++)
      mean_I[column]! += Math.exp(scores_I[column]! - highest) / sum / count;
  }
  return Float32Array.from(mean_I, Math.log);
}
