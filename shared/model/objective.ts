// The latent half of the loss: one sample, its KL term against the composite prior, and the gradient of both. Shapes: B users, L latent. Source: spec/recvae.md 1.2, 1.5, 1.6.
import type { Tensor2D } from "@tensorflow/tfjs";
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
 * The prior mixes three normals in every dimension: standard, old posterior, wide. Call inside tf.tidy.
 */
export function divergence(
  { tf }: Engine,
  config: ModelConfig,
  { z_BL, noise_BL, logvar_BL }: { z_BL: Tensor2D; noise_BL: Tensor2D; logvar_BL: Tensor2D },
  old: { mu_BL: Tensor2D; logvar_BL: Tensor2D },
): { kl_B: Float32Array; dz_BL: Tensor2D } {
  const [standard, past, wide] = config.mixtureWeights.map(Math.log) as [number, number, number];
  const squared_BL = tf.square(z_BL);
  const precision_BL = tf.exp(tf.neg(old.logvar_BL));
  const widePrecision = Math.exp(-config.wideLogVariance);
  const apart_BL = tf.sub(z_BL, old.mu_BL);
  const pull_BL = tf.mul(apart_BL, precision_BL);

  // Logarithm of weight times density of each component, without the -ln(2 pi)/2 that they share.
  const logs = [
    tf.add(tf.mul(squared_BL, -0.5), standard),
    tf.add(tf.mul(tf.add(old.logvar_BL, tf.mul(apart_BL, pull_BL)), -0.5), past),
    tf.add(tf.mul(squared_BL, -0.5 * widePrecision), wide - 0.5 * config.wideLogVariance),
  ] as const;
  const largest_BL = tf.maximum(tf.maximum(logs[0], logs[1]), logs[2]); // taken out before exp: none overflows, one is 1
  const [a, b, c] = [tf.exp(tf.sub(logs[0], largest_BL)), tf.exp(tf.sub(logs[1], largest_BL)), tf.exp(tf.sub(logs[2], largest_BL))];
  const total_BL = tf.addN([a, b, c]);
  const logPrior_BL = tf.sub(tf.add(largest_BL, tf.log(total_BL)), 0.5 * log2Pi);
  const logPosterior_BL = tf.mul(tf.add(tf.add(logvar_BL, log2Pi), tf.square(noise_BL)), -0.5); // (z - mu)^2 / e^logvar is noise^2

  const fromCentre_BL = tf.mul(z_BL, tf.add(a, tf.mul(c, widePrecision)));
  const dz_BL = tf.div(tf.add(fromCentre_BL, tf.mul(b, pull_BL)), total_BL) as Tensor2D;
  return { kl_B: tf.sum(tf.sub(logPosterior_BL, logPrior_BL), 1).dataSync<"float32">(), dz_BL };
}
