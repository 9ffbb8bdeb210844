// The neural family: what its parts compute, however they are put together, against gradients that nobody derived by
// hand.
import type { Tensor, Tensor2D } from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { permutation, truncatedNormal, uniform } from "../../shared/compute/draws.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import { Kernels } from "../../shared/compute/kernels/kernels.ts";
import { rows as zeroRows } from "../../shared/compute/kernels/rows.ts";
import { openEngine } from "../../shared/compute/open-engine.ts";
import { valuesOf } from "../../shared/neural/bag.ts";
import { allShapesOf, embeddingOf, initialise, userName, type Weights } from "../../shared/neural/parameters.ts";
import { annealed, canGrow, latentOf, type Recipe } from "../../shared/neural/recipe.ts";
import { createScorer } from "../../shared/neural/scorer.ts";
import type { Turned } from "../../shared/systems/preset.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { type NeuralName, neuralNames, systemOf } from "../../shared/systems/registry.ts";
import { turnedRecipe } from "../../shared/systems/turned.ts";
import { onEachEngine } from "./engines.ts";
import { type FamilyBatch, familyStep } from "./family.ts";
import { train, trainOn } from "./in-process.ts";
import { deviation } from "./recvae.ts";

const items = 23;
const rows = Array.from({ length: 7 }, (_, user) =>
  Int32Array.from(permutation(9, user, items).subarray(0, 1 + ((3 * user) % 8))),
);
const sizes = { items, users: rows.length };

/** Those whose parts can be turned. */
const familyNames = neuralNames.filter((name) => !systemOf(name).preset.settled);
const recipeFor = (name: NeuralName, turned: Turned = {}): Recipe =>
  turnedRecipe(
    systemOf(name).preset,
    { hidden: 9, ...(systemOf(name).preset.recipe.latent === null ? {} : { latent: 5 }), ...turned },
    sizes,
  );

/** Large enough that tanh bends and no gradient is lost in rounding. */
function weightsFor(recipe: Recipe): Weights {
  return Object.fromEntries(
    allShapesOf(recipe).map(([name, shape], k) => {
      const data = uniform(3, k, 0.6, new Float32Array(shape.reduce((a, b) => a * b)));
      return [name, { shape, data: /\.ln\d\.weight/.test(name) ? data.map((x) => x + 1) : data }];
    }),
  );
}

function batchFor(recipe: Recipe): FamilyBatch {
  const size = rows.length * latentOf(recipe);
  const draws = (stream: number) => uniform(4, stream, 1, new Float32Array(size));
  return {
    rows,
    values: valuesOf(recipe.input, rows, { seed: 1, step: 2, rate: 0.3, users: rows.map((_, user) => user) }),
    own: recipe.users > 0 ? rows.map((_, user) => user) : undefined,
    noise_BL: draws(1),
    ...(size > 0 && { old: { mu_BL: draws(2), logvar_BL: draws(3) } }),
    beta: 0.7,
  };
}

const systems: [string, NeuralName, Turned][] = [
  ["Mult-VAE", "mult-vae", {}],
  ["Mult-DAE", "mult-dae", { weightDecay: 0.01 }],
  ["CDAE", "cdae", {}],
  ["VAE with Bernoulli's likelihood", "vae", {}],
  ["VAE with the Gaussian likelihood", "vae", { likelihood: "gaussian" }],
  ["beta-VAE with a linear decoder", "beta-vae", { decoder: "linear" }],
  ["denoising VAE with a penalty on weights", "dvae", { weightDecay: 0.02 }],
  [
    "CDAE with a tanh layer before the last and Bernoulli's likelihood",
    "cdae",
    { decoder: "tanh", likelihood: "bernoulli" },
  ],
  ["Mult-VAE with a KL weight per item", "mult-vae", { gamma: 0.05 }],
  ["Mult-VAE with RecVAE's prior", "mult-vae", { prior: "composite" }],
  ["Mult-VAE without a hidden layer", "mult-vae", { layers: 0 }],
  ["Mult-VAE with two on either side", "mult-vae", { layers: 2 }],
];

onEachEngine((open) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open();
  });

  test.each(systems)(
    "%s: every gradient and the loss are those that the engine differentiates by itself",
    (_, name, turned) => {
      const recipe = recipeFor(name, turned);
      const [weights, batch] = [weightsFor(recipe), batchFor(recipe)];
      const step = familyStep(engine, recipe, weights, batch);
      const expected = autodiff(engine, recipe, weights, batch);
      const { weightDecay } = recipe;
      const squares = Object.entries(weights)
        .filter(([name]) => name.endsWith("weight"))
        .flatMap(([, { data }]) => [...data]);
      const penalty = weightDecay * squares.reduce((sum, x) => sum + x ** 2, 0);
      expect(deviation([step.reconstruction + step.kl + penalty], [expected.loss])).toBeLessThan(1e-4);
      for (const [name, data] of Object.entries(expected.gradients))
        expect(deviation(step.gradients[name]!.data, data), name).toBeLessThan(1e-3);
    },
  );

  test.each([
    ...systems,
    ["Mult-VAE with RecVAE's encoder", "mult-vae", { encoder: "residual" }] as (typeof systems)[number],
  ])("%s: parts add up to the step", (_, name, turned) => {
    const recipe = recipeFor(name, turned);
    const [weights, batch] = [weightsFor(recipe), batchFor(recipe)];
    const [whole, cut] = [familyStep(engine, recipe, weights, batch), familyStep(engine, recipe, weights, batch, 3)];
    expect(deviation([cut.reconstruction, cut.kl], [whole.reconstruction, whole.kl])).toBeLessThan(1e-5);
    for (const [name, { data }] of Object.entries(whole.gradients))
      expect(deviation(cut.gradients[name]!.data, data), name).toBeLessThan(1e-4);
  });

  test.each(familyNames)(
    "%s: no bit of a user's scores depends on company, and whoever has nothing gets the decoder's bias",
    (name) => {
      const recipe = recipeFor(name);
      const weights = weightsFor(recipe);
      const scorer = createScorer(engine, recipe, weights);
      const together = scorer.scoreBatch([...rows, new Int32Array(0)]);
      rows.forEach((row, user) => {
        expect(scorer.scoreBatch([row]), `user ${user}`).toEqual(together.slice(user * items, (user + 1) * items));
      });
      const last = recipe.decoder.length === 0 ? "decoder" : `decoder.fc${recipe.decoder.length + 1}`;
      expect(together.slice(rows.length * items)).toEqual(weights[`${last}.bias`]!.data);
      scorer.dispose();
    },
  );

  test("RecVAE's own record and Mult-VAE turned to its recipe train the same model, bit for bit", async () => {
    const config = recipeOf({ ...defaults, items, hidden: 8, latent: 3, learningRate: 0.01 });
    const parts = { encoder: "residual", decoder: "linear", prior: "composite", firstValues: "pytorch" } as const;
    const turned = recipeFor("mult-vae", { ...parts, hidden: 8, latent: 3, learningRate: 0.01 });
    const wanted = { rows, seed: 5, epochs: 2, schedule: { batchSize: 4 } };
    const [own, read] = [
      await train(engine, { ...wanted, config }),
      await train(engine, { ...wanted, config: turned }),
    ];
    expect(read.store.weights).toEqual(own.store.weights);
    expect(read.store.state()).toEqual(own.store.state());
  });

  test.each([
    ["mult-vae", {}],
    ["mult-vae", { encoder: "residual", prior: "composite" }],
    ["mult-vae", { layers: 0 }],
    ["mult-dae", {}],
    ["cdae", {}],
    ["dvae", {}],
  ] as [NeuralName, Turned][])(
    "%s %j learns its users' rows together or by turns, through the bytes of the wire",
    async (name, turned) => {
      const config = recipeFor(name, { ...turned, learningRate: 0.02 });
      for (const alternating of [false, true]) {
        const run = await train(engine, {
          config,
          rows,
          seed: 5,
          epochs: 0,
          schedule: { batchSize: 4, encoderPasses: 1, alternating },
        });
        const losses = await trainOn(engine, run, rows, 25);
        const total = losses.map(({ reconstruction, kl }) => reconstruction + kl);
        expect(total.at(-1), `alternating ${alternating}`).toBeLessThan(0.9 * total[0]!);
      }
    },
  );
});

test.each(["mult-vae", "mult-dae"] as const)(
  "a %s that grows leaves old users' scores of old items as they were, and trains on",
  async (name) => {
    const engine = await openEngine({ threads: 1 });
    const schedule = { batchSize: 4, encoderPasses: 1, alternating: false };
    const run = await train(engine, { config: recipeFor(name), rows, seed: 5, epochs: 2, schedule });
    const { store } = run;
    const scores = () => {
      const scorer = createScorer(engine, store.config, store.weights);
      const found = scorer.scoreBatch([...rows]);
      scorer.dispose();
      return rows.map((_, user) => found.slice(user * store.config.items, user * store.config.items + items));
    };
    const before = scores();
    store.grow(
      items + 3,
      Float64Array.from({ length: items + 3 }, (_, item) => 1 + (item % 5)),
      run.seed,
    );
    expect(
      deviation(
        scores().flatMap((row) => [...row]),
        before.flatMap((row) => [...row]),
      ),
    ).toBeLessThan(1e-6);
    const later = rows.map((row, user) => Int32Array.from([...row, items + (user % 3)]));
    await trainOn(engine, run, later, 1);
    const embedding = store.weights[embeddingOf(store.config)]!;
    expect(embedding.shape).toEqual([items + 3, 9]);
    expect(embedding.data.subarray(items * 9).some((x) => x !== 0)).toBe(true);
  },
);

test.each(familyNames)("only a multinomial likelihood without users' vectors takes up new items: %s", (name) => {
  expect(canGrow(recipeFor(name))).toBe(["mult-vae", "mult-dae", "ract"].includes(name));
});

test.each(familyNames)("%s begins with Xavier's bounds, and small biases within two deviations", (name) => {
  const recipe = recipeFor(name);
  const weights = initialise(recipe, 1337);
  for (const [tensor, { shape, data }] of Object.entries(weights)) {
    const bound = tensor.endsWith("bias") ? 0.002 : Math.sqrt(6 / (shape[0]! + shape[1]!));
    expect(Math.max(...data.map(Math.abs)), tensor).toBeLessThanOrEqual(bound);
    expect(new Set(data).size, tensor).toBe(data.length);
  }
});

test("truncated normal draws have the deviation of a normal that is cut at twice its own", () => {
  const draws = truncatedNormal(7, 1, 1, new Float32Array(100_000));
  const variance = draws.reduce((sum, x) => sum + x ** 2, 0) / draws.length;
  expect(Math.sqrt(variance)).toBeCloseTo(0.88, 2);
  expect(Math.max(...draws.map(Math.abs))).toBeLessThanOrEqual(2);
  expect(draws.reduce((sum, x) => sum + x, 0) / draws.length).toBeCloseTo(0, 1);
});

describe("an annealed KL term", () => {
  test("grows evenly with the updates and stops at its cap", () => {
    const recipe = recipeFor("mult-vae", { beta: 0.3, annealSteps: 100 });
    expect([0, 10, 30, 31, 1000].map((updates) => annealed(recipe, updates))).toEqual([0, 0.1, 0.3, 0.3, 0.3]);
    expect(annealed(recipeFor("mult-vae", { beta: 0.3, annealSteps: 0 }), 0)).toBe(0.3);
    expect(annealed(recipeFor("mult-vae", { gamma: 0.1 }), 50)).toBeUndefined();
    expect(annealed(recipeFor("mult-dae"), 50)).toBeUndefined();
    expect(annealed(recipeOf({ ...defaults, items }), 50)).toBeUndefined();
  });
});

test("a user's own vector moves by the user's own gradient alone, and is no held-out user's", async () => {
  const config = recipeFor("cdae");
  const engine = await openEngine({ threads: 1 });
  const seen = rows.slice(0, 4);
  const run = await train(engine, {
    config,
    rows: seen,
    seed: 5,
    epochs: 1,
    schedule: { batchSize: 4, encoderPasses: 1, alternating: false },
  });
  const [before, after] = [initialise(config, 5)[userName]!, run.store.weights[userName]!];
  const moved = rows.map((_, user) =>
    [0, 1, 2, 3, 4, 5, 6, 7, 8].some((k) => after.data[user * 9 + k] !== before.data[user * 9 + k]),
  );
  expect(moved).toEqual([true, true, true, true, false, false, false]);
});

test("tanh of the kernels is within 4e-7 of the exact one, over the whole range, and keeps a NaN", () => {
  const kernels = new Kernels();
  const h = zeroRows(kernels.memory, 1, 4004);
  const x = Float32Array.from({ length: 4004 }, (_, k) => (k - 2002) / 200);
  h.data.set(x);
  h.data[7] = Number.NaN;
  h.data[8] = 1e30;
  kernels.tanh(h, zeroRows(kernels.memory, 1, 4004));
  expect(h.data[7]).toBeNaN();
  expect(h.data[8]).toBe(1);
  const off = x.map((value, k) =>
    k === 7 || k === 8 ? 0 : Math.abs(h.data[k]! - Math.tanh(value)) / Math.max(1e-3, Math.abs(Math.tanh(value))),
  );
  expect(Math.max(...off)).toBeLessThan(4e-7);
});

/** The loss as it is written down, dense, with the engine's own gradients. Plain encoders. */
function autodiff({ tf }: Engine, recipe: Recipe, weights: Weights, batch: FamilyBatch) {
  return tf.tidy(() => {
    const names = Object.keys(weights);
    const tensors = names.map((name) => tf.tensor(weights[name]!.data, weights[name]!.shape));
    const users = batch.rows.length;
    const dense = (value: (user: number, k: number) => number) => {
      const x = new Float32Array(users * items);
      for (const [user, row] of batch.rows.entries())
        for (const [k, item] of row.entries()) x[user * items + item] = value(user, k);
      return tf.tensor2d(x, [users, items]);
    };
    const [x_BI, dropped_BI] = [dense(() => 1), dense((user, k) => batch.values[user]![k]!)];
    const { latent, regulariser, likelihood } = recipe;
    const loss = (...all: Tensor[]) => {
      const w = (name: string) => all[names.indexOf(name)]!;
      const layers = (half: string) =>
        names
          .filter((name) => name.startsWith(half) && name.endsWith("weight"))
          .map((name) => name.slice(0, -".weight".length));
      const linear = (h: Tensor, layer: string) =>
        tf.add(
          tf.matMul(
            h,
            `${layer}.weight` === embeddingOf(recipe) ? w(`${layer}.weight`) : tf.transpose(w(`${layer}.weight`)),
          ),
          w(`${layer}.bias`),
        );
      let h: Tensor = dropped_BI;
      layers("encoder").forEach((layer, k, { length }) => {
        h = linear(h, layer);
        if (k === 0 && batch.own) h = tf.add(h, w(userName));
        if (latent === null || k < length - 1) h = tf.tanh(h);
      });
      let kl: Tensor = tf.zeros([users]);
      if (latent !== null) {
        const [mu, logvar] = tf.split(h, 2, 1) as [Tensor2D, Tensor2D];
        const of = (values: Float32Array) => tf.tensor2d(values, [users, latent]);
        h = tf.add(mu, tf.mul(of(batch.noise_BL), tf.exp(tf.div(logvar, 2))));
        if (regulariser.kind === "standard") {
          kl = tf.sum(tf.mul(0.5, tf.sub(tf.add(tf.square(mu), tf.exp(logvar)), tf.add(1, logvar))), 1);
          kl = tf.mul(
            kl,
            regulariser.gamma === null
              ? batch.beta!
              : tf.tensor1d(batch.rows.map((row) => regulariser.gamma! * row.length)),
          );
        } else if (regulariser.kind === "composite") {
          const logNormal = (mean: Tensor, logVariance: Tensor) =>
            tf.mul(
              -0.5,
              tf.add(
                tf.add(logVariance, Math.log(2 * Math.PI)),
                tf.div(tf.square(tf.sub(h, mean)), tf.exp(logVariance)),
              ),
            );
          const zero = tf.zerosLike(h);
          const wide = tf.add(zero, regulariser.wideLogVariance);
          const mixed = [
            logNormal(zero, zero),
            logNormal(of(batch.old!.mu_BL), of(batch.old!.logvar_BL)),
            logNormal(zero, wide),
          ];
          const prior = tf.logSumExp(
            tf.stack(mixed.map((each, c) => tf.add(each, Math.log(regulariser.mixtureWeights[c]!)))),
            0,
          );
          kl = tf.sum(tf.sub(logNormal(mu, logvar), prior), 1);
          kl = tf.mul(kl, tf.tensor1d(batch.rows.map((row) => regulariser.gamma! * row.length)));
        }
      }
      layers("decoder").forEach((layer, k, { length }) => {
        h = linear(h, layer);
        if (k < length - 1) h = tf.tanh(h);
      });
      const scores = h;
      const likelihoods: Partial<Record<Recipe["likelihood"], () => Tensor>> = {
        multinomial: () => tf.neg(tf.sum(tf.mul(tf.logSoftmax(scores), x_BI), 1)),
        gaussian: () => tf.mul(0.5, tf.sum(tf.square(tf.sub(scores, x_BI)), 1)),
        square: () => tf.sum(tf.square(tf.sub(scores, x_BI)), 1),
        bernoulli: () => tf.sum(tf.sub(tf.log1p(tf.exp(scores)), tf.mul(scores, x_BI)), 1),
      };
      const nll = likelihoods[likelihood]!();
      const penalties = names
        .filter((name) => name.endsWith("weight"))
        .map((name) => tf.mul(recipe.weightDecay, tf.sum(tf.square(w(name)))));
      return tf.add(tf.mean(tf.add(nll, kl)), tf.addN(penalties)).asScalar();
    };
    const gradients = tf.grads(loss)(tensors);
    return {
      loss: loss(...tensors).dataSync()[0]!,
      gradients: Object.fromEntries(names.map((name, k) => [name, gradients[k]!.dataSync() as Float32Array])) as Record<
        string,
        Float32Array
      >,
    };
  });
}
