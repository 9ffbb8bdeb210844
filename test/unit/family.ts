// A joint step of a system of the neural family, put together as server and trainers do: bags, each part's gradients,
// Adam over their sum. For the tests of the family.
import { openParameters } from "../../services/server/run/parameters.ts";
import type { StepUsers } from "../../services/server/run/store.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import type { Posterior } from "../../shared/neural/network.ts";
import { embeddingOf, shapesOf, userName, type Weights } from "../../shared/neural/parameters.ts";
import { latentOf, type Recipe } from "../../shared/neural/recipe.ts";
import { networkOf } from "./recvae.ts";

export interface FamilyBatch extends StepUsers {
  readonly noise_BL: Float32Array;
  /** For the composite prior. */
  readonly old?: Posterior;
  /** Weight of an annealed KL term. */
  readonly beta?: number | undefined;
}

export interface FamilyStep {
  /** Of every tensor, the first layer's and the penalty on weights included. */
  readonly gradients: Weights;
  readonly reconstruction: number;
  readonly kl: number;
  /** After Adam's first step. */
  readonly moved: Weights;
}

export function familyStep(
  engine: Engine,
  recipe: Recipe,
  weights: Weights,
  batch: FamilyBatch,
  parts = 1,
): FamilyStep {
  const parameters = openParameters(recipe, weights);
  const { rows, noise_BL, old, beta } = batch;
  const bags_BH = parameters.store.bag(batch);
  const width = bags_BH.length / rows.length;
  const network = networkOf(engine, recipe, weights);
  const size = Math.ceil(rows.length / parts);
  const answers = Array.from({ length: parts }, (_, part) => {
    const some = (table: Float32Array, columns: number) =>
      table.subarray(part * size * columns, (part + 1) * size * columns);
    const latent = latentOf(recipe);
    const given = {
      bag_BH: some(bags_BH, width),
      rows: rows.slice(part * size, (part + 1) * size),
      noise_BL: some(noise_BL, latent),
      old: old && { mu_BL: some(old.mu_BL, latent), logvar_BL: some(old.logvar_BL, latent) },
      batchSize: rows.length,
      beta,
    };
    const { gradients, dBag_BH, ...losses } = network.encoder(given, true);
    const dBag = { shape: [dBag_BH.length / width, width], data: dBag_BH };
    return { tensors: { ...gradients, dBag } as Weights, ...losses };
  });
  const gradients = withPenalty(summed(answers, batch, recipe), weights, recipe);
  parameters.updater.step(
    "joint",
    answers.map(({ tensors }) => ({ tensors })),
    batch,
    0,
  );
  const sum = (of: (answer: (typeof answers)[number]) => number) =>
    answers.reduce((total, answer) => total + of(answer), 0);
  return {
    gradients,
    reconstruction: sum(({ reconstruction }) => reconstruction),
    kl: sum(({ kl }) => kl),
    moved: parameters.store.weights,
  };
}

/** The parts' gradients added up; those of the first layer from those of the bags. */
function summed(answers: readonly { tensors: Weights }[], { rows, values, own }: FamilyBatch, recipe: Recipe): Weights {
  const total: Weights = {};
  for (const group of ["hidden", "decoder"] as const)
    for (const [name, shape] of shapesOf(group, recipe)) {
      const data = answers[0]!.tensors[name]!.data.map((_, k) =>
        answers.reduce((sum, { tensors }) => sum + tensors[name]!.data[k]!, 0),
      );
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

/** What Adam adds by itself. */
function withPenalty(gradients: Weights, weights: Weights, { weightDecay }: Recipe): Weights {
  return Object.fromEntries(
    Object.entries(gradients).map(([name, { shape, data }]) => {
      const factor = name.endsWith("weight") ? 2 * weightDecay : 0;
      return [name, { shape, data: data.map((value, k) => value + factor * weights[name]!.data[k]!) }];
    }),
  );
}
