// The latent half of the loss as nodes: one sample, its KL term against the composite prior or the standard normal, and
// what both make of gradients. The formulas of shared/neural/divergence.ts. Shapes: B users, L latent.
import type { Node } from "../../compute/graph/node.ts";
import {
  add,
  divide,
  exp,
  log,
  maximum,
  multiply,
  negate,
  square,
  subtract,
  sum,
} from "../../compute/graph/operations.ts";
import type { Composite, Regulariser } from "../recipe.ts";

const log2Pi = Math.log(2 * Math.PI);

export interface SampledNodes {
  readonly mu_BL: Node;
  readonly logvar_BL: Node;
  readonly noise_BL: Node;
  readonly scaledNoise_BL: Node;
  readonly z_BL: Node;
}

/** z = mu + e * exp(logvar / 2). */
export function sample(mu_BL: Node, logvar_BL: Node, noise_BL: Node): SampledNodes {
  const scaledNoise_BL = multiply(noise_BL, exp(multiply(logvar_BL, 0.5)));
  return { mu_BL, logvar_BL, noise_BL, scaledNoise_BL, z_BL: add(mu_BL, scaledNoise_BL) };
}

interface OldNodes {
  readonly mu_BL: Node;
  readonly logvar_BL: Node;
}

/** Of the users' weights of their KL terms; `dz_BL` is the gradient of z without the term. */
export interface DivergenceNodes {
  /** Weighed and summed; undefined where there is none. */
  readonly kl: Node | undefined;
  readonly dMu_BL: Node;
  readonly dLogvar_BL: Node;
}

export function diverge(
  regulariser: Regulariser,
  sampled: SampledNodes,
  old: OldNodes | undefined,
  weight_B1: Node,
  dz_BL: Node,
): DivergenceNodes {
  const throughNoise = (d_BL: Node) => multiply(multiply(sampled.scaledNoise_BL, d_BL), 0.5);
  const weighed = (each_BL: Node) => sum(multiply(sum(each_BL, [1], { keep: true }), weight_B1), [0, 1]);
  switch (regulariser.kind) {
    case "none":
      return { kl: undefined, dMu_BL: dz_BL, dLogvar_BL: throughNoise(dz_BL) };
    case "standard": {
      const { mu_BL, logvar_BL } = sampled;
      const variance_BL = exp(logvar_BL);
      const twice_BL = subtract(subtract(add(square(mu_BL), variance_BL), 1), logvar_BL);
      const spread_BL = multiply(subtract(variance_BL, 1), multiply(weight_B1, 0.5));
      return {
        kl: weighed(multiply(twice_BL, 0.5)),
        dMu_BL: add(dz_BL, multiply(mu_BL, weight_B1)),
        dLogvar_BL: add(throughNoise(dz_BL), spread_BL),
      };
    }
    case "composite": {
      const { kl_BL, ofPrior_BL } = composite(regulariser, sampled, old!);
      const g_BL = add(dz_BL, multiply(ofPrior_BL, weight_B1));
      return {
        kl: weighed(kl_BL),
        dMu_BL: g_BL,
        dLogvar_BL: multiply(subtract(multiply(sampled.scaledNoise_BL, g_BL), weight_B1), 0.5),
      };
    }
  }
}

/** log q(z) - log p(z), and the gradient of -log p by z. A weight of 0 leaves a component out. */
function composite(prior: Composite, { z_BL, noise_BL, logvar_BL }: SampledNodes, old: OldNodes) {
  const squared_BL = square(z_BL);
  const apart_BL = subtract(z_BL, old.mu_BL);
  const pastPull_BL = multiply(apart_BL, exp(negate(old.logvar_BL)));
  const widePrecision = Math.exp(-prior.wideLogVariance);
  const components = [
    { log_BL: multiply(squared_BL, -0.5), pull_BL: z_BL },
    { log_BL: multiply(add(old.logvar_BL, multiply(apart_BL, pastPull_BL)), -0.5), pull_BL: pastPull_BL },
    {
      log_BL: subtract(multiply(squared_BL, -0.5 * widePrecision), 0.5 * prior.wideLogVariance),
      pull_BL: multiply(z_BL, widePrecision),
    },
  ].flatMap(({ log_BL, pull_BL }, k) => {
    const weight = prior.mixtureWeights[k]!;
    return weight > 0 ? [{ log_BL: add(log_BL, Math.log(weight)), pull_BL }] : [];
  });
  const largest_BL = components.map(({ log_BL }) => log_BL).reduce(maximum);
  const shares = components.map(({ log_BL }) => exp(subtract(log_BL, largest_BL)));
  const total_BL = shares.reduce(add);
  const logPrior_BL = subtract(add(largest_BL, log(total_BL)), 0.5 * log2Pi);
  // (z - mu)^2 / e^logvar is noise^2
  const logPosterior_BL = multiply(add(add(logvar_BL, log2Pi), square(noise_BL)), -0.5);
  const pulls_BL = components.map(({ pull_BL }, k) => multiply(pull_BL, shares[k]!)).reduce(add);
  return { kl_BL: subtract(logPosterior_BL, logPrior_BL), ofPrior_BL: divide(pulls_BL, total_BL) };
}
