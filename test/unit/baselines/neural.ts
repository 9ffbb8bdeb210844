// Golden checks of the neural systems beside RecVAE, to 1e-4: one step of each, cut into parts, and an evaluation.
import { expect } from "vitest";
import { embeddingOf, type Weights } from "../../../shared/neural/parameters.ts";
import type { Recipe } from "../../../shared/neural/recipe.ts";
import { createScorer } from "../../../shared/neural/scorer.ts";
import { type NeuralName, systemOf } from "../../../shared/systems/registry.ts";
import { turnedRecipe } from "../../../shared/systems/turned.ts";
import { type FamilyBatch, familyStep } from "../family.ts";
import { deviation } from "../recvae.ts";
import type { Check, Checks } from "./check.ts";

const tolerance = 1e-4;
type Nested = number | Nested[];
type Arrays = Record<string, Nested[]>;

interface Fixture {
  readonly config: {
    readonly items: number;
    readonly hidden?: number;
    readonly latent?: number;
    readonly beta?: number;
    readonly lambda?: number;
    readonly users?: number;
    readonly dropoutRate: number;
    readonly learningRate: number;
  };
  readonly weights: Arrays;
  readonly batch: number[][];
  readonly kept: number[][];
  readonly noise?: number[][];
  readonly step: {
    readonly negativeLogLikelihood?: number;
    readonly kl?: number;
    readonly loss: number;
    readonly gradients: Arrays;
    readonly weightsAfterAdam: Arrays;
  };
  readonly evaluation: { readonly logits?: Nested[]; readonly scoresWithoutUserVector?: Nested[] };
}

const one =
  (model: NeuralName): Check =>
  (engine, raw) => {
    const fixture = raw as Fixture;
    const { step, batch, evaluation } = fixture;
    const recipe = recipeIn(model, fixture.config);
    const weights = weightsOf(fixture.weights, recipe);
    const once = familyStep(engine, recipe, weights, batchOf(fixture, recipe));
    const halved = familyStep(engine, recipe, weights, batchOf(fixture, recipe), 2);
    expect(deviation([once.reconstruction], [step.negativeLogLikelihood ?? step.loss])).toBeLessThan(tolerance);
    if (step.kl !== undefined) expect(deviation([once.kl], [fixture.config.beta! * step.kl])).toBeLessThan(tolerance);
    expectClose(once.gradients, weightsOf(step.gradients, recipe));
    expectClose(halved.gradients, weightsOf(step.gradients, recipe));
    expectAfterAdam(once.moved, fixture, recipe);
    expectAfterAdam(halved.moved, fixture, recipe);
    const scorer = createScorer(engine, recipe, weights);
    const scores = scorer.scoreBatch(rowsOf(batch));
    scorer.dispose();
    expect(deviation(scores, flat(evaluation.logits ?? evaluation.scoresWithoutUserVector!))).toBeLessThan(tolerance);
  };

export const neuralChecks: Checks = { "mult-vae": one("mult-vae"), "mult-dae": one("mult-dae"), cdae: one("cdae") };

function recipeIn(
  model: NeuralName,
  { items, hidden, latent, lambda, users = 0, dropoutRate, learningRate }: Fixture["config"],
): Recipe {
  const isSampled = systemOf(model).preset.recipe.latent !== null;
  // Mult-DAE's only layer is called its latent there
  const widths = isSampled ? { hidden, latent } : { hidden: hidden ?? latent };
  return turnedRecipe(
    systemOf(model).preset,
    { ...widths, weightDecay: lambda, dropoutRate, learningRate },
    { items, users },
  );
}

/** What dropout left of each user's row. */
function batchOf({ batch, kept, noise, config }: Fixture, { input, users }: Recipe): FamilyBatch {
  const rows = rowsOf(batch);
  const scale = (row: Int32Array) =>
    (input === "normalised" ? 1 / Math.sqrt(row.length) : 1) / (1 - config.dropoutRate);
  const values = rows.map((row, user) =>
    Float32Array.from(row, (item) => (kept[user]!.includes(item) ? scale(row) : 0)),
  );
  return {
    rows,
    values,
    own: users > 0 ? rows.map((_, user) => user) : undefined,
    noise_BL: flat(noise ?? []),
    beta: config.beta,
  };
}

/** A fixture's arrays; the first layer turned to one row per item. */
function weightsOf(arrays: Arrays, recipe: Recipe): Weights {
  return Object.fromEntries(
    Object.entries(arrays).map(([name, values]) => {
      const turned =
        name === embeddingOf(recipe)
          ? (values[0] as number[]).map((_, item) => values.map((row) => (row as number[])[item]!))
          : values;
      const shape = Array.isArray(turned[0]) ? [turned.length, turned[0].length] : [turned.length];
      return [name, { shape, data: flat(turned) }];
    }),
  );
}

/** See golden.test.ts: Adam's first step is the gradient's sign, which below float32's resolution is rounding. */
function expectAfterAdam(actual: Weights, { step, config }: Fixture, recipe: Recipe): void {
  const [given, expected] = [weightsOf(step.gradients, recipe), weightsOf(step.weightsAfterAdam, recipe)];
  for (const [name, { data }] of Object.entries(expected)) {
    const sizes = given[name]!.data.map(Math.abs);
    const resolved = 2 ** -23 * Math.max(...sizes);
    data.forEach((value, k) => {
      const isRounding =
        sizes[k]! > 0 && sizes[k]! < resolved && Math.abs(actual[name]!.data[k]! - value) <= 2 * config.learningRate;
      if (isRounding) data[k] = actual[name]!.data[k]!;
    });
  }
  expectClose(actual, expected);
}

function expectClose(actual: Weights, expected: Weights): void {
  for (const [name, { shape, data }] of Object.entries(expected)) {
    expect(actual[name]?.shape, name).toEqual(shape);
    expect(deviation(actual[name]!.data, data), name).toBeLessThan(tolerance);
  }
}

const rowsOf = (lists: number[][]) => lists.map((list) => Int32Array.from(list));
const flat = (values: readonly Nested[]) => Float32Array.from(values.flat(2) as number[]);
