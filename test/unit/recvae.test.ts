// What golden numbers don't show: agreement with autodiff and with finite differences, parts that add up, edge cases,
// memory, and bits that don't depend on the neighbours.
import type { Tensor, Tensor2D } from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs"; // its gradients
import { beforeAll, expect, test } from "vitest";
import { openParameters } from "../../services/server/run/parameters.ts";
import { gaussian, keepMask, permutation } from "../../shared/compute/draws.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import { openEngine } from "../../shared/compute/open-engine.ts";
import { normalisedRow } from "../../shared/neural/bag.ts";
import { uploadHidden } from "../../shared/neural/hidden.ts";
import { embeddingName, findNonFinite, initialise, type Weights } from "../../shared/neural/parameters.ts";
import { bagWidth, type Recipe } from "../../shared/neural/recipe.ts";
import { posterior } from "../../shared/neural/steps.ts";
import { defaults, type ModelConfig, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { onEachEngine, withoutTensorflow } from "./engines.ts";
import { inFloat64, klWeight, lossOf } from "./float64.ts";
import { type Batch, bagOf, decoderStep, deviation, encoderStep, networkOf, posteriors } from "./recvae.ts";

const small: ModelConfig = { ...defaults, items: 17, hidden: 7, latent: 4, gamma: 0.05 };

/** Some users' random rows, keyed dropout and noise. */
function batchOf(config: ModelConfig, users: number, rate: number): Batch {
  const rows = Array.from({ length: users }, (_, user) =>
    Int32Array.from(permutation(9, user, config.items).subarray(0, 1 + (user % 6))),
  );
  const values = rows.map((row, user) => normalisedRow(row, keepMask(9, 0, user, row.length, rate), rate));
  const noise_BL = Float32Array.from(rows.flatMap((_, user) => [...gaussian(9, 0, user, config.latent)]));
  return { rows, values, noise_BL };
}

onEachEngine((open, name) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open();
  });

  test("the engine is the one asked for, never the plain JavaScript backend", () => {
    expect(engine.name).toBe(name);
    expect(engine.tf.getBackend()).toBe(name === "graph" ? "tensorflow" : name);
  });

  const priors: [string, ModelConfig][] = [
    ["the composite prior", small],
    ["a constant KL weight", { ...small, gamma: null, beta: 0.3 }],
    ["a Gaussian prior, the other components left out", { ...small, mixtureWeights: [1, 0, 0] }],
    ["another LayerNorm eps and wide component", { ...small, layerNormEps: 1e-5, wideLogVariance: 3 }],
  ];

  test.each(priors)("with %s, every gradient agrees with finite differences of the loss in float64", (_, config) => {
    const weights = initialise(recipeOf(config), 4);
    const batch = batchOf(config, 6, 0.5);
    const old = posteriors(engine, recipeOf(config), initialise(recipeOf(config), 4, 1), batch.rows);
    const step = encoderStep(engine, recipeOf(config), weights, old, batch, { joint: true });
    const moved = inFloat64(weights);
    expect(deviation([step.reconstruction + step.kl], [lossOf(config, moved, old, batch)])).toBeLessThan(1e-5);
    for (const [tensor, { data }] of Object.entries(step.gradients)) {
      const differences = data.map((_, k) => {
        const at = moved[tensor]![k]!;
        const [above, below] = [1e-5, -1e-5].map((change) => {
          moved[tensor]![k] = at + change;
          return lossOf(config, moved, old, batch);
        }) as [number, number];
        moved[tensor]![k] = at;
        return (above - below) / 2e-5;
      });
      expect(deviation(data, differences), tensor).toBeLessThan(1e-4);
    }
  });

  test.each(priors)("with %s, every gradient agrees with autodiff", (_, config) => {
    const weights = initialise(recipeOf(config), 4);
    const batch = batchOf(config, 6, 0.5);
    const old = posteriors(engine, recipeOf(config), initialise(recipeOf(config), 4, 1), batch.rows);
    const step = encoderStep(engine, recipeOf(config), weights, old, batch);
    const automatic = autodiff(engine, config, weights, old, batch);
    expect(deviation([step.reconstruction + step.kl], [automatic.loss])).toBeLessThan(1e-5);
    for (const [tensor, { data }] of Object.entries(step.gradients))
      expect(deviation(data, automatic.gradients[tensor]!), tensor).toBeLessThan(1e-4);
    const decoder = decoderStep(engine, recipeOf(config), weights, batch);
    for (const [tensor, { data }] of Object.entries(decoder.gradients))
      expect(deviation(data, automatic.gradients[tensor]!), tensor).toBeLessThan(1e-4);
    const joint = encoderStep(engine, recipeOf(config), weights, old, batch, { joint: true });
    expect(joint.gradients).toEqual({ ...step.gradients, ...decoder.gradients });
    expect([joint.reconstruction, joint.kl]).toEqual([step.reconstruction, step.kl]);
  });

  test("with a Gaussian prior the KL term is the closed form of its sample, and nothing is read of the old posterior", () => {
    const config: ModelConfig = { ...small, mixtureWeights: [1, 0, 0] };
    const weights = initialise(recipeOf(config), 4);
    const batch = batchOf(config, 6, 0.5);
    const none = { mu_BL: new Float32Array(24).fill(Number.NaN), logvar_BL: new Float32Array(24).fill(Number.NaN) };
    const step = encoderStep(engine, recipeOf(config), weights, none, batch);
    const { mu_BL, logvar_BL } = decoderStep(engine, recipeOf(config), weights, batch);
    // log N(z; mu, e^logvar) - log N(z; 0, 1), with z - mu = noise * e^(logvar / 2)
    const closed = batch.rows.map(
      (row, user) =>
        row.length *
        0.05 *
        Array.from({ length: 4 }, (_, l) => {
          const [mu, logvar, noise] = [mu_BL, logvar_BL, batch.noise_BL].map((table) => table[user * 4 + l]!) as [
            number,
            number,
            number,
          ];
          return ((mu + noise * Math.exp(logvar / 2)) ** 2 - noise ** 2 - logvar) / 2;
        }).reduce((a, b) => a + b),
    );
    expect(step.kl).toBeCloseTo(closed.reduce((a, b) => a + b) / 6, 5);
    expect(findNonFinite(step.gradients)).toBeUndefined();
  });

  test("the contributions of parts add up to the step of the whole batch", () => {
    const weights = initialise(recipeOf(small), 4);
    const batch = batchOf(small, 7, 0.5);
    const old = posteriors(engine, recipeOf(small), initialise(recipeOf(small), 4, 1), batch.rows);
    const [whole, parts] = [
      encoderStep(engine, recipeOf(small), weights, old, batch),
      encoderStep(engine, recipeOf(small), weights, old, batch, { parts: 3 }),
    ];
    expect(deviation([parts.reconstruction, parts.kl], [whole.reconstruction, whole.kl])).toBeLessThan(1e-5);
    for (const [tensor, { data }] of Object.entries(whole.gradients))
      expect(deviation(parts.gradients[tensor]!.data, data), tensor).toBeLessThan(1e-5);
    const [wholeDecoder, partsDecoder] = [
      decoderStep(engine, recipeOf(small), weights, batch),
      decoderStep(engine, recipeOf(small), weights, batch, 3),
    ];
    for (const [tensor, { data }] of Object.entries(wholeDecoder.gradients))
      expect(deviation(partsDecoder.gradients[tensor]!.data, data), tensor).toBeLessThan(1e-5);
    expect(deviation(partsDecoder.mu_BL, wholeDecoder.mu_BL)).toBeLessThan(1e-5);
  });

  test("no tensor is left behind over 100 steps", () => {
    const parameters = openParameters(recipeOf({ ...small, learningRate: 1e-3 }), initialise(recipeOf(small), 4));
    const { weights } = parameters.store;
    const batch = batchOf(small, 6, 0.5);
    const old = posteriors(engine, recipeOf(small), weights, batch.rows);
    const before = engine.tf.memory().numTensors;
    for (let t = 1; t <= 100; t++)
      (t % 4
        ? encoderStep(engine, recipeOf(small), weights, old, batch)
        : decoderStep(engine, recipeOf(small), weights, batch)
      ).apply(parameters.updater);
    expect(engine.tf.memory().numTensors).toBe(before);
    expect(findNonFinite(weights)).toBeUndefined();
  });

  test("an empty history scores by the decoder's bias, a user's score doesn't depend on it", () => {
    const weights = initialise(recipeOf(small), 4);
    const logits = scores(engine, recipeOf(small), weights, [Int32Array.of(1, 5), new Int32Array(0), Int32Array.of(3)]);
    expect([...logits.subarray(17, 34)]).toEqual([...weights["decoder.bias"]!.data]);
    expect(
      deviation(logits.subarray(0, 17), scores(engine, recipeOf(small), weights, [Int32Array.of(1, 5)])),
    ).toBeLessThan(1e-5);
  });

  test.each([
    ["one user", small, [Int32Array.of(2, 3, 9)]],
    ["one-item users", small, [Int32Array.of(2), Int32Array.of(16)]],
    ["a user without items beside another", small, [new Int32Array(0), Int32Array.of(4, 5), new Int32Array(0)]],
    ["one item in all", { ...small, items: 1 }, [Int32Array.of(0), Int32Array.of(0)]],
  ])("a batch of %s trains without a NaN, also when everything is dropped", (_, config, rows) => {
    const weights = initialise(recipeOf(config), 4);
    const values = rows.map((row) => normalisedRow(row, new Uint8Array(row.length), 0.5));
    const batch = { rows, values, noise_BL: gaussian(1, 1, 1, rows.length * config.latent) };
    const old = posteriors(engine, recipeOf(config), weights, rows);
    const encoder = encoderStep(engine, recipeOf(config), weights, old, batch);
    const decoder = decoderStep(engine, recipeOf(config), weights, {
      ...batch,
      values: rows.map((row) => normalisedRow(row)),
    });
    expect(findNonFinite(encoder.gradients)).toBeUndefined();
    expect(findNonFinite(decoder.gradients)).toBeUndefined();
    expect([encoder.reconstruction, encoder.kl, decoder.reconstruction].every(Number.isFinite)).toBe(true);
  });

  test("the prior stays finite where every component's density underflows", () => {
    const weights = initialise(recipeOf(small), 4);
    const batch = batchOf(small, 3, 0.5);
    const far = { mu_BL: new Float32Array(12).fill(500), logvar_BL: new Float32Array(12).fill(-8) };
    const step = encoderStep(engine, recipeOf({ ...small, wideLogVariance: -5 }), weights, far, {
      ...batch,
      noise_BL: new Float32Array(12).fill(60),
    });
    expect(findNonFinite(step.gradients)).toBeUndefined();
    expect(Number.isFinite(step.kl)).toBe(true);
  });
});

// Exactness rests on the first half: parts are cut alike whoever computes them. Between parts of other sizes some
// processors' products differ in the last bit.
test.skipIf(withoutTensorflow)(
  "on TensorFlow, a part has the same bits every time, and a user's posterior hardly depends on who stands beside",
  async () => {
    const engine = await openEngine({ wanted: "tensorflow", threads: 1 });
    const config = { ...defaults, items: 50 };
    const hidden = uploadHidden(engine, recipeOf(config), initialise(recipeOf(config), 1));
    const bag_BH = Float32Array.from({ length: 500 * 600 }, (_, k) => Math.sin(k * 0.7) / 5);
    const all = posterior(engine, hidden, bag_BH);
    for (const count of [1, 50, 177, 250]) {
      const [some, again] = [
        posterior(engine, hidden, bag_BH.subarray(0, count * 600)),
        posterior(engine, hidden, bag_BH.subarray(0, count * 600)),
      ];
      expect(Buffer.from(again.mu_BL.buffer).equals(Buffer.from(some.mu_BL.buffer)), `${count} users`).toBe(true);
      expect(Buffer.from(again.logvar_BL.buffer).equals(Buffer.from(some.logvar_BL.buffer)), `${count} users`).toBe(
        true,
      );
      expect(deviation(some.mu_BL, all.mu_BL.subarray(0, count * 200)), `${count} users`).toBeLessThan(1e-5);
      expect(deviation(some.logvar_BL, all.logvar_BL.subarray(0, count * 200)), `${count} users`).toBeLessThan(1e-5);
    }
    hidden.dispose();
  },
);

function scores(engine: Engine, config: Recipe, weights: Weights, rows: Int32Array[]): Float32Array {
  const values = rows.map((row) => normalisedRow(row));
  const bag_BH = bagOf(weights[embeddingName]!.data, bagWidth(config), rows, values);
  return networkOf(engine, config, weights).score(bag_BH);
}

/** The loss as the specification writes it, dense, with the engine's own gradients. */
function autodiff(
  { tf }: Engine,
  config: ModelConfig,
  weights: Weights,
  old: { mu_BL: Float32Array; logvar_BL: Float32Array },
  batch: Batch,
) {
  return tf.tidy(() => {
    const names = Object.keys(weights);
    const tensors = names.map((name) => tf.tensor(weights[name]!.data, weights[name]!.shape));
    const users = batch.rows.length;
    const dense = (value: (user: number, k: number) => number) => {
      const x = new Float32Array(users * config.items);
      for (const [user, row] of batch.rows.entries()) {
        for (const [k, item] of row.entries()) x[user * config.items + item] = value(user, k);
      }
      return tf.tensor2d(x, [users, config.items]);
    };
    const [x_BI, dropped_BI] = [dense(() => 1), dense((user, k) => batch.values[user]![k]!)];
    const latent = (values: Float32Array) => tf.tensor2d(values, [users, config.latent]);
    const logNormal = (z: Tensor, mu: Tensor, logvar: Tensor) =>
      tf.mul(-0.5, tf.add(tf.add(logvar, Math.log(2 * Math.PI)), tf.div(tf.square(tf.sub(z, mu)), tf.exp(logvar))));
    const loss = (...all: Tensor[]) => {
      const w = (name: string) => all[names.indexOf(name)]!;
      let [h, skips]: [Tensor, Tensor | undefined] = [dropped_BI, undefined];
      for (let k = 1; k <= 5; k++) {
        let a: Tensor = tf.add(
          tf.matMul(h, k === 1 ? w(embeddingName) : tf.transpose(w(`encoder.fc${k}.weight`))),
          w(`encoder.fc${k}.bias`),
        );
        if (skips) a = tf.add(a, skips);
        const swish = tf.mul(a, tf.sigmoid(a));
        const { mean, variance } = tf.moments(swish, 1, true);
        h = tf.add(
          tf.mul(
            tf.div(tf.sub(swish, mean), tf.sqrt(tf.add(variance, config.layerNormEps))),
            w(`encoder.ln${k}.weight`),
          ),
          w(`encoder.ln${k}.bias`),
        );
        skips = skips ? tf.add(skips, h) : h;
      }
      const head = (name: string) =>
        tf.add(tf.matMul(h, tf.transpose(w(`encoder.${name}.weight`))), w(`encoder.${name}.bias`));
      const [mu, logvar] = [head("fc_mu"), head("fc_logvar")];
      const z = tf.add(mu, tf.mul(latent(batch.noise_BL), tf.exp(tf.div(logvar, 2))));
      const logits = tf.add(tf.matMul(z as Tensor2D, tf.transpose(w("decoder.weight"))), w("decoder.bias"));
      const nll = tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), x_BI), 1));
      const zero = tf.zerosLike(z);
      const parts = [
        logNormal(z, zero, zero),
        logNormal(z, latent(old.mu_BL), latent(old.logvar_BL)),
        logNormal(z, zero, tf.add(zero, config.wideLogVariance)),
      ];
      const mixed = parts.flatMap((part, c) =>
        config.mixtureWeights[c]! > 0 ? [tf.add(part, Math.log(config.mixtureWeights[c]!))] : [],
      );
      const kl = tf.sum(tf.sub(logNormal(z, mu, logvar), tf.logSumExp(tf.stack(mixed), 0)), 1);
      const klWeights = tf.tensor1d(batch.rows.map((row) => klWeight(config, row.length)));
      return tf.mean(tf.add(nll, tf.mul(kl, klWeights))).asScalar();
    };
    const gradients = tf.grads(loss)(tensors);
    return {
      loss: loss(...tensors).dataSync()[0]!,
      gradients: Object.fromEntries(names.map((name, k) => [name, gradients[k]!.dataSync() as Float32Array])) as Record<
        string,
        Float32Array
      >,
    };
  }) as unknown as { loss: number; gradients: Record<string, Float32Array> };
}
