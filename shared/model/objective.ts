// The latent half of the loss: one sample, its KL term against the composite prior, and the gradient of both. Shapes: B users, L latent. Source: spec/recvae.md 1.2, 1.5, 1.6.
import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Engine } from "../engine/engine.ts";
import type { ModelConfig } from "./config.ts";

const log2Pi = Math.log(2 * Math.PI);

/** z = mu + e * exp(logvar / 2). Call inside tf.tidy. */
export function sample(
  { tf }: Engine,
  mu_BL: Tensor2D,
  logvar_BL: Tensor2D,
  noise_BL: Tensor2D,
): { z_BL: Tensor2D; scaledNoise_BL: Tensor2D } {
  const scaledNoise_BL = tf.mul(noise_BL, tf.exp(tf.mul(logvar_BL, 0.5))) as Tensor2D;
  return { z_BL: tf.add(mu_BL, scaledNoise_BL), scaledNoise_BL };
}

/**
 * log q(z) - log p(z) of each user, summed over the latent dimensions, before its weight; and the gradient of -log p with respect to z.
 * The prior mixes three normals in every dimension: standard, old posterior, wide; a weight of 0 leaves one out, 1,0,0 is the Gaussian prior. Call inside tf.tidy.
 */
export function divergence(
  { tf }: Engine,
  config: ModelConfig,
  { z_BL, noise_BL, logvar_BL }: { z_BL: Tensor2D; noise_BL: Tensor2D; logvar_BL: Tensor2D },
  old: { mu_BL: Tensor2D; logvar_BL: Tensor2D },
): { kl_B: Float32Array; dz_BL: Tensor2D } {
  const squared_BL = tf.square(z_BL);
  const apart_BL = tf.sub(z_BL, old.mu_BL);
  const pastPull_BL = tf.mul(apart_BL, tf.exp(tf.neg(old.logvar_BL)));
  const widePrecision = Math.exp(-config.wideLogVariance);

  // Of each component: logarithm of its density without the -ln(2 pi)/2 that all share, and the gradient of the negative of it.
  const components = [
    { log_BL: tf.mul(squared_BL, -0.5), pull_BL: z_BL },
    { log_BL: tf.mul(tf.add(old.logvar_BL, tf.mul(apart_BL, pastPull_BL)), -0.5), pull_BL: pastPull_BL },
    { log_BL: tf.sub(tf.mul(squared_BL, -0.5 * widePrecision), 0.5 * config.wideLogVariance), pull_BL: tf.mul(z_BL, widePrecision) },
  ].flatMap(({ log_BL, pull_BL }, k) => {
    const weight = config.mixtureWeights[k]!;
    return weight > 0 ? [{ log_BL: tf.add(log_BL, Math.log(weight)), pull_BL }] : []; // left out, so that 0 times an infinity cannot arise
  });
  const largest_BL = components.map(({ log_BL }) => log_BL).reduce((a, b) => tf.maximum(a, b)); // taken out before exp: none overflows, one is 1
  const shares = components.map(({ log_BL }) => tf.exp(tf.sub(log_BL, largest_BL)));
  const total_BL = tf.addN(shares);
  const logPrior_BL = tf.sub(tf.add(largest_BL, tf.log(total_BL)), 0.5 * log2Pi);
  const logPosterior_BL = tf.mul(tf.add(tf.add(logvar_BL, log2Pi), tf.square(noise_BL)), -0.5); // (z - mu)^2 / e^logvar is noise^2

  const pulls = components.map(({ pull_BL }, k) => tf.mul(pull_BL, shares[k]!));
  const dz_BL = tf.div(tf.addN(pulls), total_BL) as Tensor2D;
  return { kl_B: tf.sum(tf.sub(logPosterior_BL, logPrior_BL), 1).dataSync<"float32">(), dz_BL };
}
