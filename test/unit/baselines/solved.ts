// Golden checks of the solved systems: an independent implementation in float64, met to 1e-6.
import { expect } from "vitest";
import { gramOf, type Objective } from "../../../shared/solvers/als.ts";
import { solveRows } from "../../../shared/solvers/alternating.ts";
import { factorScores } from "../../../shared/solvers/factors.ts";
import { countOf, countTogether, interactionsOf, type Lists } from "../../../shared/solvers/interactions.ts";
import { easeObstacle, solveEase } from "../../../shared/systems/ease/ease.ts";
import { ialsObjective } from "../../../shared/systems/ials/ials.ts";
import { weightsName } from "../../../shared/systems/item-to-item.ts";
import { type SolvedName, systemOf } from "../../../shared/systems/registry.ts";
import { solveColumn } from "../../../shared/systems/slim/slim-columns.ts";
import { slimScores, slimWeights } from "../../../shared/systems/slim/slim-weights.ts";
import { wmfObjective } from "../../../shared/systems/wmf/wmf.ts";
import { fittedHere } from "../fit.ts";
import type { Check, Checks } from "./check.ts";

const tolerance = 1e-6;

interface ItemToItem<C> {
  readonly config: C;
  readonly items: number;
  readonly batch: number[][];
  readonly weights: number[][];
  readonly foldIn: number[][];
  readonly scores: number[][];
}

export const solvedChecks: Checks = {
  ease(engine, fixture) {
    const { config, items, batch, weights, foldIn, scores } = fixture as ItemToItem<{ lambda: number }>;
    if (!engine.inverse) return expect(easeObstacle(engine, items)).toMatch(/has no kernel/);
    const ease = finished(solveEase(engine, rowsOf(batch), items, config.lambda));
    expectClose(ease.weights_II, weights, "weights");
    expectClose(ease.scoreBatch(rowsOf(foldIn)), scores, "scores");
  },

  slim(_, fixture) {
    const { config, items, batch, weights, foldIn, scores } = fixture as ItemToItem<{ l1: number; l2: number }>;
    const settings = { items, ...config };
    const counts_II = new Float32Array(items * items);
    countTogether(interactionsOf(rowsOf(batch), items), counts_II, 0, items);
    const columns = weights.map((_, item) => solveColumn(counts_II, settings, item));
    const dense = new Float64Array(items * items);
    columns.forEach((column, item) => {
      column.items.forEach((from, k) => {
        dense[from * items + item] = column.values[k]!;
      });
    });
    expectClose(dense, weights, "weights");
    expectClose(slimScores(slimWeights(columns), settings)(rowsOf(foldIn)), scores, "scores");
  },

  wmf: alternating(wmfObjective),
  ials: alternating(ialsObjective),
};

/** Of a system that has no check of its own: what its folder fits, whole tensors by their names, and the scores. */
export const asFitted: Check = async (engine, fixture) => {
  const { model, config, items, batch, foldIn, scores, ...tensors } = fixture as ItemToItem<object> & {
    model: SolvedName;
  };
  const settings = { items, ...config };
  const fitting = fittedHere(model, engine, rowsOf(batch), settings);
  if (needsInverse(model) && !engine.inverse) return expect(fitting).rejects.toMatchObject({ code: "ENGINE_MISSING" });
  const { weights } = await fitting;
  for (const [name, { data }] of Object.entries(weights)) expectClose(data, tensors[name as "weights"], name);
  expectClose(systemOf(model).scores(settings, weights)(rowsOf(foldIn)), scores, "scores");
};

/** Whether it is one dense matrix, which an inverse gives. */
const needsInverse = (model: SolvedName) => systemOf(model).perItem({ items: 1 }).includes(weightsName);

interface Alternating<C> {
  readonly config: C & { readonly factors: number; readonly sweeps: number };
  readonly items: number;
  readonly batch: number[][];
  readonly initialItemFactors: number[][];
  readonly userFactors: number[][];
  readonly itemFactors: number[][];
  readonly foldIn: number[][];
  readonly scores: number[][];
}

function alternating<C>(objectiveOf: (config: Alternating<C>["config"]) => Objective): Check {
  return (_, fixture) => {
    const { config, items, batch, initialItemFactors, userFactors, itemFactors, foldIn, scores } =
      fixture as Alternating<C>;
    const { factors: width, sweeps } = config;
    const objective = objectiveOf(config);
    const { byUser, byItem } = interactionsOf(rowsOf(batch), items);
    const ofItems = Float64Array.from(initialItemFactors.flat());
    const ofUsers = new Float64Array(batch.length * width);
    for (let sweep = 0; sweep < sweeps; sweep++) {
      solveRows(objective, ofUsers, byUser, ofItems, gramOf(ofItems, width, 0, items), width, all(byUser));
      solveRows(objective, ofItems, byItem, ofUsers, gramOf(ofUsers, width, 0, batch.length), width, all(byItem));
    }
    expectClose(ofUsers, userFactors, "factors of users");
    expectClose(ofItems, itemFactors, "factors of items");
    expectClose(factorScores(objective, ofItems, width)(rowsOf(foldIn)), scores, "scores");
  };
}

/**
 * Each number to 1e-6 of itself, or of the largest where it is smaller than a tenth of that: a sum cancels no finer
 * than its parts.
 */
function expectClose(actual: ArrayLike<number>, expected: number[][], what: string): void {
  const flat = expected.flat();
  expect(actual.length, what).toBe(flat.length);
  const least = Math.max(...flat.map(Math.abs)) / 10;
  const off = flat.map((value, k) => Math.abs(actual[k]! - value) / Math.max(Math.abs(value), least || 1));
  expect(
    off.every((each) => each < tolerance),
    `${what}: off by ${Math.max(...off)}`,
  ).toBe(true);
}

const all = (lists: Lists) => ({ from: 0, to: countOf(lists) });
const rowsOf = (lists: number[][]) => lists.map((list) => Int32Array.from(list));

function finished<T>(work: Generator<unknown, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}
