// Mult-VAE^PR (Liang et al. 2018), with its authors' settings for ML-20M: I-600-200-600-I, multinomial likelihood, KL
// annealed to a cap. Source: docs/design/baselines.md#mult-vae.
import { over, untilItFalls, usual } from "../benchmarked.ts";
import { neural } from "../neural.ts";
import { together } from "../preset.ts";

export const multVae = neural({
  title: "Mult-VAE",
  preset: {
    recipe: {
      input: "normalised",
      encoder: { kind: "plain", widths: [600] },
      latent: 200,
      decoder: [600],
      likelihood: "multinomial",
      // The cap is reached after 40,000 updates, behind the best epoch of most data sets: that one's weight is what the
      // report names.
      regulariser: { kind: "standard", gamma: null, cap: 0.2, annealSteps: 200_000 },
      weightDecay: 0,
      dropoutRate: 0.5,
      learningRate: 1e-3,
      firstValues: "xavier",
    },
    schedule: together,
  },
  grid: {
    source:
      "Liang et al. 2018: the weight of the KL term annealed to .2 over 200,000 updates, one hidden layer or none; " +
      "over fewer where an epoch has fewer, RaCT's script's cap of .1, RecVAE's linear decoder",
    isSeeded: true,
    flags: untilItFalls(200, 20),
    settings: [
      usual,
      { name: "no hidden layer, anneal-steps 20000", flags: ["--layers=0", "--anneal-steps=20000"] },
      {
        name: "linear decoder, cap 0.4, anneal-steps 2000",
        flags: ["--decoder=linear", "--beta=0.4", "--anneal-steps=2000"],
      },
      ...over("anneal-steps", 20_000),
      { name: "cap 0.1, anneal-steps 20000", flags: ["--beta=0.1", "--anneal-steps=20000"] },
    ],
  },
  published: { inTable: true, "ML-20M": ".395 .537 .426", Netflix: ".351 .444 .386", MSD: "~.266 ~.364 .316" },
});
