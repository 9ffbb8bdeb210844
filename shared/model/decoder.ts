// The decoder (one linear layer) and its multinomial likelihood. No dense target is ever built: x is sparse, so its share of every gradient is a sum of a few rows.
// Shapes: B users, I items, L latent. Source: spec/recvae.md 1.3, 1.4, 1.6.
import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Engine } from "../engine/engine.ts";
import { positionsOf } from "../engine/lists.ts";
import type { Lap } from "./laps.ts";
import type { Weights } from "./parameters.ts";

/** The decoder group on the engine. */
export interface DecoderWeights {
  readonly weight_IL: Tensor2D;
  readonly bias_1I: Tensor2D;
  /**
   * The transpose with the bias as its last row, `[L + 1, I]`, made when it is first asked for: the bias costs no pass of its own and the product is faster,
   * which pays where weights serve more than one part.
   */
  affine_LI(): Tensor2D;
  dispose(): void;
}

/** May share the memory of the arrays: leave them unchanged until `dispose`. */
export function uploadDecoder(engine: Engine, weights: Weights): DecoderWeights {
  const weight = weights["decoder.weight"];
  const bias = weights["decoder.bias"];
  if (!weight || !bias) throw new Error("the decoder group lacks decoder.weight or decoder.bias");
  const weight_IL = engine.tf.tensor2d(weight.data, weight.shape as [number, number]);
  const bias_1I = engine.tf.tensor2d(bias.data, [1, bias.data.length]);
  let affine_LI: Tensor2D | undefined;
  return {
    weight_IL,
    bias_1I,
    affine_LI: () => {
      affine_LI ??= engine.tf.keep(engine.tf.concat([engine.tf.transpose(weight_IL), bias_1I])); // it outlives the scope of the part that asks
      return affine_LI;
    },
    dispose: () => engine.tf.dispose([weight_IL, bias_1I, ...(affine_LI ? [affine_LI] : [])]),
  };
}

/** `[B, I]`, before softmax. `serveMore`: the weights stay as they are for further parts. Call inside tf.tidy. */
export function decode(engine: Engine, decoder: DecoderWeights, z_BL: Tensor2D, serveMore: boolean): Tensor2D {
  if (serveMore) return engine.matMul(engine.tf.concat([z_BL, engine.tf.ones([z_BL.shape[0], 1])], 1), decoder.affine_LI());
  const product_BI = engine.matMul(z_BL, decoder.weight_IL, false, true);
  const logits_BI: Tensor2D = engine.tf.add(product_BI, decoder.bias_1I);
  product_BI.dispose(); // 40 MB at ML-20M size
  return logits_BI;
}

export interface Likelihood {
  readonly softmax_BI: Tensor2D;
  /** Log-likelihood of each user's items. */
  readonly log_B: Float64Array;
}

/** Likelihood of the users' whole rows, dropped items included; `serveMore` as in `decode`. Call inside tf.tidy. */
export function likelihood(
  engine: Engine,
  decoder: DecoderWeights,
  z_BL: Tensor2D,
  rows: readonly Int32Array[],
  serveMore: boolean,
  lap?: Lap,
): Likelihood {
  const { tf } = engine;
  const logits_BI = decode(engine, decoder, z_BL, serveMore);
  lap?.("logits");
  const softmax_BI = tf.softmax(logits_BI);
  // The largest logit and the largest probability stand in the same place, so log-sum-exp costs two maxima instead of another pass of exp.
  const logSumExp_B = tf.sub(tf.max(logits_BI, 1), tf.log(tf.max(softmax_BI, 1))).dataSync<"float32">();
  const positions = positionsOf(rows);
  const items =
    positions.length === 0 ? [] : tf.gatherND(logits_BI, tf.tensor2d(positions, [positions.length / 2, 2], "int32")).dataSync<"float32">();
  logits_BI.dispose();
  const log_B = new Float64Array(rows.length);
  for (let k = 0; k < items.length; k++) {
    const user = positions[2 * k]!;
    log_B[user]! += items[k]! - logSumExp_B[user]!;
  }
  lap?.("softmax");
  return { softmax_BI, log_B };
}

/** Gradient of the mean negative log-likelihood with respect to z: N * (n_u * softmax - x)·W, where x·W is a sum of decoder rows. `share` is N = 1 / batch. */
export function gradientOfLatent(
  engine: Engine,
  decoder: DecoderWeights,
  softmax_BI: Tensor2D,
  rows: readonly Int32Array[],
  share: number,
): Tensor2D {
  const { tf } = engine;
  const counts_B1 = columnOf(
    engine,
    rows.map((row) => row.length),
  );
  const expected_BL = tf.mul(engine.matMul(softmax_BI, decoder.weight_IL), counts_B1);
  return tf.mul(tf.sub(expected_BL, engine.sumRows(decoder.weight_IL, rows)), share);
}

/** Gradients of the decoder's weight and bias, N * (n_u * softmax - x) as n_u * (softmax - x / n_u): the counts then scale z, `[B, L]`, not the softmax, `[B, I]`. */
export function gradientOfDecoder(
  engine: Engine,
  softmax_BI: Tensor2D,
  z_BL: Tensor2D,
  rows: readonly Int32Array[],
  share: number,
): Weights {
  const counts = rows.map((row) => row.length);
  const scale_B1 = columnOf(
    engine,
    counts.map((count) => count * share),
  );
  const error_BI = engine.subtractAt(
    softmax_BI,
    rows,
    counts.map((count) => 1 / count),
  );
  const weight_IL = engine.matMul(error_BI, engine.tf.mul(z_BL, scale_B1), true, false);
  const bias_1I = engine.matMul(scale_B1, error_BI, true, false);
  return {
    "decoder.weight": { shape: weight_IL.shape, data: weight_IL.dataSync<"float32">() },
    "decoder.bias": { shape: [bias_1I.size], data: bias_1I.dataSync<"float32">() },
  };
}

/** One number per user, to scale rows by. */
export function columnOf({ tf }: Engine, values: readonly number[]): Tensor2D {
  return tf.tensor2d(Float32Array.from(values), [values.length, 1]);
}
