// RecVAE's encoder behind its first layer: five hidden layers with additive skips and LayerNorm, two heads; and its
// backward pass, derived by hand.
// Shapes: B users, H hidden, L latent. Source: docs/design/recvae.md#encoder. The first layer's product is the bag
// (bag.ts) and comes from outside. Products are the engine's, what stands between them the kernels'.
import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Engine } from "../compute/engine.ts";
import type { LayerTrace, LayerVectors } from "../compute/kernels/kernels.ts";
import { compact, placeRows, type Rows, rows, strideOf } from "../compute/kernels/rows.ts";
import type { Encoded, HiddenWeights } from "./encoder.ts";
import type { Tensor, Weights } from "./parameters.ts";
import type { Recipe } from "./recipe.ts";

interface Sizes {
  readonly hidden: number;
  readonly latent: number;
  readonly layerNormEps: number;
}

interface Layer {
  /** Absent in the first layer, whose product is the bag. */
  readonly weight_HH: Tensor2D | undefined;
  /** Views of the weights. */
  readonly vectors: LayerVectors;
}

/** The hidden group on the engine. */
interface ResidualWeights extends Sizes {
  readonly layers: readonly Layer[];
  /** Both heads below each other: one product instead of two. */
  readonly heads_2LH: Tensor2D;
  readonly headsBias_12L: Tensor2D;
  /**
   * What the products take, turned, made when it is first asked for: the same bits in a third of the time for a few
   * users, which pays where weights serve more than one part.
   */
  transposed(): Transposed;
}

interface Transposed {
  /** Of each layer but the first. */
  readonly layers_HH: readonly (Tensor2D | undefined)[];
  readonly heads_H2L: Tensor2D;
}

/** See encoder.ts. */
export function uploadResidual(engine: Engine, config: Recipe, sizes: Sizes, weights: Weights): HiddenWeights {
  const { hidden, latent } = sizes;
  const data = (name: string) => {
    const tensor = weights[`encoder.${name}`];
    if (!tensor) throw new Error(`the hidden group lacks encoder.${name}`);
    return tensor.data;
  };
  const layers = [1, 2, 3, 4, 5].map((k) => ({
    weight_HH: k === 1 ? undefined : engine.tf.tensor2d(data(`fc${k}.weight`), [hidden, hidden]),
    vectors: { bias: data(`fc${k}.bias`), gain: data(`ln${k}.weight`), shift: data(`ln${k}.bias`) },
  }));
  const heads_2LH = engine.tf.tensor2d(joined(data("fc_mu.weight"), data("fc_logvar.weight")), [2 * latent, hidden]);
  const headsBias_12L = engine.tf.tensor2d(joined(data("fc_mu.bias"), data("fc_logvar.bias")), [1, 2 * latent]);
  const all = [heads_2LH, headsBias_12L, ...layers.flatMap(({ weight_HH }) => weight_HH ?? [])];
  const turn = (matrix: Tensor2D) => {
    const turned = engine.tf.keep(engine.tf.transpose(matrix)); // it outlives the scope of the part that asks
    all.push(turned);
    return turned;
  };
  let transposed: Transposed | undefined;
  const uploaded: ResidualWeights = {
    ...sizes,
    layers,
    heads_2LH,
    headsBias_12L,
    transposed: () => {
      transposed ??= {
        layers_HH: layers.map(({ weight_HH }) => weight_HH && turn(weight_HH)),
        heads_H2L: turn(heads_2LH),
      };
      return transposed;
    },
  };
  return {
    config,
    encode: (bag_BH, serveMore) => encode(engine, uploaded, bag_BH, serveMore),
    dispose: () => engine.tf.dispose(all),
  };
}

function joined(a: Float32Array, b: Float32Array): Float32Array {
  const both = new Float32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** What the backward pass of a layer needs of its forward pass. */
interface Trace extends LayerTrace {
  readonly h_BH: Tensor2D;
  readonly vectors: LayerVectors;
}

/** Traces lie in borrowed memory. Linear, then skips, then swish, then LayerNorm, in this order. */
function encode(engine: Engine, weights: ResidualWeights, bag_BH: Float32Array, serveMore: boolean): Encoded {
  const { tf, kernels } = engine;
  const { memory } = kernels;
  const { hidden, latent, layerNormEps } = weights;
  const users = bag_BH.length / hidden;
  const room = () => ({
    data: memory.floats(users * strideOf(hidden)),
    count: users,
    width: hidden,
    stride: strideOf(hidden),
  });
  const skips = rows(memory, users, hidden);
  const turned = serveMore ? weights.transposed() : undefined;
  const times = (h_BH: Tensor2D, weight: Tensor2D, transposed: Tensor2D | undefined) =>
    transposed ? engine.matMul(h_BH, transposed) : engine.matMul(h_BH, weight, false, true);
  const traces: Trace[] = [];
  for (const [k, { weight_HH, vectors }] of weights.layers.entries()) {
    const before = traces.at(-1);
    const product =
      weight_HH && before ? times(before.h_BH, weight_HH, turned?.layers_HH[k]).dataSync<"float32">() : bag_BH;
    const trace = {
      h: placeRows(memory, product, hidden),
      normal: room(),
      slope: room(),
      inverse: memory.floats(users),
    };
    const padded = { bias: vector(vectors.bias), gain: vector(vectors.gain), shift: vector(vectors.shift) };
    kernels.layer(trace, skips, padded, layerNormEps);
    traces.push({ ...trace, vectors: padded, h_BH: tf.tensor2d(compact(trace.h), [users, hidden]) });
  }
  function vector(values: Float32Array): Float32Array {
    return placeRows(memory, values, hidden).data;
  }
  const heads_B2L = tf.add(
    times(traces[4]!.h_BH, weights.heads_2LH, turned?.heads_H2L),
    weights.headsBias_12L,
  ) as Tensor2D;
  return {
    code_BL: tf.slice2d(heads_B2L, [0, 0], [-1, latent]),
    logvar_BL: tf.slice2d(heads_B2L, [0, latent], [-1, latent]),
    backward: (dMu_BL, dLogvar_BL) => encodeBackward(engine, weights, traces, dMu_BL, dLogvar_BL!),
  };
}

function encodeBackward(
  engine: Engine,
  weights: ResidualWeights,
  traces: readonly Trace[],
  dMu_BL: Tensor2D,
  dLogvar_BL: Tensor2D,
): { gradients: Weights; dBag_BH: Float32Array } {
  const { tf, kernels } = engine;
  const { hidden, latent } = weights;
  const gradients: Weights = {};
  const put = (name: string, shape: number[], data: Float32Array) => {
    gradients[`encoder.${name}`] = { shape, data } satisfies Tensor;
  };

  const dHeads_B2L = tf.concat([dMu_BL, dLogvar_BL], 1);
  const dHeadWeights = engine.matMul(dHeads_B2L, traces[4]!.h_BH, true, false).dataSync<"float32">();
  put("fc_mu.weight", [latent, hidden], dHeadWeights.subarray(0, latent * hidden));
  put("fc_logvar.weight", [latent, hidden], dHeadWeights.subarray(latent * hidden));
  put("fc_mu.bias", [latent], tf.sum(dMu_BL, 0).dataSync<"float32">());
  put("fc_logvar.bias", [latent], tf.sum(dLogvar_BL, 0).dataSync<"float32">());

  // gradient of h of the layer at hand, but for what comes through the skips
  let d_BH = engine.matMul(dHeads_B2L, weights.heads_2LH);
  // sum of the gradients of the sums of all later layers: what reaches a layer through its skips
  const later: Rows = rows(kernels.memory, d_BH.shape[0], hidden);
  for (let k = 5; k >= 1; k--) {
    const { weight_HH } = weights.layers[k - 1]!;
    const trace = traces[k - 1]!;
    const d = placeRows(kernels.memory, d_BH.dataSync<"float32">(), hidden);
    const { gain, shift, bias } = kernels.layerBackward(trace, d, later, trace.vectors.gain);
    put(`ln${k}.weight`, [hidden], gain);
    put(`ln${k}.bias`, [hidden], shift);
    put(`fc${k}.bias`, [hidden], bias);
    const dSum = compact(d);
    if (!weight_HH) return { gradients, dBag_BH: dSum };
    const dSum_BH = tf.tensor2d(dSum, d_BH.shape);
    put(
      `fc${k}.weight`,
      [hidden, hidden],
      engine.matMul(dSum_BH, traces[k - 2]!.h_BH, true, false).dataSync<"float32">(),
    );
    d_BH = engine.matMul(dSum_BH, weight_HH);
  }
  throw new Error("the first layer ends the loop");
}
