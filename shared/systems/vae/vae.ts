// The autoencoders of the paper's background section: VAE (Kingma and Welling 2014), beta-VAE (Higgins et al. 2017) and denoising VAE (Im et al. 2017), with Bernoulli's
// likelihood, or the Gaussian's by `--likelihood gaussian`. Source: spec/baselines.md.
import { multVae } from "../mult-vae/mult-vae.ts";
import type { Page } from "../page.ts";

const withWeight = (cap: number, dropoutRate: number): Page => ({
  ...multVae,
  recipe: { ...multVae.recipe, likelihood: "bernoulli", regulariser: { kind: "standard", gamma: null, cap, annealSteps: 0 }, dropoutRate },
});

export const vae = withWeight(1, 0);
/** Weighs the KL term less than the bound does: for rankings more than 1 is worse (Liang et al. 2018). */
export const betaVae = withWeight(0.2, 0);
export const denoisingVae = withWeight(1, 0.5);
