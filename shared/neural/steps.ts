// The arithmetic of a part with products on the engine and our kernels between them, step by step: an encoder's, a
// decoder's, a critic's, posteriors, scores. Above kernel-network.ts. Shapes: B users, I items, H hidden, L latent.
import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Engine } from "../compute/engine.ts";
import {
  columnOf,
  type DecoderWeights,
  decode,
  gradientOfCode,
  gradientOfDecoder,
  gradientOfLast,
  logitsOf,
} from "./decoder.ts";
import { divergenceOf, type Sampled, sample } from "./divergence.ts";
import type { Encoded, HiddenWeights } from "./encoder.ts";
import { type Likelihood, likelihoodOf, weighed } from "./likelihoods.ts";
import type {
  CriticPart,
  CriticResult,
  DecoderPart,
  DecoderResult,
  EncoderPart,
  EncoderResult,
  Part,
  Posterior,
} from "./network.ts";
import type { Weights } from "./parameters.ts";
import { critique } from "./ract.ts";
import { bagWidth, klWeightOf, latentOf, type Recipe } from "./recipe.ts";

/** Mean and log-variance of each user's posterior. Throws where nothing is sampled. */
export function posterior(engine: Engine, hidden: HiddenWeights, bag_BH: Float32Array): Posterior {
  return scope(engine, () => {
    const found = posteriorOf(hidden.encode(bag_BH, false));
    if (!found) throw new Error("a model without a latent has no posterior");
    return found;
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
  const recipe = hidden.config;
  const share = 1 / part.batchSize;
  const klWeights = part.rows.map((row) => klWeightOf(recipe, row.length, part.beta ?? 0));
  return scope(engine, () => {
    const encoded = hidden.encode(part.bag_BH, false);
    const sampled = sampleOf(engine, hidden, encoded, part);
    const decoded = decode(engine, decoder, sampled?.z_BL ?? encoded.code_BL);
    part.sectionDone?.("hiddenForward");
    const logits_BI = logitsOf(engine, decoder, decoded.last_BD, !joint);
    const judge = part.forCritic && judging(logits_BI, part.forCritic, recipe, share);
    const unweighed = likelihoodOf(engine, recipe.likelihood, logits_BI, part.rows, part.sectionDone);
    const ofCritic = judge?.(unweighed);
    const likelihood = ofCritic ? weighed(engine, unweighed, ofCritic.weights_B) : unweighed;
    const latent = (values: Float32Array) => table(engine, values, latentOf(hidden.config));
    const old = part.old && { mu_BL: latent(part.old.mu_BL), logvar_BL: latent(part.old.logvar_BL) };
    const divergence = sampled && divergenceOf(engine, recipe.regulariser, sampled, old);
    part.sectionDone?.("kl");
    const dLast_BD = gradientOfLast(engine, decoder, { likelihood, share });
    part.sectionDone?.("dz");
    const ofDecoder: Weights = joint ? gradientOfDecoder(engine, decoder, { likelihood, share }, decoded.last_BD) : {};
    const dCode_BL = gradientOfCode(engine, decoder, decoded, dLast_BD, joint ? ofDecoder : undefined);
    if (joint) part.sectionDone?.("dW");
    likelihood.expected_BI.dispose();
    const klShare_B1 = tf.mul(columnOf(engine, klWeights), share) as Tensor2D;
    const heads = divergence?.heads(dCode_BL, klShare_B1) ?? { dMu_BL: dCode_BL, dLogvar_BL: undefined };
    const { gradients, dBag_BH } = encoded.backward(heads.dMu_BL, heads.dLogvar_BL);
    part.sectionDone?.("hiddenBackward");
    const kl = divergence?.kl_B?.reduce((sum, value, user) => sum + value * klWeights[user]!, 0) ?? 0;
    return {
      gradients: { ...gradients, ...ofDecoder, ...ofCritic?.gradients },
      dBag_BH,
      reconstruction: -sumOf(likelihood.log_B) * share,
      kl: kl * share,
    };
  });
}

/** No KL term and no backward pass of the encoder: neither touches the decoder. z is sampled here too. */
export function decoderPart(
  engine: Engine,
  hidden: HiddenWeights,
  decoder: DecoderWeights,
  part: DecoderPart,
): DecoderResult {
  const share = 1 / part.batchSize;
  return scope(engine, () => {
    const encoded = hidden.encode(part.bag_BH, false);
    const decoded = decode(engine, decoder, sampleOf(engine, hidden, encoded, part)?.z_BL ?? encoded.code_BL);
    const posterior = posteriorOf(encoded);
    part.sectionDone?.("hiddenForward");
    const logits_BI = logitsOf(engine, decoder, decoded.last_BD, false);
    const likelihood = likelihoodOf(engine, hidden.config.likelihood, logits_BI, part.rows, part.sectionDone);
    const gradients = gradientOfDecoder(engine, decoder, { likelihood, share }, decoded.last_BD);
    if (decoder.layers.length > 0)
      gradientOfCode(engine, decoder, decoded, gradientOfLast(engine, decoder, { likelihood, share }), gradients);
    part.sectionDone?.("dW");
    return { gradients, posterior, reconstruction: -sumOf(likelihood.log_B) * share };
  });
}

/** Gradients of the critic alone: the network stays as it is, and is asked no gradient. */
export function criticPart(
  engine: Engine,
  hidden: HiddenWeights,
  decoder: DecoderWeights,
  part: CriticPart,
): CriticResult {
  const share = 1 / part.batchSize;
  const recipe = hidden.config;
  return scope(engine, () => {
    const encoded = hidden.encode(part.bag_BH, false);
    const decoded = decode(engine, decoder, sampleOf(engine, hidden, encoded, part)?.z_BL ?? encoded.code_BL);
    part.sectionDone?.("hiddenForward");
    const logits_BI = logitsOf(engine, decoder, decoded.last_BD, true);
    const judge = judging(logits_BI, part, recipe, share);
    const likelihood = likelihoodOf(engine, recipe.likelihood, logits_BI, part.rows, part.sectionDone);
    return { gradients: judge(likelihood).gradients, reconstruction: -sumOf(likelihood.log_B) * share };
  });
}

/**
 * What the critic says of a part, as the part's share of its batch. The scores are read at once: the likelihood
 * disposes of them.
 */
function judging(
  logits_BI: Tensor2D,
  { critic, splits }: Pick<CriticPart, "critic" | "splits">,
  recipe: Recipe,
  share: number,
) {
  const scores_BI = logits_BI.dataSync<"float32">();
  return ({ log_B }: Likelihood): { gradients: Weights; weights_B: Float64Array } => {
    const nll_B = log_B.map((log) => -log);
    const { gradients, dNll_B } = critique(critic, scores_BI, splits, nll_B, recipe.critic?.l2 ?? 0);
    const ofPart = splits.length * share; // what the part's means weigh in the batch's
    for (const { data } of Object.values(gradients)) for (let k = 0; k < data.length; k++) data[k]! *= ofPart;
    return { gradients, weights_B: dNll_B.map((d) => d * splits.length) };
  };
}

/** A sample of each user's latent, by the part's draws; undefined where nothing is sampled. */
function sampleOf(
  engine: Engine,
  { config }: HiddenWeights,
  { code_BL, logvar_BL }: Encoded,
  { noise_BL }: Part,
): Sampled | undefined {
  return logvar_BL && sample(engine, code_BL, logvar_BL, table(engine, noise_BL, latentOf(config)));
}

const posteriorOf = ({ code_BL, logvar_BL }: Encoded): Posterior | undefined =>
  logvar_BL && { mu_BL: code_BL.dataSync<"float32">(), logvar_BL: logvar_BL.dataSync<"float32">() };

/**
 * Scores `[B, I]`, logits where the likelihood is multinomial, at the posterior's mean. A user of whom nothing is known
 * (a bag of zeros: no item, or only items never trained) gets the decoder's bias.
 */
export function score(
  engine: Engine,
  hidden: HiddenWeights,
  decoder: DecoderWeights,
  bag_BH: Float32Array,
): Float32Array {
  const { tf } = engine;
  const width = bagWidth(hidden.config);
  const users = bag_BH.length / width;
  if (filled(users) > users) {
    const among_BH = new Float32Array(filled(users) * width);
    among_BH.set(bag_BH);
    return score(engine, hidden, decoder, among_BH).subarray(0, users * decoder.bias_1I.size);
  }
  const hasItems = Array.from({ length: users }, (_, user) =>
    bag_BH.subarray(user * width, (user + 1) * width).some((value) => value !== 0) ? 1 : 0,
  );
  return scope(engine, () => {
    const { last_BD } = decode(engine, decoder, hidden.encode(bag_BH, true).code_BL);
    return logitsOf(engine, decoder, tf.mul(last_BD, columnOf(engine, hasItems)), true).dataSync<"float32">();
  });
}

/**
 * As many rows as have the same bits whoever else is among them, rows of nobody included. TensorFlow's products take
 * six rows at a time on CPUs with AVX2, and one to three that are left over go a way that adds in another order; with
 * AVX-512 a single row does (measured by test/unit/scoring.test.ts).
 */
const filled = (rows: number): number => rows + [0, 3, 2, 1, 0, 0][rows % 6]!;

const table = ({ tf }: Engine, values: Float32Array, columns: number) =>
  tf.tensor2d(values, [values.length / columns, columns]);
const sumOf = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0);

/**
 * Gives back tensors and kernels' memory. tf.tidy would look for tensors in what its body returns, number by number;
 * these results are plain arrays of millions.
 */
function scope<T>({ tf, kernels }: Engine, body: () => T): T {
  tf.engine().startScope();
  try {
    return kernels.memory.borrowed(body);
  } finally {
    tf.engine().endScope();
  }
}
