// CDAE (Wu et al. 2016): a denoising autoencoder with a vector for each training user, square loss over all items. A held-out user has no vector. Source: spec/baselines.md.
import { type Page, together } from "../page.ts";

export const cdae: Page = {
  recipe: {
    input: "raw",
    encoder: { kind: "plain", widths: [200] },
    latent: null,
    decoder: [],
    likelihood: "square",
    regulariser: { kind: "none" },
    weightDecay: 0,
    dropoutRate: 0.5,
    learningRate: 1e-3,
    firstValues: "xavier",
  },
  ownVectors: true,
  schedule: together,
};
