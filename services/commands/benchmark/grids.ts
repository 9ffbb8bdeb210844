// What is tried of each model, the usual setting first: the grids of the papers, cut to what minutes allow on MovieLens-1M. Pure.
import type { Setting } from "./plan.ts";

export interface Grid {
  /** Where the values come from. */
  readonly source: string;
  readonly isSeeded: boolean;
  /** Of all its trials. */
  readonly flags: readonly string[];
  readonly settings: readonly Setting[];
  /** A system whose chosen model it begins with, which is a row then, asked for or not. */
  readonly startsFrom?: string;
}

/** Epochs at most, and without a better validation; a paper's 50 to 200 epochs of ML-20M are ten times as many steps as these of a smaller set. */
const untilItFalls = (epochs: number, patience: number) => [`--epochs=${epochs}`, `--patience=${patience}`];

const usual: Setting = { name: "usual", flags: [] };
/** One flag, its values in order. */
const over = (flag: string, ...values: readonly number[]): Setting[] =>
  values.map((value) => ({ name: `${flag} ${value}`, flags: [`--${flag}=${value}`] }));
/** A line for each pair of values. */
const overBoth = (a: string, b: string, ...pairs: readonly (readonly [number, number])[]): Setting[] =>
  pairs.map(([x, y]) => ({ name: `${a} ${x}, ${b} ${y}`, flags: [`--${a}=${x}`, `--${b}=${y}`] }));
/** Goes on from Mult-VAE by another loss: a few epochs show what it is worth. */
const fineTuned = (source: string, settings: readonly Setting[], flags = untilItFalls(50, 8)): Grid => ({
  ...{ source, isSeeded: true, flags, settings, startsFrom: "mult-vae" },
});
const solved = (source: string, settings: readonly Setting[], isSeeded = false): Grid => ({ source, isSeeded, flags: [], settings });

/** A system without a grid has its usual setting alone. */
const grids: Readonly<Record<string, Grid>> = {
  recvae: {
    source: "Shenbin et al. 2020: gamma .005, .0035 and .01 on their three sets; more for smaller ones",
    isSeeded: true,
    flags: untilItFalls(100, 15),
    settings: over("gamma", 0.005, 0.0035, 0.01, 0.02),
  },
  "mult-vae": {
    source:
      "Liang et al. 2018: the weight of the KL term annealed to .2 over 200,000 updates, one hidden layer or none; over fewer where an epoch has fewer, RaCT's script's cap of .1, RecVAE's linear decoder",
    isSeeded: true,
    flags: untilItFalls(200, 20),
    settings: [
      usual,
      { name: "no hidden layer, anneal-steps 20000", flags: ["--layers=0", "--anneal-steps=20000"] },
      { name: "linear decoder, cap 0.4, anneal-steps 2000", flags: ["--decoder=linear", "--beta=0.4", "--anneal-steps=2000"] },
      ...over("anneal-steps", 20_000),
      { name: "cap 0.1, anneal-steps 20000", flags: ["--beta=0.1", "--anneal-steps=20000"] },
    ],
  },
  "mult-dae": {
    source: "Liang et al. 2018: lambda .01 over a batch of 500",
    isSeeded: true,
    flags: untilItFalls(200, 20),
    settings: over("weight-decay", 2e-5, 0, 2e-4),
  },
  cdae: {
    source: "Liang et al. 2018 and Wu et al. 2016: 200 dimensions, half of the input dropped; a squared penalty on the weights",
    isSeeded: true,
    flags: untilItFalls(200, 20),
    settings: over("weight-decay", 0, 1e-4, 1e-3, 1e-2),
  },
  ract: fineTuned(
    "Lobel et al. 2019: Adam at 2e-6, behind epochs of the critic alone; higher where an epoch has fewer updates",
    over("learning-rate", 2e-6, 2e-5, 1e-4),
    ["--epochs=60"], // none is better than the last while the critic learns alone
  ),
  lambdanet: fineTuned("Lobel et al. 2019: Mult-VAE's own rate; lower ones", over("learning-rate", 1e-3, 1e-4, 1e-5)),
  warp: fineTuned("Lobel et al. 2019: Mult-VAE's own rate; lower ones", over("learning-rate", 1e-3, 1e-4, 1e-5)),
  slim: solved(
    "Liang et al. 2018: both weights over .1, .5, 1 and 5; l2 of hundreds too, which EASE wants, the same model without l1",
    overBoth("l1", "l2", [5, 1000], [5, 5], [5, 100], [1, 1000], [20, 1000], [1, 1]),
  ),
  ials: solved(
    "Rendle et al. 2022: lambda .003, alpha0 .1 and as many factors as fit; both to either side",
    overBoth("lambda", "alpha0", [0.01, 0.1], [0.003, 0.1], [0.03, 0.1], [0.01, 0.3], [0.01, 0.03], [0.01, 1]),
    true,
  ),
  wmf: solved(
    "Liang et al. 2018: weights 2 to 100 on what a user has, 1 on the rest",
    overBoth("positive-weight", "lambda", [5, 50], [5, 10], [10, 50], [2, 50], [10, 100]),
    true,
  ),
  ease: solved(
    "Steck 2019: lambda 500, 1000 and 200 on the three sets; twice as much and half as much",
    over("lambda", 1000, 500, 200, 2000, 100),
  ),
  popularity: solved("nothing to choose", [usual]),
};

export const gridOf = (model: string): Grid =>
  grids[model] ?? { source: "its usual setting alone", isSeeded: true, flags: [], settings: [usual] };

export const titles: Readonly<Record<string, string>> = {
  recvae: "RecVAE",
  ract: "RaCT",
  "mult-vae": "Mult-VAE",
  "mult-dae": "Mult-DAE",
  cdae: "CDAE",
  lambdanet: "LambdaNet",
  warp: "WARP",
  ease: "EASE",
  slim: "SLIM",
  ials: "iALS",
  wmf: "WMF",
  popularity: "popularity",
  blend: "RecVAE + EASE",
};
