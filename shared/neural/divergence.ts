// The latent half of the loss: one sample, its KL term against the composite prior or the standard normal, and the
// gradient of both. Shapes: B users, L latent. Source: docs/design/recvae.md#sampling, #prior, #gradients.
import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Engine } from "../compute/engine.ts";
import type { Composite, Regulariser } from "./recipe.ts";

const log2Pi = Math.log(2 * Math.PI);

export interface Sampled {
  readonly mu_BL: Tensor2D;
  readonly logvar_BL: Tensor2D;
  readonly noise_BL: Tensor2D;
  /** Times the deviation. */
  readonly scaledNoise_BL: Tensor2D;
  readonly z_BL: Tensor2D;
}

/** z = mu + e * exp(logvar / 2). Call inside the scope of steps.ts. */
export function sample({ tf }: Engine, mu_BL: Tensor2D, logvar_BL: Tensor2D, noise_BL: Tensor2D): Sampled {
  const scaledNoise_BL = tf.mul(noise_BL, tf.exp(tf.mul(logvar_BL, 0.5))) as Tensor2D;
  return { mu_BL, logvar_BL, noise_BL, z_BL: tf.add(mu_BL, scaledNoise_BL), scaledNoise_BL };
}

/** What a KL term comes to, and what it makes of gradients. */
export interface Divergence {
  /** Of each user, before its weight; undefined where there is none. */
  readonly kl_B: Float32Array | undefined;
  /** Gradients of both heads, of that of z without the term; `weight_B1` is each user's weight of it. */
  heads(dz_BL: Tensor2D, weight_B1: Tensor2D): { dMu_BL: Tensor2D; dLogvar_BL: Tensor2D };
}

export interface OldPosterior {
  readonly mu_BL: Tensor2D;
  readonly logvar_BL: Tensor2D;
}

/** `old` is what the composite prior asks for. Call inside the scope of steps.ts. */
export function divergenceOf(
  engine: Engine,
  regulariser: Regulariser,
  sampled: Sampled,
  old?: OldPosterior,
): Divergence {
  switch (regulariser.kind) {
    case "composite":
      return compositeDivergence(engine, regulariser, sampled, old!);
    case "standard":
      return standardDivergence(engine, sampled);
    case "none":
      return {
        kl_B: undefined,
        heads: (dz_BL) => ({ dMu_BL: dz_BL, dLogvar_BL: throughNoise(engine, sampled, dz_BL) }),
      };
  }
}

/** The gradient of the log-variance by way of the spread of z. */
const throughNoise = ({ tf }: Engine, { scaledNoise_BL }: Sampled, dz_BL: Tensor2D) =>
  tf.mul(tf.mul(scaledNoise_BL, dz_BL), 0.5) as Tensor2D;

/** KL(q || N(0, 1)) in closed form: sum of (mu^2 + e^logvar - 1 - logvar) / 2. */
function standardDivergence(engine: Engine, sampled: Sampled): Divergence {
  const { tf } = engine;
  const { mu_BL, logvar_BL } = sampled;
  const variance_BL = tf.exp(logvar_BL);
  const twice_BL = tf.sub(tf.sub(tf.add(tf.square(mu_BL), variance_BL), 1), logvar_BL);
  return {
    kl_B: tf.sum(tf.mul(twice_BL, 0.5), 1).dataSync<"float32">(),
    heads: (dz_BL, weight_B1) => {
      const spread_BL = tf.mul(tf.sub(variance_BL, 1), tf.mul(weight_B1, 0.5));
      return {
        dMu_BL: tf.add(dz_BL, tf.mul(mu_BL, weight_B1)),
        dLogvar_BL: tf.add(throughNoise(engine, sampled, dz_BL), spread_BL),
      };
    },
  };
}

function compositeDivergence(engine: Engine, regulariser: Composite, sampled: Sampled, old: OldPosterior): Divergence {
  const { tf } = engine;
  const { kl_B, dz_BL } = divergence(engine, regulariser, sampled, old);
  return {
    kl_B,
    heads: (fromItems_BL, weight_B1) => {
      const g_BL = tf.add(fromItems_BL, tf.mul(dz_BL, weight_B1)) as Tensor2D;
      // mu: its direct way into log q cancels with the way through z. logvar: through z's spread, and log q's own -1/2.
      return { dMu_BL: g_BL, dLogvar_BL: tf.mul(tf.sub(tf.mul(sampled.scaledNoise_BL, g_BL), weight_B1), 0.5) };
    },
  };
}

/**
 * log q(z) - log p(z) of each user, summed over the latent dimensions, before its weight; and the gradient of -log p
 * with respect to z. The prior mixes three normals in every dimension: standard, old posterior, wide; a weight of 0
 * leaves one out, 1,0,0 is the Gaussian prior. Call inside the scope of steps.ts.
 */
function divergence(
  { tf }: Engine,
  prior: Composite,
  { z_BL, noise_BL, logvar_BL }: Sampled,
  old: OldPosterior,
): { kl_B: Float32Array; dz_BL: Tensor2D } {
  const squared_BL = tf.square(z_BL);
  const apart_BL = tf.sub(z_BL, old.mu_BL);
  const pastPull_BL = tf.mul(apart_BL, tf.exp(tf.neg(old.logvar_BL)));
  const widePrecision = Math.exp(-prior.wideLogVariance);

  // Of each component: logarithm of its density without the -ln(2 pi)/2 that all share, and the gradient of the
  // negative of it.
  const components = [
    { log_BL: tf.mul(squared_BL, -0.5), pull_BL: z_BL },
    { log_BL: tf.mul(tf.add(old.logvar_BL, tf.mul(apart_BL, pastPull_BL)), -0.5), pull_BL: pastPull_BL },
    {
      log_BL: tf.sub(tf.mul(squared_BL, -0.5 * widePrecision), 0.5 * prior.wideLogVariance),
      pull_BL: tf.mul(z_BL, widePrecision),
    },
  ].flatMap(({ log_BL, pull_BL }, k) => {
    const weight = prior.mixtureWeights[k]!;
    // left out, so that 0 times an infinity cannot arise
    return weight > 0 ? [{ log_BL: tf.add(log_BL, Math.log(weight)), pull_BL }] : [];
  });
  // taken out before exp: none overflows, one is 1
  const largest_BL = components.map(({ log_BL }) => log_BL).reduce((a, b) => tf.maximum(a, b));
  const shares = components.map(({ log_BL }) => tf.exp(tf.sub(log_BL, largest_BL)));
  const total_BL = tf.addN(shares);
  const logPrior_BL = tf.sub(tf.add(largest_BL, tf.log(total_BL)), 0.5 * log2Pi);
  // (z - mu)^2 / e^logvar is noise^2
  const logPosterior_BL = tf.mul(tf.add(tf.add(logvar_BL, log2Pi), tf.square(noise_BL)), -0.5);

  const pulls = components.map(({ pull_BL }, k) => tf.mul(pull_BL, shares[k]!));
  const dz_BL = tf.div(tf.addN(pulls), total_BL) as Tensor2D;
  return { kl_B: tf.sum(tf.sub(logPosterior_BL, logPrior_BL), 1).dataSync<"float32">(), dz_BL };
}
