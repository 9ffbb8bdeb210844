// CDAE (Wu et al. 2016): a denoising autoencoder with a vector for each training user, square loss over all items. A
// held-out user has no vector. Source: docs/design/baselines.md#cdae.
import { over, untilItFalls } from "../benchmarked.ts";
import { neural } from "../neural.ts";
import { together } from "../preset.ts";

export const cdae = neural({
  title: "CDAE",
  preset: {
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
  },
  grid: {
    source:
      "Liang et al. 2018 and Wu et al. 2016: 200 dimensions, half of the input dropped; a squared penalty on the " +
      "weights",
    isSeeded: true,
    flags: untilItFalls(200, 20),
    settings: over("weight-decay", 0, 1e-4, 1e-3, 1e-2),
  },
  published: { inTable: true, "ML-20M": "~.391 ~.523 ~.418", Netflix: "~.343 ~.428 ~.376", MSD: "~.188 ~.283 ~.237" },
});
