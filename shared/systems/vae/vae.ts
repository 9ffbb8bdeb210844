// VAE (Kingma and Welling 2014) on the network of Mult-VAE: Bernoulli's likelihood, or the Gaussian's by `--likelihood
// gaussian`, the KL term in full. Source: docs/design/baselines.md#mult-vae.
import { multVae } from "../mult-vae/mult-vae.ts";
import { neural } from "../neural.ts";
import { type Preset, steadyKl } from "../preset.ts";

/** `cap`: what the KL term weighs, from the first update on. */
export const weighed = (cap: number, dropoutRate: number): Preset => ({
  ...multVae.preset,
  recipe: {
    ...multVae.preset.recipe,
    likelihood: "bernoulli",
    regulariser: steadyKl(cap),
    dropoutRate,
  },
});

export const vae = neural({ title: "VAE", preset: weighed(1, 0) });
