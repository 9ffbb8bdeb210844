// The decoder: tanh layers where there are any, then one linear layer whose columns are the items. No dense target is
// ever built: x is sparse, so its share of every gradient is a sum of a few rows. Shapes: B users, I items, L what the
// decoder is given, D width before its last layer. Source: docs/design/recvae.md#decoder, #loss, #gradients.
import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Engine } from "../compute/engine.ts";
import { backward, forward, type PlainLayer, uploadLayers } from "./layers.ts";
import type { Likelihood } from "./likelihoods.ts";
import { decoderLayers, type Weights } from "./parameters.ts";

/** The decoder group on the engine. */
export interface DecoderWeights {
  /** Before the last; none in RecVAE. */
  readonly layers: readonly PlainLayer[];
  /** The last layer's name. */
  readonly name: string;
  readonly weight_ID: Tensor2D;
  readonly bias_1I: Tensor2D;
  /**
   * The transpose with the bias as its last row, `[D + 1, I]`, made when it is first asked for: the bias costs no pass
   * of its own and the product is faster, which pays where weights serve more than one part.
   */
  affine_DI(): Tensor2D;
  dispose(): void;
}

/** May share the memory of the arrays: leave them unchanged until `dispose`. */
export function uploadDecoder(engine: Engine, weights: Weights): DecoderWeights {
  const { tf } = engine;
  const layerCount = Object.keys(weights).filter((each) => /^decoder\..*weight$/.test(each)).length;
  const names = decoderLayers(layerCount);
  const name = names.at(-1)!;
  const weight = weights[`${name}.weight`];
  const bias = weights[`${name}.bias`];
  if (!weight || !bias) throw new Error(`the decoder group lacks ${name}.weight or ${name}.bias`);
  const layers = uploadLayers(engine, names.slice(0, -1), weights);
  const weight_ID = tf.tensor2d(weight.data, weight.shape as [number, number]);
  const bias_1I = tf.tensor2d(bias.data, [1, bias.data.length]);
  let affine_DI: Tensor2D | undefined;
  return {
    layers,
    name,
    weight_ID,
    bias_1I,
    affine_DI: () => {
      // it outlives the scope of the part that asks
      affine_DI ??= tf.keep(tf.concat([tf.transpose(weight_ID), bias_1I]));
      return affine_DI;
    },
    dispose: () =>
      tf.dispose([weight_ID, bias_1I, ...layers.map((layer) => layer.weight), ...(affine_DI ? [affine_DI] : [])]),
  };
}

/** What a part needs of the decoder's way forth. */
export interface Decoded {
  readonly code_BL: Tensor2D;
  /** Of the layers before the last. */
  readonly outputs: readonly Tensor2D[];
  readonly last_BD: Tensor2D;
}

/** The layers before the last. Call inside steps.ts' scope. */
export function decode(engine: Engine, { layers }: DecoderWeights, code_BL: Tensor2D): Decoded {
  const outputs = forward(engine, layers, code_BL);
  return { code_BL, outputs, last_BD: outputs.at(-1) ?? code_BL };
}

/**
 * `[B, I]`, before softmax. `serveMore`: the weights stay as they are for further parts. Call inside the scope of
 * steps.ts.
 */
export function logitsOf(engine: Engine, decoder: DecoderWeights, last_BD: Tensor2D, serveMore: boolean): Tensor2D {
  if (serveMore)
    return engine.matMul(engine.tf.concat([last_BD, engine.tf.ones([last_BD.shape[0], 1])], 1), decoder.affine_DI());
  const product_BI = engine.matMul(last_BD, decoder.weight_ID, false, true);
  const logits_BI: Tensor2D = engine.tf.add(product_BI, decoder.bias_1I);
  product_BI.dispose(); // 40 MB at ML-20M size
  return logits_BI;
}

/** What a part's loss asks of the decoder: the likelihood of its users, and what one of them is divided by. */
export interface Asked {
  readonly likelihood: Likelihood;
  /** N = 1 / batch. */
  readonly share: number;
}

/**
 * Gradient of the mean negative log-likelihood with respect to what stands before the last layer: N * (scale * expected
 * - x)·W, where x·W is a sum of decoder rows. The multinomial's: N * (n_u * softmax - x)·W.
 */
export function gradientOfLast(engine: Engine, decoder: DecoderWeights, { likelihood: known, share }: Asked): Tensor2D {
  const { tf } = engine;
  const scales_B1 = columnOf(engine, known.scales);
  const expected_BD = tf.mul(engine.matMul(known.expected_BI, decoder.weight_ID), scales_B1);
  return tf.mul(tf.sub(expected_BD, engine.sumRows(decoder.weight_ID, known.hits)), share * known.factor);
}

/**
 * From the gradient of the last layer's input to that of what the decoder was given; of the layers on the way where
 * `gradients` is given.
 */
export function gradientOfCode(
  engine: Engine,
  decoder: DecoderWeights,
  decoded: Decoded,
  dLast_BD: Tensor2D,
  gradients?: Weights,
): Tensor2D {
  return backward(engine, decoder.layers, decoded.code_BL, decoded.outputs, dLast_BD, gradients);
}

/**
 * Gradients of the last layer's weight and bias, N * (scale * expected - x) as scale * (expected - x / scale): the
 * scales then stand at the layer's input, `[B, D]`, not at what is expected, `[B, I]`.
 */
export function gradientOfDecoder(
  engine: Engine,
  { name }: DecoderWeights,
  { likelihood: known, share }: Asked,
  last_BD: Tensor2D,
): Weights {
  const { expected_BI, scales, hits, factor } = known;
  const scale_B1 = columnOf(
    engine,
    scales.map((scale) => scale * share * factor),
  );
  const error_BI = engine.subtractAt(
    expected_BI,
    hits,
    scales.map((scale) => 1 / scale),
  );
  const weight_ID = engine.matMul(error_BI, engine.tf.mul(last_BD, scale_B1), true, false);
  const bias_1I = engine.matMul(scale_B1, error_BI, true, false);
  return {
    [`${name}.weight`]: { shape: weight_ID.shape, data: weight_ID.dataSync<"float32">() },
    [`${name}.bias`]: { shape: [bias_1I.size], data: bias_1I.dataSync<"float32">() },
  };
}

/** One number per user, to scale rows by. */
export function columnOf({ tf }: Engine, values: readonly number[]): Tensor2D {
  return tf.tensor2d(Float32Array.from(values), [values.length, 1]);
}
