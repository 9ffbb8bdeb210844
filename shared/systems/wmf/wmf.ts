// WMF (Hu, Koren, Volinsky 2008): factors of users and items, weight 1 on zeros, more on ones. Source:
// docs/design/baselines.md#wmf.
import { z } from "zod";
import type { Objective } from "../../solvers/als.ts";
import { overBoth } from "../benchmarked.ts";
import { type FactorConfig, factorSettings, ofFactors } from "../factors.ts";
import { solved } from "../solved.ts";

type WmfConfig = FactorConfig & { readonly positiveWeight: number; readonly lambda: number };

export const wmfObjective = ({ positiveWeight, lambda }: Omit<WmfConfig, "items">): Objective => ({
  boost: positiveWeight - 1,
  target: positiveWeight,
  everywhere: 1,
  lambda: () => lambda,
});

/** Its usual settings are what MovieLens-1M's validation users liked best of a few. */
export const wmf = solved({
  title: "WMF",
  settings: {
    factors: factorSettings.factors,
    lambda: { rule: z.number().positive(), usual: 50, help: "regularisation" },
    sweeps: factorSettings.sweeps,
    positiveWeight: { rule: z.number().min(1), usual: 5, help: "weight of what a user has, beside 1" },
  },
  ...ofFactors<WmfConfig>(wmfObjective),
  grid: {
    source: "Liang et al. 2018: weights 2 to 100 on what a user has, 1 on the rest",
    isSeeded: true,
    flags: [],
    settings: overBoth("positive-weight", "lambda", [5, 50], [5, 10], [10, 50], [2, 50], [10, 100]),
  },
  published: { inTable: true, "ML-20M": "~.360 ~.498 ~.386", Netflix: "~.316 ~.404 ~.351", MSD: "~.211 ~.312 ~.257" },
});
