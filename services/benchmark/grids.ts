// What is tried of each model, the usual setting first: the grids of the papers, cut to what minutes allow on MovieLens-1M. Pure.
import type { Setting } from "./plan.ts";

export interface Grid {
  /** Where the values come from. */
  readonly source: string;
  readonly isSeeded: boolean;
  /** Of all its trials. */
  readonly flags: readonly string[];
  readonly settings: readonly Setting[];
  /** A system whose chosen model it begins with, where that is a row too. */
  readonly startsFrom?: string;
}

/** Epochs at most, and without a better validation; a paper's 50 to 200 epochs of ML-20M are ten times as many steps as these of a smaller set. */
const untilItFalls = (epochs: number, patience: number) => [`--epochs=${epochs}`, `--patience=${patience}`];

const usual: Setting = { name: "usual", flags: [] };
/** One flag, its values in order. */
const over = (flag: string, ...values: readonly number[]): Setting[] =>
  values.map((value) => ({ name: `${flag} ${value}`, flags: [`--${flag}=${value}`] }));
const solved = (source: string, settings: readonly Setting[], isSeeded = false): Grid => ({ source, isSeeded, flags: [], settings });

/** A system without a grid has its usual setting alone. */
export const grids: Readonly<Record<string, Grid>> = {
  recvae: {
    source: "Shenbin et al. 2020: gamma .005, .0035 and .01 on their three sets",
    isSeeded: true,
    flags: untilItFalls(100, 15),
    settings: over("gamma", 0.005, 0.0035, 0.01),
  },
  ease: solved("Steck 2019: lambda 500, 1000 and 200 on the three sets", over("lambda", 1000, 500, 200, 2000)),
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
