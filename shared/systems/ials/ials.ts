// iALS (Rendle et al. 2022): factors of users and items, `alpha0` weighs all scores' squares, `nu` says how lambda
// grows with a row's entries. Source: docs/design/baselines.md#ials.
import { z } from "zod";
import type { Objective } from "../../solvers/als.ts";
import { overBoth } from "../benchmarked.ts";
import { type FactorConfig, factorSettings, ofFactors } from "../factors.ts";
import { solved } from "../solved.ts";

type IalsConfig = FactorConfig & { readonly alpha0: number; readonly lambda: number; readonly nu: number };

export const ialsObjective = ({ alpha0, lambda, nu }: Omit<IalsConfig, "items">): Objective => ({
  boost: 1,
  target: 1,
  everywhere: alpha0,
  lambda: (count, others) => lambda * (count + alpha0 * others) ** nu,
});

/** Its usual settings are what MovieLens-1M's validation users liked best of a few. */
export const ials = solved({
  title: "iALS",
  settings: {
    factors: factorSettings.factors,
    lambda: { rule: z.number().positive(), usual: 0.01, help: "regularisation" },
    sweeps: factorSettings.sweeps,
    alpha0: { rule: z.number().positive(), usual: 0.1, help: "weight of all items, beside 1 for what a user has" },
    nu: { rule: z.number().min(0), usual: 1, help: "how lambda grows with a row's entries" },
  },
  ...ofFactors<IalsConfig>(ialsObjective),
  grid: {
    source: "Rendle et al. 2022: lambda .003, alpha0 .1 and as many factors as fit; both to either side",
    isSeeded: true,
    flags: [],
    settings: overBoth(
      "lambda",
      "alpha0",
      [0.01, 0.1],
      [0.003, 0.1],
      [0.03, 0.1],
      [0.01, 0.3],
      [0.01, 0.03],
      [0.01, 1],
    ),
  },
  published: { inTable: false, "ML-20M": "~.395 ~.532 ~.425", Netflix: "- - -", MSD: "~.309 ~.415 ~.368" },
});
