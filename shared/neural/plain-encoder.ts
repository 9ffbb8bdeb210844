// An encoder of plain layers behind its first product, as Mult-VAE, Mult-DAE and CDAE have one: tanh layers, then,
// where a latent is sampled, one linear layer whose first half is the mean and whose second the log-variance. Shapes: B
// users, H width of the bag, L latent. Source: docs/design/baselines.md#mult-vae.
import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Engine } from "../compute/engine.ts";
import type { Encoded, HiddenWeights } from "./encoder.ts";
import { backward, forward, put, slopes, squashed, uploadLayers } from "./layers.ts";
import { encoderLayers, type Weights } from "./parameters.ts";
import type { Recipe } from "./recipe.ts";

interface Sizes {
  readonly widths: readonly number[];
  /** Null: the last tanh layer is what goes on to the decoder. */
  readonly latent: number | null;
}

/** See encoder.ts. */
export function uploadPlain(
  engine: Engine,
  config: Recipe,
  { widths, latent }: Sizes,
  weights: Weights,
): HiddenWeights {
  const { tf } = engine;
  const names = encoderLayers(widths, latent);
  const first = names[0]!;
  const bias = weights[`${first}.bias`]!.data;
  if (widths.length === 0) return headsAlone(engine, config, latent!, first, bias);
  const layers = uploadLayers(engine, names.slice(1, widths.length), weights);
  const [heads] = uploadLayers(engine, names.slice(widths.length), weights);
  const headsBias_12L = heads && tf.tensor2d(heads.bias, [1, heads.bias.length]);

  function encode(bag_BH: Float32Array): Encoded {
    const input_BH = squashed(engine, bag_BH, bias);
    const outputs = forward(engine, layers, input_BH);
    const last = outputs.at(-1) ?? input_BH;
    const heads_B2L =
      heads && headsBias_12L && (tf.add(engine.matMul(last, heads.weight, false, true), headsBias_12L) as Tensor2D);
    const half = (k: number) => tf.slice2d(heads_B2L!, [0, k * latent!], [-1, latent!]);
    return {
      code_BL: heads_B2L ? half(0) : last,
      logvar_BL: heads_B2L && half(1),
      backward: (dCode_BL, dLogvar_BL) => {
        const gradients: Weights = {};
        let d = dCode_BL;
        if (heads) {
          const dHeads_B2L = tf.concat([dCode_BL, dLogvar_BL!], 1);
          put(engine, gradients, heads.name, dHeads_B2L, last);
          d = engine.matMul(dHeads_B2L, heads.weight);
        }
        const dBag_BH = slopes(engine, backward(engine, layers, input_BH, outputs, d, gradients), input_BH);
        gradients[`${first}.bias`] = { shape: [bias.length], data: tf.sum(dBag_BH, 0).dataSync<"float32">() };
        return { gradients, dBag_BH: dBag_BH.dataSync<"float32">() };
      },
    };
  }
  return {
    config,
    encode,
    dispose: () =>
      tf.dispose([...layers, ...(heads ? [heads] : [])].map(({ weight }) => weight).concat(headsBias_12L ?? [])),
  };
}

/** Without a tanh layer: the first product is that of the heads. */
function headsAlone({ tf }: Engine, config: Recipe, latent: number, name: string, bias: Float32Array): HiddenWeights {
  const bias_12L = tf.tensor2d(bias, [1, bias.length]);
  return {
    config,
    encode: (bag_BH) => {
      const heads_B2L = tf.add(tf.tensor2d(bag_BH, [bag_BH.length / bias.length, bias.length]), bias_12L) as Tensor2D;
      return {
        code_BL: tf.slice2d(heads_B2L, [0, 0], [-1, latent]),
        logvar_BL: tf.slice2d(heads_B2L, [0, latent], [-1, latent]),
        backward: (dCode_BL, dLogvar_BL) => {
          const dHeads_B2L = tf.concat([dCode_BL, dLogvar_BL!], 1);
          const dBias = { shape: [bias.length], data: tf.sum(dHeads_B2L, 0).dataSync<"float32">() };
          return { gradients: { [`${name}.bias`]: dBias }, dBag_BH: dHeads_B2L.dataSync<"float32">() };
        },
      };
    },
    dispose: () => bias_12L.dispose(),
  };
}
