// What a trainer computes: a part of an encoder step, a part of a decoder step, posteriors, scores. Arrays in, arrays out; weights are uploaded apart from that.
// Every gradient is the part's share of its batch's mean, so the parts of a step ADD UP to the gradient of the step. Shapes: B users, I items, H hidden, L latent.
import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Engine } from "../engine/engine.ts";
import { klWeight } from "./config.ts";
import { columnOf, type DecoderWeights, decode, gradientOfDecoder, gradientOfLatent, likelihood } from "./decoder.ts";
import { encode, encodeBackward, type HiddenWeights } from "./encoder.ts";
import { divergence, sample } from "./objective.ts";
import type { Lap } from "./laps.ts";
import type { Weights } from "./parameters.ts";

export interface Posterior {
  /** `[B, L]` */
  readonly mu_BL: Float32Array;
  readonly logvar_BL: Float32Array;
}

interface Part {
  /** First layer's product, from bag.ts: with dropout in encoder steps, without in decoder steps. */
  readonly bag_BH: Float32Array;
  /** Items of each user, whole rows. */
  readonly rows: readonly Int32Array[];
  /** Standard normal draws, `[B, L]`. */
  readonly noise_BL: Float32Array;
  /** Users of the whole batch, of which this part holds some. */
  readonly batchSize: number;
  readonly lap?: Lap;
}

export interface EncoderPart extends Part {
  /** What the old encoder says of these users, without dropout. It doesn't change within an outer epoch. */
  readonly old: Posterior;
}
export type DecoderPart = Part;

export interface EncoderResult {
  /** Of every tensor of the hidden group; in a joint step of the decoder group too. */
  readonly gradients: Weights;
  /** Gradient of the bag, `[B, H]`, for the step of the first layer. */
  readonly dBag_BH: Float32Array;
  /** Negative log-likelihood, summed over the part's users, divided by the batch size. */
  readonly reconstruction: number;
  /** Weighted KL term, summed and divided alike. */
  readonly kl: number;
}

export interface DecoderResult extends Posterior {
  /** Of both tensors of the decoder group. */
  readonly gradients: Weights;
  readonly reconstruction: number;
}

/** Mean and log-variance of each user's posterior. */
export function posterior(engine: Engine, hidden: HiddenWeights, bag_BH: Float32Array): Posterior {
  return scope(engine, () => {
    const { mu_BL, logvar_BL } = encode(engine, hidden, bag_BH);
    return { mu_BL: mu_BL.dataSync<"float32">(), logvar_BL: logvar_BL.dataSync<"float32">() };
  });
}

/** With `joint` the decoder's gradients come along, from the same sample. */
export function encoderPart(
  engine: Engine,
  hidden: HiddenWeights,
  decoder: DecoderWeights,
  part: EncoderPart,
  joint = false,
): EncoderResult {
  const { tf } = engine;
  const { config } = hidden;
  const share = 1 / part.batchSize;
  const klWeights = part.rows.map((row) => klWeight(config, row.length));
  return scope(engine, () => {
    const latent = (values: Float32Array) => table(engine, values, config.latent);
    const encoded = encode(engine, hidden, part.bag_BH);
    const noise_BL = latent(part.noise_BL);
    const { z_BL, scaledNoise_BL } = sample(engine, encoded.mu_BL, encoded.logvar_BL, noise_BL);
    part.lap?.("hiddenForward");
    const known = likelihood(engine, decoder, z_BL, part.rows, !joint, part.lap);
    const old = { mu_BL: latent(part.old.mu_BL), logvar_BL: latent(part.old.logvar_BL) };
    const { kl_B, dz_BL } = divergence(engine, config, { z_BL, noise_BL, logvar_BL: encoded.logvar_BL }, old);

    part.lap?.("kl");

    const klShare_B1 = tf.mul(columnOf(engine, klWeights), share) as Tensor2D;
    const fromItems_BL = gradientOfLatent(engine, decoder, known.softmax_BI, part.rows, share);
    part.lap?.("dz");
    const ofDecoder = joint ? gradientOfDecoder(engine, known.softmax_BI, z_BL, part.rows, share) : {};
    if (joint) part.lap?.("dW");
    known.softmax_BI.dispose();
    const g_BL = tf.add(fromItems_BL, tf.mul(dz_BL, klShare_B1)) as Tensor2D;
    // mu: its direct way into log q cancels with the way through z. logvar: through z's spread, and log q's own -1/2.
    const dLogvar_BL = tf.mul(tf.sub(tf.mul(scaledNoise_BL, g_BL), klShare_B1), 0.5) as Tensor2D;
    const { gradients, dBag_BH } = encodeBackward(engine, hidden, encoded, g_BL, dLogvar_BL);
    part.lap?.("hiddenBackward");
    const kl = kl_B.reduce((sum, value, user) => sum + value * klWeights[user]!, 0) * share;
    return { gradients: { ...gradients, ...ofDecoder }, dBag_BH, reconstruction: -sumOf(known.log_B) * share, kl };
  });
}

/** No KL term and no backward pass of the encoder: neither touches the decoder. z is sampled here too. */
export function decoderPart(engine: Engine, hidden: HiddenWeights, decoder: DecoderWeights, part: DecoderPart): DecoderResult {
  const { config } = hidden;
  const share = 1 / part.batchSize;
  return scope(engine, () => {
    const { mu_BL, logvar_BL } = encode(engine, hidden, part.bag_BH);
    const { z_BL } = sample(engine, mu_BL, logvar_BL, table(engine, part.noise_BL, config.latent));
    const posterior = { mu_BL: mu_BL.dataSync<"float32">(), logvar_BL: logvar_BL.dataSync<"float32">() };
    part.lap?.("hiddenForward");
    const known = likelihood(engine, decoder, z_BL, part.rows, false, part.lap);
    const gradients = gradientOfDecoder(engine, known.softmax_BI, z_BL, part.rows, share);
    part.lap?.("dW");
    return { gradients, ...posterior, reconstruction: -sumOf(known.log_B) * share };
  });
}

/** Logits `[B, I]` at the posterior's mean. A user of whom nothing is known (a bag of zeros: no item, or only items never trained) gets the decoder's bias. */
export function score(engine: Engine, hidden: HiddenWeights, decoder: DecoderWeights, bag_BH: Float32Array): Float32Array {
  const { tf } = engine;
  const width = hidden.config.hidden;
  if (bag_BH.length === width) {
    // A product with one row goes another way through TensorFlow and adds in another order. Beside itself a row has the bits that it has among others.
    const pair_BH = new Float32Array(2 * width);
    pair_BH.set(bag_BH);
    pair_BH.set(bag_BH, width);
    return score(engine, hidden, decoder, pair_BH).subarray(0, decoder.bias_1I.size);
  }
  const known = Array.from({ length: bag_BH.length / width }, (_, user) =>
    bag_BH.subarray(user * width, (user + 1) * width).some((value) => value !== 0) ? 1 : 0,
  );
  return scope(engine, () => {
    const { mu_BL } = encode(engine, hidden, bag_BH, true);
    return decode(engine, decoder, tf.mul(mu_BL, columnOf(engine, known)), true).dataSync<"float32">();
  });
}

const table = ({ tf }: Engine, values: Float32Array, columns: number) => tf.tensor2d(values, [values.length / columns, columns]);
const sumOf = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0);

/** Gives back tensors and kernels' memory. tf.tidy would look for tensors in what its body returns, number by number; these results are plain arrays of millions. */
function scope<T>({ tf, kernels }: Engine, body: () => T): T {
  tf.engine().startScope();
  try {
    return kernels.memory.borrowed(body);
  } finally {
    tf.engine().endScope();
  }
}
