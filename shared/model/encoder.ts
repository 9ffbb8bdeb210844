// The encoder behind its first layer: five hidden layers with additive skips and LayerNorm, two heads; and its backward pass, derived by hand.
// Shapes: B users, H hidden, L latent. Source: spec/recvae.md 1.1. The first layer's product is the bag (bag.ts) and comes from outside.
import type { Tensor2D } from "@tensorflow/tfjs";
import type { Engine } from "../engine/engine.ts";
import type { ModelConfig } from "./config.ts";
import type { Tensor, Weights } from "./parameters.ts";

interface Layer {
  /** Absent in the first layer, whose product is the bag. */
  readonly weight_HH: Tensor2D | undefined;
  readonly bias_1H: Tensor2D;
  readonly gain_1H: Tensor2D;
  readonly shift_1H: Tensor2D;
}

/** The hidden group on the engine. */
export interface HiddenWeights {
  readonly config: ModelConfig;
  readonly layers: readonly Layer[];
  /** Both heads below each other: one product instead of two. */
  readonly heads_2LH: Tensor2D;
  readonly headsBias_12L: Tensor2D;
  dispose(): void;
}

/** May share the memory of the arrays: leave them unchanged until `dispose`. */
export function uploadHidden(engine: Engine, config: ModelConfig, weights: Weights): HiddenWeights {
  const { hidden, latent } = config;
  const data = (name: string) => {
    const tensor = weights[`encoder.${name}`];
    if (!tensor) throw new Error(`the hidden group lacks encoder.${name}`);
    return tensor.data;
  };
  const row = (name: string) => engine.tf.tensor2d(data(name), [1, hidden]);
  const layers = [1, 2, 3, 4, 5].map((k) => ({
    weight_HH: k === 1 ? undefined : engine.tf.tensor2d(data(`fc${k}.weight`), [hidden, hidden]),
    bias_1H: row(`fc${k}.bias`),
    gain_1H: row(`ln${k}.weight`),
    shift_1H: row(`ln${k}.bias`),
  }));
  const heads_2LH = engine.tf.tensor2d(joined(data("fc_mu.weight"), data("fc_logvar.weight")), [2 * latent, hidden]);
  const headsBias_12L = engine.tf.tensor2d(joined(data("fc_mu.bias"), data("fc_logvar.bias")), [1, 2 * latent]);
  const all = [heads_2LH, headsBias_12L, ...layers.flatMap((layer) => Object.values(layer))];
  return { config, layers, heads_2LH, headsBias_12L, dispose: () => engine.tf.dispose(all) };
}

function joined(a: Float32Array, b: Float32Array): Float32Array {
  const both = new Float32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** What the backward pass of a layer needs of its forward pass. */
interface Trace {
  readonly h_BH: Tensor2D;
  /** (swish - mean) / deviation: LayerNorm before gain and shift. */
  readonly normal_BH: Tensor2D;
  readonly inverseDeviation_B1: Tensor2D;
  /** Derivative of swish at its input. */
  readonly slope_BH: Tensor2D;
}

export interface Encoded {
  readonly mu_BL: Tensor2D;
  readonly logvar_BL: Tensor2D;
  readonly traces: readonly Trace[];
}

/** Call inside tf.tidy. Linear, then skips, then swish, then LayerNorm, in this order. */
export function encode(engine: Engine, weights: HiddenWeights, bag_BH: Tensor2D): Encoded {
  const { tf } = engine;
  const { latent, layerNormEps } = weights.config;
  const traces: Trace[] = [];
  let skips_BH: Tensor2D | undefined;
  let h_BH: Tensor2D | undefined;
  for (const layer of weights.layers) {
    let a_BH = layer.weight_HH && h_BH ? engine.matMul(h_BH, layer.weight_HH, false, true) : bag_BH;
    a_BH = tf.add(a_BH, layer.bias_1H);
    if (skips_BH) a_BH = tf.add(a_BH, skips_BH);
    const sigmoid_BH = tf.sigmoid(a_BH);
    const swish_BH = tf.mul(a_BH, sigmoid_BH);
    const slope_BH: Tensor2D = tf.add(sigmoid_BH, tf.mul(swish_BH, tf.sub(1, sigmoid_BH)));
    const centred_BH = tf.sub(swish_BH, tf.mean(swish_BH, 1, true));
    // Not rsqrt: its last bit depends on a user's place in the batch (packets against remainder); root and quotient are rounded exactly.
    const inverseDeviation_B1: Tensor2D = tf.div(1, tf.sqrt(tf.add(tf.mean(tf.square(centred_BH), 1, true), layerNormEps)));
    const normal_BH: Tensor2D = tf.mul(centred_BH, inverseDeviation_B1);
    h_BH = tf.add(tf.mul(normal_BH, layer.gain_1H), layer.shift_1H) as Tensor2D;
    skips_BH = skips_BH ? tf.add(skips_BH, h_BH) : h_BH;
    traces.push({ h_BH, normal_BH, inverseDeviation_B1, slope_BH });
  }
  const heads_B2L = tf.add(engine.matMul(h_BH!, weights.heads_2LH, false, true), weights.headsBias_12L) as Tensor2D;
  return { mu_BL: tf.slice2d(heads_B2L, [0, 0], [-1, latent]), logvar_BL: tf.slice2d(heads_B2L, [0, latent], [-1, latent]), traces };
}

/** Gradients of every tensor of the hidden group, and of the bag, from those of both heads. Call inside tf.tidy. */
export function encodeBackward(
  engine: Engine,
  weights: HiddenWeights,
  { traces }: Encoded,
  dMu_BL: Tensor2D,
  dLogvar_BL: Tensor2D,
): { gradients: Weights; dBag_BH: Float32Array } {
  const { tf } = engine;
  const { hidden, latent } = weights.config;
  const gradients: Weights = {};
  const put = (name: string, shape: number[], data: Float32Array) => {
    gradients[`encoder.${name}`] = { shape, data } satisfies Tensor;
  };
  const sumOverUsers = (d_BH: Tensor2D) => tf.sum(d_BH, 0).dataSync<"float32">();

  const dHeads_B2L = tf.concat([dMu_BL, dLogvar_BL], 1);
  const dHeadWeights = engine.matMul(dHeads_B2L, traces[4]!.h_BH, true, false).dataSync<"float32">();
  put("fc_mu.weight", [latent, hidden], dHeadWeights.subarray(0, latent * hidden));
  put("fc_logvar.weight", [latent, hidden], dHeadWeights.subarray(latent * hidden));
  put("fc_mu.bias", [latent], sumOverUsers(dMu_BL));
  put("fc_logvar.bias", [latent], sumOverUsers(dLogvar_BL));

  let d_BH = engine.matMul(dHeads_B2L, weights.heads_2LH); // gradient of h of the layer at hand
  let later_BH: Tensor2D | undefined; // sum of the gradients of the sums of all later layers: what reaches a layer through its skips
  for (let k = 5; k >= 1; k--) {
    const { weight_HH, gain_1H } = weights.layers[k - 1]!;
    const { normal_BH, inverseDeviation_B1, slope_BH } = traces[k - 1]!;
    const dTimesNormal_BH = tf.mul(d_BH, normal_BH) as Tensor2D;
    put(`ln${k}.weight`, [hidden], sumOverUsers(dTimesNormal_BH));
    put(`ln${k}.bias`, [hidden], sumOverUsers(d_BH));
    // LayerNorm: with dn = d * gain, ds = (dn - mean(dn) - n * mean(dn * n)) / deviation; both means are products with gain / H
    const meanGain_1H = tf.div(gain_1H, hidden) as Tensor2D;
    const mean_B1 = engine.matMul(d_BH, meanGain_1H, false, true);
    const meanWithNormal_B1 = engine.matMul(dTimesNormal_BH, meanGain_1H, false, true);
    const centred_BH = tf.sub(tf.mul(d_BH, gain_1H), tf.add(tf.mul(normal_BH, meanWithNormal_B1), mean_B1));
    const dSum_BH = tf.mul(tf.mul(centred_BH, inverseDeviation_B1), slope_BH) as Tensor2D;
    put(`fc${k}.bias`, [hidden], sumOverUsers(dSum_BH));
    if (!weight_HH) return { gradients, dBag_BH: dSum_BH.dataSync<"float32">() };
    put(`fc${k}.weight`, [hidden, hidden], engine.matMul(dSum_BH, traces[k - 2]!.h_BH, true, false).dataSync<"float32">());
    later_BH = later_BH ? tf.add(later_BH, dSum_BH) : dSum_BH;
    d_BH = tf.add(engine.matMul(dSum_BH, weight_HH), later_BH);
  }
  throw new Error("the first layer ends the loop");
}
