// Models of items' factors, fitted by alternating least squares: what WMF and iALS have in common. Shapes: B users, I
// items, K factors.
import { z } from "zod";
import { AppError } from "../errors/errors.ts";
import { findNonFinite, type Weights } from "../neural/parameters.ts";
import type { ScoreBatch } from "../ranking/evaluate.ts";
import { denseVectors } from "../ranking/vectors.ts";
import type { Objective } from "../solvers/als.ts";
import { type Alternating, type AlternatingJob, alternating, sweepsOf } from "../solvers/alternating.ts";
import { factorScores } from "../solvers/factors.ts";
import { javascript, ofItems } from "./solved.ts";
import type { Fitted, Fitting, Size } from "./system.ts";

export interface FactorConfig {
  readonly items: number;
  readonly factors: number;
  /** Times that users' and items' factors are solved for. */
  readonly sweeps: number;
}
interface Shared<C> extends Alternating {
  readonly config: C;
}
type AlternatingTasks<C> = { alternating(shared: Shared<C>): (job: AlternatingJob) => Float64Array | undefined };

const factorsName = "item_factors";

export const factorSettings = {
  factors: { rule: z.number().int().positive(), usual: 128, help: "how many a user and an item have" },
  sweeps: { rule: z.number().int().positive(), usual: 16, help: "how often users and items are solved for" },
};

/** What such a system is but for its settings, by what a row of factors minimises. */
export const ofFactors = <C extends FactorConfig>(objectiveOf: (config: C) => Objective) => ({
  ...ofItems(({ items, factors }: C) => [[factorsName, [items, factors]]]),
  scores: (config: C, weights: Weights): ScoreBatch =>
    factorScores(objectiveOf(config), weights[factorsName]!.data, config.factors),
  vectors: ({ factors }: C, weights: Weights) => denseVectors(weights[factorsName]!.data, factors),
  tasks: { alternating: ({ config, ...shared }: Shared<C>) => alternating(objectiveOf(config), shared) },
  fit,
  /**
   * Factors of both sides, sums of their products in parts, three models as float32, and a thread's copy of the longest
   * row's neighbours.
   */
  memory: ({ items, factors }: C, { users, longest, threads }: Size) =>
    8 * (users + items) * factors + 80 * factors ** 2 + 12 * items * factors + 8 * threads * longest * factors,
});

/** The model after each sweep. Throws NOT_FINITE. */
async function* fit<C extends FactorConfig>({
  config,
  rows,
  seed,
  threads,
  progress,
}: Fitting<C, AlternatingTasks<C>>): AsyncGenerator<Fitted, void> {
  const { items, factors, sweeps } = config;
  const wanted = { rows, items, factors, sweeps, seed };
  let sweep = 0;
  for await (const items_IK of sweepsOf(wanted, (shared) => threads("alternating", { ...shared, config }), progress)) {
    sweep++;
    const weights = { [factorsName]: { shape: [items, factors], data: Float32Array.from(items_IK) } };
    if (findNonFinite(weights) !== undefined)
      throw new AppError("NOT_FINITE", { what: `the factors after sweep ${sweep} are not finite` });
    yield { weights, ...javascript };
  }
}
