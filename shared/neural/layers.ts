// Plain layers one behind another, each a product, a bias and tanh: an encoder's behind its first product, a decoder's
// before its last; and their backward pass.
// Shapes: B users, D width of a layer. Products are the engine's, bias and tanh the kernels'. Used by plain-encoder.ts
// and decoder.ts.
import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Engine } from "../compute/engine.ts";
import { compact, placeRows } from "../compute/kernels/rows.ts";
import type { Weights } from "./parameters.ts";

export interface PlainLayer {
  /** Its tensors are `name`.weight, [out, in], and `name`.bias. */
  readonly name: string;
  readonly weight: Tensor2D;
  /** A view of the weights. */
  readonly bias: Float32Array;
}

/** May share the memory of the arrays: leave them unchanged until `dispose`. */
export function uploadLayers({ tf }: Engine, names: readonly string[], weights: Weights): PlainLayer[] {
  return names.map((name) => {
    const { shape, data } = weights[`${name}.weight`]!;
    return { name, weight: tf.tensor2d(data, shape as [number, number]), bias: weights[`${name}.bias`]!.data };
  });
}

/** tanh(product + bias), `[B, D]`. Call inside steps.ts' scope. */
export function squashed({ tf, kernels }: Engine, product: Float32Array, bias: Float32Array): Tensor2D {
  const { memory } = kernels;
  const h = placeRows(memory, product, bias.length);
  kernels.tanh(h, placeRows(memory, bias, bias.length));
  return tf.tensor2d(compact(h), [h.count, h.width]);
}

/** What each layer gives, that of the first layer first. Call inside steps.ts' scope. */
export function forward(engine: Engine, layers: readonly PlainLayer[], input: Tensor2D): Tensor2D[] {
  const outputs: Tensor2D[] = [];
  for (const { weight, bias } of layers) {
    const product = engine.matMul(outputs.at(-1) ?? input, weight, false, true);
    outputs.push(squashed(engine, product.dataSync<"float32">(), bias));
  }
  return outputs;
}

/** Gradient of what stands before tanh, of that of what it gave. */
export const slopes = ({ tf }: Engine, dOutput: Tensor2D, output: Tensor2D) =>
  tf.mul(dOutput, tf.sub(1, tf.square(output))) as Tensor2D;

/**
 * From the gradient of the last output to that of the input; of every weight and bias on the way where `gradients` is
 * given.
 */
export function backward(
  engine: Engine,
  layers: readonly PlainLayer[],
  input: Tensor2D,
  outputs: readonly Tensor2D[],
  dOutput: Tensor2D,
  gradients?: Weights,
): Tensor2D {
  let d = dOutput;
  for (let k = layers.length - 1; k >= 0; k--) {
    const { name, weight } = layers[k]!;
    const dSum = slopes(engine, d, outputs[k]!);
    if (gradients) put(engine, gradients, name, dSum, outputs[k - 1] ?? input);
    d = engine.matMul(dSum, weight);
  }
  return d;
}

/** Gradients of a linear layer's weight and bias, from that of what it gave. */
export function put(engine: Engine, gradients: Weights, name: string, dSum: Tensor2D, input: Tensor2D): void {
  const weight = engine.matMul(dSum, input, true, false);
  gradients[`${name}.weight`] = { shape: weight.shape, data: weight.dataSync<"float32">() };
  gradients[`${name}.bias`] = { shape: [dSum.shape[1]], data: engine.tf.sum(dSum, 0).dataSync<"float32">() };
}
