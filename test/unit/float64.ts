// The loss of one batch as docs/design/recvae.md writes it, number by number in float64 and with nothing of ours: what
// finite differences are taken of.

import type { Posterior } from "../../shared/neural/network.ts";
import { embeddingName, type Weights } from "../../shared/neural/parameters.ts";
import type { ModelConfig } from "../../shared/systems/recvae/settings.ts";
import type { Batch } from "./recvae.ts";

/** Numbers of each tensor; a Float64Array keeps a small change that float32 would round away. */
export type Weights64 = Record<string, Float64Array>;

export const inFloat64 = (weights: Weights): Weights64 =>
  Object.fromEntries(Object.entries(weights).map(([name, { data }]) => [name, Float64Array.from(data)]));

export function lossOf(
  config: ModelConfig,
  weights: Weights64,
  old: Posterior,
  { rows, values, noise_BL }: Batch,
): number {
  const { latent, items } = config;
  let total = 0;
  rows.forEach((row, user) => {
    const h = encoded(config, weights, row, values[user]!);
    const head = (name: string) => affine(weights, `encoder.${name}`, h, latent);
    const [mu, logvar] = [head("fc_mu"), head("fc_logvar")];
    const z = mu.map((mean, l) => mean + noise_BL[user * latent + l]! * Math.exp(logvar[l]! / 2));
    const logits = affine(weights, "decoder", z, items);
    const logSum = logSumExp(logits);
    for (const item of row) total -= logits[item]! - logSum;
    const kl = z.reduce((sum, each, l) => {
      const past = [old.mu_BL, old.logvar_BL].map((table) => table[user * latent + l]!) as [number, number];
      const components = [[0, 0] as const, past, [0, config.wideLogVariance] as const].map(
        ([mean, spread], k) => Math.log(config.mixtureWeights[k]!) + logNormal(each, mean, spread),
      );
      return sum + logNormal(each, mu[l]!, logvar[l]!) - logSumExp(components);
    }, 0);
    total += klWeight(config, row.length) * kl;
  });
  return total / rows.length;
}

/** The last hidden layer of one user. */
function encoded(
  { hidden, layerNormEps }: ModelConfig,
  weights: Weights64,
  row: Int32Array,
  values: Float32Array,
): number[] {
  const embedding = weights[embeddingName]!;
  let h: number[] = [];
  let skips = Array<number>(hidden).fill(0);
  for (let k = 1; k <= 5; k++) {
    const bias = weights[`encoder.fc${k}.bias`]!;
    const product =
      k === 1
        ? skips.map((_, j) => row.reduce((sum, item, n) => sum + values[n]! * embedding[item * hidden + j]!, bias[j]!))
        : affine(weights, `encoder.fc${k}`, h, hidden);
    const swish = product.map((a, j) => a + skips[j]!).map((a) => a / (1 + Math.exp(-a)));
    const mean = swish.reduce((a, b) => a + b) / hidden;
    const variance = swish.reduce((sum, a) => sum + (a - mean) ** 2, 0) / hidden;
    const [gain, shift] = [weights[`encoder.ln${k}.weight`]!, weights[`encoder.ln${k}.bias`]!];
    h = swish.map((a, j) => ((a - mean) / Math.sqrt(variance + layerNormEps)) * gain[j]! + shift[j]!);
    skips = skips.map((sum, j) => sum + h[j]!);
  }
  return h;
}

/** W x + b; W is [outputs, x.length]. */
function affine(weights: Weights64, name: string, x: readonly number[], outputs: number): number[] {
  const [weight, bias] = [weights[`${name}.weight`]!, weights[`${name}.bias`]!];
  return Array.from({ length: outputs }, (_, o) =>
    x.reduce((sum, each, k) => sum + weight[o * x.length + k]! * each, bias[o]!),
  );
}

const logNormal = (t: number, mean: number, logvar: number) =>
  -0.5 * (logvar + Math.log(2 * Math.PI) + (t - mean) ** 2 / Math.exp(logvar));

function logSumExp(values: readonly number[]): number {
  const largest = Math.max(...values);
  return largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
}

/** KL weight of a user with `count` items. */
export const klWeight = ({ gamma, beta }: Pick<ModelConfig, "gamma" | "beta">, count: number): number =>
  gamma !== null ? gamma * count : (beta ?? 0);
