// WARP without margin (Weston et al. 2011), exact over all pairs: every positive item is pushed above each negative one
// that outranks it, the harder the lower it stands. As the authors of RaCT fine-tune Mult-VAE's network with it.
// Source: docs/design/baselines.md#warp. Shapes: I items.
import { descending } from "../ranking/order.ts";

/**
 * A user's loss: the sum over positive items i and the negative items j above them of phi(rank_i) (s_j - s_i), with
 * phi(r) = 1 + 1/2 + ... + 1/r and ranks among all items, from 1. Its gradient is written to `gradient_I`. `row`: the
 * positive columns, distinct; without one the loss is 0. O(I).
 */
export function warp(scores_I: Float32Array, row: Int32Array, gradient_I: Float32Array): number {
  const order_I = descending(scores_I);
  const isPositive_I = new Uint8Array(scores_I.length);
  for (const column of row) isPositive_I[column] = 1;

  const phis = new Float64Array(row.length); // of the positive items, the highest first
  let seen = 0;
  let negatives = 0;
  let phi = 0;
  for (let k = 0; k < order_I.length; k++) {
    phi += 1 / (k + 1);
    const column = order_I[k]!;
    if (isPositive_I[column]) {
      phis[seen++] = phi;
      gradient_I[column] = -negatives * phi;
    } else negatives++;
  }

  let below = 0; // phi of the positive items from the last up to here, summed
  let loss = 0; // linear in the scores, while no rank changes
  for (let k = order_I.length - 1; k >= 0; k--) {
    const column = order_I[k]!;
    if (isPositive_I[column]) below += phis[--seen]!;
    else gradient_I[column] = below;
    loss += gradient_I[column]! * scores_I[column]!;
  }
  return loss;
}
