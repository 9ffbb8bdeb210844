// The decoder (one linear layer) and its multinomial likelihood. No dense target is ever built: x is sparse, so its share of every gradient is a sum of a few rows.
// Shapes: B users, I items, L latent. Source: spec/recvae.md 1.3, 1.4, 1.6.
import type { Tensor2D } from "@tensorflow/tfjs";
import type { Engine } from "../engine/engine.ts";
import type { Weights } from "./parameters.ts";

/** The decoder group on the engine. */
export interface DecoderWeights {
  readonly weight_IL: Tensor2D;
  readonly bias_1I: Tensor2D;
  /** The values of `bias_1I`. */
  readonly bias_I: Float32Array;
  dispose(): void;
}

/** May share the memory of the arrays: leave them unchanged until `dispose`. */
export function uploadDecoder(engine: Engine, weights: Weights): DecoderWeights {
  const weight = weights["decoder.weight"];
  const bias = weights["decoder.bias"];
  if (!weight || !bias) throw new Error("the decoder group lacks decoder.weight or decoder.bias");
  const weight_IL = engine.tf.tensor2d(weight.data, weight.shape as [number, number]);
  const bias_1I = engine.tf.tensor2d(bias.data, [1, bias.data.length]);
  return { weight_IL, bias_1I, bias_I: bias.data, dispose: () => engine.tf.dispose([weight_IL, bias_1I]) };
}

/** `[B, I]`, before softmax. Call inside tf.tidy. */
export function decode(engine: Engine, decoder: DecoderWeights, z_BL: Tensor2D): Tensor2D {
  const product_BI = engine.matMul(z_BL, decoder.weight_IL, false, true);
  const logits_BI: Tensor2D = engine.tf.add(product_BI, decoder.bias_1I);
  product_BI.dispose(); // 40 MB at ML-20M size
  return logits_BI;
}

export interface Likelihood {
  readonly softmax_BI: Tensor2D;
  /** Sum of the decoder rows of each user's items: x·W, what the target adds to the gradient of z. */
  readonly itemRows_BL: Tensor2D;
  /** Log-likelihood of each user's items. */
  readonly log_B: Float32Array;
}

/** Likelihood of the users' whole rows, dropped items included. Call inside tf.tidy. */
export function likelihood(engine: Engine, decoder: DecoderWeights, z_BL: Tensor2D, rows: readonly Int32Array[]): Likelihood {
  const { tf } = engine;
  const logits_BI = decode(engine, decoder, z_BL);
  const softmax_BI = tf.softmax(logits_BI);
  // The largest logit and the largest probability stand in the same place, so log-sum-exp costs two maxima instead of another pass of exp.
  const logSumExp_B = tf.sub(tf.max(logits_BI, 1), tf.log(tf.max(softmax_BI, 1))).dataSync<"float32">();
  logits_BI.dispose();
  const itemRows_BL = engine.sumRows(decoder.weight_IL, rows);
  const log_B = tf.sum(tf.mul(z_BL, itemRows_BL), 1).dataSync<"float32">(); // sum of the items' logits, still without their bias
  rows.forEach((row, user) => {
    for (const item of row) log_B[user]! += decoder.bias_I[item]!;
    log_B[user]! -= row.length * logSumExp_B[user]!;
  });
  return { softmax_BI, itemRows_BL, log_B };
}

/** Gradient of the mean negative log-likelihood with respect to z: N * (n_u * softmax - x)·W. `counts_B1` is n_u, `share` is N = 1 / batch. */
export function gradientOfLatent(
  engine: Engine,
  decoder: DecoderWeights,
  { softmax_BI, itemRows_BL }: Likelihood,
  counts_B1: Tensor2D,
  share: number,
): Tensor2D {
  const { tf } = engine;
  return tf.mul(tf.sub(tf.mul(engine.matMul(softmax_BI, decoder.weight_IL), counts_B1), itemRows_BL), share);
}

/** Gradients of the decoder's weight and bias. The counts scale z, `[B, L]`, not the softmax, `[B, I]`; the items are subtracted where they stand. */
export function gradientOfDecoder(
  engine: Engine,
  { softmax_BI }: Likelihood,
  z_BL: Tensor2D,
  rows: readonly Int32Array[],
  counts_B1: Tensor2D,
  share: number,
): Weights {
  const { tf } = engine;
  const [items, latent] = [softmax_BI.shape[1], z_BL.shape[1]];
  const scale_B1 = tf.mul(counts_B1, share) as Tensor2D;
  const weight_IL = engine.matMul(softmax_BI, tf.mul(z_BL, scale_B1), true, false).dataSync<"float32">();
  const bias_I = engine.matMul(scale_B1, softmax_BI, true, false).dataSync<"float32">();
  const z = tf.mul(z_BL, share).dataSync<"float32">();
  rows.forEach((row, user) => {
    const from = user * latent;
    for (const item of row) {
      bias_I[item]! -= share;
      const to = item * latent;
      for (let k = 0; k < latent; k++) weight_IL[to + k]! -= z[from + k]!;
    }
  });
  return { "decoder.weight": { shape: [items, latent], data: weight_IL }, "decoder.bias": { shape: [items], data: bias_I } };
}
