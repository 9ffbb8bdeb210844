// Local mode: what an outer step is made of, and what it does to the model.
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { trainOuterEpoch } from "../../services/server/run/outer-epoch.ts";
import { ownBatchOf, ownSteps, stintsOf } from "../../services/server/run/outer-step.ts";
import { openParameters } from "../../services/server/run/parameters.ts";
import { permutation } from "../../shared/compute/draws.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import { openEngine } from "../../shared/compute/open-engine.ts";
import { embeddingName, initialise, shapesOf } from "../../shared/neural/parameters.ts";
import { outerEpoch, usualSchedule } from "../../shared/neural/schedule.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { inProcess, train, trainOn } from "./in-process.ts";
import { deviation } from "./recvae.ts";

const settings = { ...defaults, items: 12, hidden: 6, latent: 3, learningRate: 0.01 };
const config = recipeOf(settings);
const seed = 3;
const schedule = { batchSize: 4 };
const someItems = Array.from({ length: 9 }, (_, user) =>
  Int32Array.from(permutation(5, user, config.items).subarray(0, 2 + (user % 5))),
);
const allItems = someItems.map((_, user) => Int32Array.from(permutation(5, user, config.items)));

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine({ threads: 1 });
});

test("N trainers take as many steps one after another as one: quality at long stints fell with their number", async () => {
  const longest = async (trainers: number) => {
    let taken = 0;
    const wanted = {
      config,
      rows: allItems,
      seed,
      epochs: 1,
      schedule: { batchSize: 3 },
      local: { every: 9, trainers },
    };
    await train(engine, wanted, ({ local }) => {
      taken += Math.max(...(local ?? []).map(({ inner }) => inner.length), 0);
    });
    return taken;
  };
  expect([await longest(1), await longest(3)]).toEqual([12, 12]); // of nine users, in four passes
});

test.each([
  [500, 1, 500, 1],
  [500, 2, 250, 2],
  [500, 3, 167, 3],
  [500, 4, 125, 4],
  [3, 8, 1, 3],
])("a batch of %i by %i trainers is taken in steps of %i, %i of them", (batch, trainers, own, steps) => {
  expect(ownBatchOf(batch, trainers)).toBe(own);
  expect(ownSteps(batch, own)).toBe(steps);
});

describe("outer steps", () => {
  const plan = (users: number, batchSize: number) =>
    outerEpoch({
      users: Uint32Array.from({ length: users }, (_, k) => k),
      seed,
      epoch: 0,
      firstStep: 5,
      schedule: { ...usualSchedule, batchSize },
    });

  test("whatever number of trainers comes and goes, every step of an epoch is taken once, in order, by stints of one phase that are as long as asked at most", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 9 }),
        fc.array(fc.nat(6), { minLength: 1 }),
        (users, every, there) => {
          const steps = plan(users, 4);
          const taken: number[] = [];
          for (let outer = 0; taken.length < steps.length; outer++) {
            const trainers = there[outer % there.length]!;
            const stints = stintsOf(steps, taken.length, every, trainers);
            expect(stints.length).toBeLessThanOrEqual(Math.max(1, trainers));
            expect(new Set(stints.flat().map(({ phase }) => phase)).size).toBe(1);
            for (const stint of stints) {
              expect(stint.length).toBeGreaterThan(0);
              expect(stint.length).toBeLessThanOrEqual(every);
            }
            taken.push(...stints.flat().map(({ index }) => index));
          }
          expect(taken).toEqual(steps.map(({ index }) => index));
        },
      ),
      { seed: 1337 },
    );
  });

  test("a phase is cut into outer steps of one length: no trainer idles in a short last one", () => {
    // 27 encoder steps
    const lengths = (trainers: number) => stintsOf(plan(36, 4), 0, 8, trainers).map(({ length }) => length);
    expect(lengths(1)).toEqual([7]);
    expect(lengths(2)).toEqual([7, 7]);
    expect(lengths(4)).toEqual([6, 7, 7, 7]);
  });
});

test.each([
  ["alternating", {}],
  ["with two decoder passes", { decoderPasses: 2 }],
  ["not alternating", { alternating: false }],
])(
  "%s, one trainer that takes steps of its own comes where exact steps of one part come, if batches hold every item",
  async (_, change) => {
    const wanted = { config: { ...config, dropoutRate: 0 }, rows: allItems, seed, epochs: 2, partSize: 3 };
    const exact = await train(engine, { ...wanted, schedule: { ...change, batchSize: 3 } });
    const local = await train(engine, {
      ...wanted,
      schedule: { ...change, batchSize: 3 },
      local: { every: 2, trainers: 1 },
    });
    expect(local.step).toBe(exact.step);
    for (const [name, { data }] of Object.entries(exact.store.weights))
      expect(deviation(local.store.weights[name]!.data, data), name).toBeLessThan(1e-3);
    expect(local.posteriors.has(0, config.items)).toBe(!("alternating" in change));
  },
);

test("rows of items that nobody in an outer step holds stay where they are, the others move", async () => {
  const rows = someItems.map((row) => row.filter((item) => item < 7));
  const { store } = await train(engine, { config, rows, seed, epochs: 1, schedule, local: { every: 2, trainers: 2 } });
  const [before, after] = [initialise(config, seed), store.weights].map((weights) => weights[embeddingName]!.data);
  expect(after!.subarray(7 * settings.hidden)).toEqual(before!.subarray(7 * settings.hidden));
  expect(deviation(after!.subarray(0, 7 * settings.hidden), before!.subarray(0, 7 * settings.hidden))).toBeGreaterThan(
    0.01,
  );
});

test("dropout and noise are those of the steps, not of the outer ones: two trainers' loss is near what one trainer's is, and both learn", async () => {
  const loss = async (trainers: number) => {
    const local = { every: 2, trainers };
    const run = await train(engine, { config, rows: someItems, seed, epochs: 0, schedule, local });
    return (await trainOn(engine, run, someItems, 12)).map(({ reconstruction }) => reconstruction);
  };
  const [one, two] = [await loss(1), await loss(2)];
  expect(one.at(-1)).toBeLessThan(one[0]! * 0.95);
  expect(two.at(-1)).toBeLessThan(two[0]! * 0.95);
  expect(two[0]).toBeCloseTo(one[0]!, 0);
});

test("trainers follow a model that grows between two outer steps, with the moments that they have", async () => {
  const rows = someItems.map((row) => row.filter((item) => item < 7));
  const run = await train(engine, {
    config: { ...config, items: 7 },
    rows,
    seed,
    epochs: 0,
    schedule,
    local: { every: 2, trainers: 2 },
  });
  const runStep = inProcess(engine, seed, () => {}, 2);
  const users = Uint32Array.from(rows.keys());
  const first = await trainOuterEpoch(run, users, (user) => rows[user]!, runStep);
  run.store.grow(config.items, new Float64Array(config.items).fill(1), seed);
  const before = run.store.weights[embeddingName]!.data.slice();
  expect(before.subarray(7 * settings.hidden).every((x) => x === 0)).toBe(true);
  const second = await trainOuterEpoch(run, users, (user) => someItems[user]!, runStep);
  const moved = run.store.weights[embeddingName]!.data;
  expect(moved.subarray(7 * settings.hidden).every((x) => x !== 0)).toBe(true);
  expect(deviation(moved.subarray(0, 7 * settings.hidden), before.subarray(0, 7 * settings.hidden))).toBeGreaterThan(
    0.01,
  );
  for (const { reconstruction, kl } of [first, second]) expect(Number.isFinite(reconstruction + kl)).toBe(true);
});

describe("an average", () => {
  const tensorsOf = (group: "hidden" | "decoder", value: number) =>
    Object.fromEntries(
      shapesOf(group, config).map(([name, shape]) => [
        name,
        { shape, data: new Float32Array(shape.reduce((a, b) => a * b)).fill(value) },
      ]),
    );
  const rows = (...values: number[]) => ({
    rows: {
      shape: [values.length, settings.hidden],
      data: Float32Array.from(values.flatMap((value) => Array<number>(settings.hidden).fill(value))),
    },
  });
  const moved = (before: Float32Array, after: Float32Array) => Array.from(after, (x, k) => x - before[k]!);

  test("weighs how far trainers came by their examples, and a row of the first layer by the examples that hold it", () => {
    const weights = initialise(config, 1);
    const parameters = openParameters(config, weights);
    const came = [
      {
        share: 0.75,
        tensors: { ...tensorsOf("hidden", 1), ...rows(1, 1) },
        touched: { items: Int32Array.of(2, 5), shares: Float32Array.of(1, 0.25) },
      },
      {
        share: 0.25,
        tensors: { ...tensorsOf("hidden", -1), ...rows(-1, 3) },
        touched: { items: Int32Array.of(5, 11), shares: Float32Array.of(0.75, 1) },
      },
    ];
    parameters.updater.average("encoder", came, 0);
    for (const [name] of shapesOf("hidden", config))
      for (const by of moved(weights[name]!.data, parameters.store.weights[name]!.data)) expect(by).toBeCloseTo(0.5, 5);
    const byRow = moved(weights[embeddingName]!.data, parameters.store.weights[embeddingName]!.data).filter(
      (_, k) => k % settings.hidden === 0,
    );
    expect(byRow.map((by) => Math.round(by * 1e4) / 1e4)).toEqual([0, 0, 1, 0, 0, -0.5, 0, 0, 0, 0, 0, 3]);
    expect(parameters.store.weights["decoder.weight"]!.data).toEqual(weights["decoder.weight"]!.data);
  });

  test.each(["encoder.fc3.weight", "rows"])("with a NaN in %s is refused before a weight is touched", (name) => {
    const parameters = openParameters(config, initialise(config, 1));
    const tensors = { ...tensorsOf("hidden", 1), ...rows(1) };
    tensors[name as "rows"].data[3] = Number.NaN;
    // a clone would share the memory
    const before = Object.entries(parameters.store.weights).map(([key, { data }]) => [key, data.slice()] as const);
    const touched = { items: Int32Array.of(0), shares: Float32Array.of(1) };
    expect(() => parameters.updater.average("encoder", [{ share: 1, tensors, touched }], 4)).toThrow(
      /NOT_FINITE.*step 4/,
    );
    for (const [key, data] of before) expect(parameters.store.weights[key]!.data, key).toEqual(data);
  });
});
