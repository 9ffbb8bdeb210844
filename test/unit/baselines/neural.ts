// Golden checks of the neural systems beside RecVAE, to 1e-4: one step of each, cut into parts, and an evaluation.
import { expect } from "vitest";
import { Optimizer } from "../../../services/server/run/optimizer.ts";
import type { Engine } from "../../../shared/engine/engine.ts";
import { uploadDecoder } from "../../../shared/model/decoder.ts";
import { uploadHidden } from "../../../shared/model/encoder.ts";
import { type FamilyName, pages } from "../../../shared/model/family/pages.ts";
import { turnedRecipe } from "../../../shared/model/family/settings.ts";
import { embeddingOf, shapesOf, userName, type Weights } from "../../../shared/model/parameters.ts";
import type { Recipe } from "../../../shared/model/recipe.ts";
import { encoderPart } from "../../../shared/model/steps.ts";
import { createScorer } from "../../../shared/ranking/scorer.ts";
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
  (model: FamilyName): Check =>
  (engine, raw) => {
    const fixture = raw as Fixture;
    const { step, batch, evaluation } = fixture;
    const recipe = recipeIn(model, fixture.config);
    const weights = weightsOf(fixture.weights, recipe);
    const once = stepOf(engine, recipe, weights, fixture, 1);
    const halved = stepOf(engine, recipe, weights, fixture, 2);
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

function recipeIn(model: FamilyName, { items, hidden, latent, lambda, users = 0, dropoutRate, learningRate }: Fixture["config"]): Recipe {
  const isSampled = pages[model].recipe.latent !== null;
  const widths = isSampled ? { hidden, latent } : { hidden: hidden ?? latent }; // Mult-DAE's only layer is called its latent there
  return turnedRecipe(pages[model], { ...widths, weightDecay: lambda, dropoutRate, learningRate }, { items, users });
}

/** As server and trainers make it: bags, each part's gradients, Adam over their sum. */
function stepOf(engine: Engine, recipe: Recipe, weights: Weights, { config, batch, kept, noise }: Fixture, parts: number) {
  const optimizer = new Optimizer(recipe, weights);
  const rows = rowsOf(batch);
  const scale = (row: Int32Array) => (recipe.input === "normalised" ? 1 / Math.sqrt(row.length) : 1) / (1 - config.dropoutRate);
  const values = rows.map((row, user) => Float32Array.from(row, (item) => (kept[user]!.includes(item) ? scale(row) : 0)));
  const users = { rows, values, own: recipe.users > 0 ? rows.map((_, user) => user) : undefined };
  const bags_BH = optimizer.bag(users);
  const [width, latent] = [bags_BH.length / rows.length, recipe.latent ?? 0];
  const [hidden, decoder] = [uploadHidden(engine, recipe, weights), uploadDecoder(engine, decoderOf(weights, recipe))];
  const size = Math.ceil(rows.length / parts);
  const answers = Array.from({ length: parts }, (_, part) => {
    const cut = <T>(all: readonly T[]) => all.slice(part * size, (part + 1) * size);
    const { gradients, dBag_BH, reconstruction, kl } = encoderPart(
      engine,
      hidden,
      decoder,
      {
        bag_BH: bags_BH.subarray(part * size * width, (part + 1) * size * width),
        rows: cut(rows),
        noise_BL: flat(noise ?? []).subarray(part * size * latent, (part + 1) * size * latent),
        batchSize: rows.length,
        beta: config.beta,
      },
      true,
    );
    const dBag = { shape: [dBag_BH.length / width, width], data: dBag_BH };
    return { tensors: { ...gradients, dBag } as Weights, reconstruction, kl };
  });
  hidden.dispose();
  decoder.dispose();
  const gradients = withPenalty(gradientsOf(answers, users, recipe), weights, recipe);
  optimizer.step(
    "joint",
    answers.map(({ tensors }) => ({ tensors })),
    users,
    0,
  );
  const sum = (of: (answer: (typeof answers)[number]) => number) => answers.reduce((total, answer) => total + of(answer), 0);
  return { gradients, reconstruction: sum(({ reconstruction }) => reconstruction), kl: sum(({ kl }) => kl), moved: optimizer.weights };
}

/** The parts' gradients added up; those of the first layer from those of the bags. */
function gradientsOf(
  answers: readonly { tensors: Weights }[],
  { rows, values, own }: { rows: Int32Array[]; values: Float32Array[]; own: number[] | undefined },
  recipe: Recipe,
): Weights {
  const total: Weights = {};
  for (const group of ["hidden", "decoder"] as const)
    for (const [name, shape] of shapesOf(group, recipe)) {
      const data = answers[0]!.tensors[name]!.data.map((_, k) => answers.reduce((sum, { tensors }) => sum + tensors[name]!.data[k]!, 0));
      total[name] = { shape, data };
    }
  const dBags = answers.flatMap(({ tensors }) => [...tensors.dBag!.data]);
  const width = dBags.length / rows.length;
  const embedding = new Float32Array(recipe.items * width);
  for (const [user, row] of rows.entries())
    for (const [k, item] of row.entries())
      for (let at = 0; at < width; at++) embedding[item * width + at]! += values[user]![k]! * dBags[user * width + at]!;
  total[embeddingOf(recipe)] = { shape: [recipe.items, width], data: embedding };
  if (own) total[userName] = { shape: [own.length, width], data: Float32Array.from(dBags) };
  return total;
}

/** The fixture's gradients hold the penalty's, which Adam adds by itself. */
function withPenalty(gradients: Weights, weights: Weights, { weightDecay }: Recipe): Weights {
  return Object.fromEntries(
    Object.entries(gradients).map(([name, { shape, data }]) => {
      const factor = name.endsWith("weight") ? 2 * weightDecay : 0;
      return [name, { shape, data: data.map((value, k) => value + factor * weights[name]!.data[k]!) }];
    }),
  );
}

const decoderOf = (weights: Weights, recipe: Recipe): Weights =>
  Object.fromEntries(shapesOf("decoder", recipe).map(([name]) => [name, weights[name]!]));

/** A fixture's arrays; the first layer turned to one row per item. */
function weightsOf(arrays: Arrays, recipe: Recipe): Weights {
  return Object.fromEntries(
    Object.entries(arrays).map(([name, values]) => {
      const turned =
        name === embeddingOf(recipe) ? (values[0] as number[]).map((_, item) => values.map((row) => (row as number[])[item]!)) : values;
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
      const isRounding = sizes[k]! > 0 && sizes[k]! < resolved && Math.abs(actual[name]!.data[k]! - value) <= 2 * config.learningRate;
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
