// What is tried of each model, the usual setting first: the grids of the papers, cut to what minutes allow on MovieLens-1M. Pure.
import type { Setting } from "./plan.ts";

export interface Grid {
  /** Where the values come from. */
  readonly source: string;
  /** Whether its draws depend on a seed. */
  readonly isSeeded: boolean;
  /** Of all its trials. */
  readonly flags: readonly string[];
  readonly settings: readonly Setting[];
  /** A model whose chosen one it begins with, where that is a row too; otherwise `train` makes one first. */
  readonly startsFrom?: string;
}

/** Values by flag, in one point of a grid. */
type Point = Readonly<Record<string, number>>;

const usual: Setting = { name: "usual", flags: [] };
const point = (values: Point): Setting => ({
  name: Object.entries(values)
    .map(([flag, value]) => `${flag.replaceAll("-", " ")} ${value}`)
    .join(", "),
  flags: Object.entries(values).map(([flag, value]) => `--${flag}=${value}`),
});
const points = (...all: readonly Point[]): Setting[] => all.map(point);

/** `patience`: epochs without a better validation after which a run ends. */
const learned = (source: string, epochs: number, patience: number, settings: readonly Setting[]): Grid => ({
  ...{ source, settings },
  isSeeded: true,
  flags: [`--epochs=${epochs}`, `--patience=${patience}`],
});
const solved = (source: string, isSeeded: boolean, settings: readonly Setting[]): Grid => ({ source, isSeeded, flags: [], settings });

const grids: Readonly<Record<string, Grid>> = {
  recvae: learned(
    "Shenbin et al. 2020: gamma .005, .0035 and .01 on their three sets",
    100,
    15,
    points({ gamma: 0.005 }, { gamma: 0.0035 }, { gamma: 0.01 }),
  ),
  "mult-vae": learned(
    "Liang et al. 2018: KL weight annealed to .2 in 200,000 updates a unit, which 200 epochs of ML-20M reach and those of a smaller set do not; faster annealing, a higher cap",
    200,
    40,
    [usual, ...points({ "anneal-steps": 20_000 }, { "anneal-steps": 5_000 }, { beta: 0.5, "anneal-steps": 5_000 }, { layers: 0 })],
  ),
  "mult-dae": learned("Liang et al. 2018: weight decay .01 / 500; a tenth, and ten times as much", 200, 30, [
    usual,
    ...points({ "weight-decay": 2e-6 }, { "weight-decay": 2e-4 }),
  ]),
  cdae: learned("Wu et al. 2016: 200 units, half of the items dropped; other shares, squared weights penalised", 200, 30, [
    usual,
    ...points({ "dropout-rate": 0.2 }, { "dropout-rate": 0.8 }, { "weight-decay": 0.01 }),
  ]),
  // Its critic learns alone for 25 epochs, in which nothing gets better: patience would end the run there.
  ract: { ...learned("Lobel et al. 2019: 50 epochs of the critic, 50 of both, here 25 and 50", 75, 60, [usual]), startsFrom: "mult-vae" },
  lambdanet: { ...learned("Lobel et al. 2019: best after the first epochs", 25, 10, [usual]), startsFrom: "mult-vae" },
  warp: { ...learned("Lobel et al. 2019: up to 50 epochs", 50, 15, [usual]), startsFrom: "mult-vae" },
  ease: solved(
    "Steck 2019: lambda 500, 1000 and 200 on the three sets",
    false,
    points({ lambda: 1000 }, { lambda: 500 }, { lambda: 200 }, { lambda: 2000 }),
  ),
  slim: solved(
    "Liang et al. 2018: both weights from .1 to 5; larger l2 too, since EASE, the same model with squares alone, wants hundreds",
    false,
    points({ l1: 1, l2: 1 }, { l1: 5, l2: 100 }, { l1: 5, l2: 500 }, { l1: 5, l2: 5 }, { l1: 1, l2: 500 }, { l1: 10, l2: 1000 }),
  ),
  ials: solved(
    "Rendle et al. 2022: lambda .003 and .002, alpha .1 and .02, on smaller factors than their 2,048 and 8,192",
    true,
    points(
      { alpha0: 0.1, lambda: 0.003 },
      { alpha0: 0.3, lambda: 0.003 },
      { alpha0: 0.1, lambda: 0.01 },
      { alpha0: 0.3, lambda: 0.01 },
      { alpha0: 1, lambda: 0.003 },
      { alpha0: 0.03, lambda: 0.003 },
    ),
  ),
  wmf: solved(
    "Liang et al. 2018: weight 2 to 100 on ones, 100 and 200 factors",
    true,
    points(
      { "positive-weight": 5, lambda: 10 },
      { "positive-weight": 2, lambda: 10 },
      { "positive-weight": 10, lambda: 10 },
      { "positive-weight": 5, lambda: 50 },
      { "positive-weight": 10, lambda: 100 },
    ),
  ),
  popularity: solved("nothing to choose", false, [usual]),
};

/** A system without a grid has its usual setting alone. */
export const gridOf = (model: string): Grid => grids[model] ?? learned("its usual setting alone", 100, 20, [usual]);

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
  vae: "VAE",
  "beta-vae": "beta-VAE",
  dvae: "denoising VAE",
  blend: "RecVAE + EASE",
};
