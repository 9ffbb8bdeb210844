// What an outer epoch does to the model, by every schedule of the ablation: which half moves, what is dropped, which
// encoder the prior comes from.
import { beforeAll, expect, test } from "vitest";
import type { Run } from "../../services/server/run/run.ts";
import type { Work } from "../../services/server/scheduler/scheduler.ts";
import { permutation } from "../../shared/compute/draws.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import { openEngine } from "../../shared/compute/open-engine.ts";
import { normalisedRow } from "../../shared/neural/bag.ts";
import { initialise } from "../../shared/neural/parameters.ts";
import type { Schedule } from "../../shared/neural/schedule.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { train } from "./in-process.ts";
import { deviation, posteriors } from "./recvae.ts";

const config = recipeOf({ ...defaults, items: 12, hidden: 6, latent: 3, learningRate: 0.01 });
const seed = 3;
const rows = Array.from({ length: 9 }, (_, user) =>
  Int32Array.from(permutation(5, user, config.items).subarray(0, user % 5)),
);

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine({ threads: 1 });
});

const tensorOf = (work: Work, part: number, name: string) =>
  work.inputs(part).find((tensor) => tensor.name === name)?.data as Float32Array;

const trained = (schedule: Partial<Schedule>, epochs: number, seen?: (work: Work, run: Run) => void) =>
  train(engine, { config, rows, seed, epochs, schedule: { batchSize: 4, ...schedule } }, seen);

const schedules: [string, Partial<Schedule>][] = [
  ["alternating", {}],
  ["with noise in the decoder passes", { decoderNoise: true }],
  ["with two decoder passes", { decoderPasses: 2 }],
  ["not alternating", { alternating: false }],
];

test.each(schedules)(
  "%s, each epoch's prior is what the encoder of the epoch before says of whole rows",
  async (_, change) => {
    const priors: Float32Array[] = [];
    let known = posteriors(engine, config, initialise(config, seed, 1), rows); // of the independent first old encoder
    let round = -1;
    await trained(change, 3, (work, run) => {
      if (work.phase !== "encoder" && work.phase !== "joint") return;
      if (run.round > round) {
        if (round >= 0) known = posteriors(engine, config, run.store.weights, rows);
        round = run.round;
        priors.push(known.mu_BL);
      }
      work.parts.forEach((part, k) => {
        const expected = (table_UL: Float32Array) =>
          [...part].flatMap((user) => [...table_UL.subarray(user * 3, user * 3 + 3)]);
        expect(deviation(tensorOf(work, k, "muOld"), expected(known.mu_BL))).toBeLessThan(1e-4);
        expect(deviation(tensorOf(work, k, "logvarOld"), expected(known.logvar_BL))).toBeLessThan(1e-4);
      });
    });
    expect(priors).toHaveLength(3);
    expect(deviation(priors[1]!, priors[0]!)).toBeGreaterThan(0.01);
    expect(deviation(priors[2]!, priors[1]!)).toBeGreaterThan(0.01);
  },
);

test.each([
  ["alternating", {}, { encoder: 9, decoder: 3 }],
  ["with two decoder passes", { decoderPasses: 2 }, { encoder: 9, decoder: 6 }],
  ["not alternating", { alternating: false }, { encoder: 9, decoder: 9 }],
  ["not alternating, one pass", { alternating: false, encoderPasses: 1 }, { encoder: 3, decoder: 3 }],
])("%s, each half moves as often as its passes have batches", async (_, change, updates) => {
  expect((await trained(change, 1)).updater.updates).toEqual(updates);
});

test.each([
  ["keep", false],
  ["drop", true],
])("decoder passes %s items when decoder noise is %s", async (_, decoderNoise) => {
  const differs = new Set<boolean>();
  await trained({ decoderNoise }, 1, (work, run) => {
    if (work.phase !== "decoder") return;
    const batch = work.parts.flatMap((part) => [...part].map((user) => rows[user]!));
    const whole_BH = run.store.bag({ rows: batch, values: batch.map((row) => normalisedRow(row)) });
    const sent_BH = work.parts.flatMap((_, part) => [...tensorOf(work, part, "bag")]);
    differs.add(deviation(sent_BH, whole_BH) > 0.1);
  });
  expect([...differs]).toEqual([decoderNoise]);
});

test("the same seed trains the same model bit for bit, Adam's moments too", async () => {
  const [once, again] = [await trained({}, 2), await trained({}, 2)];
  expect(again.store.weights).toEqual(once.store.weights);
  expect(again.store.state()).toEqual(once.store.state());
});

test("weights that leave float32 in an epoch's very last step end the run before they can become a checkpoint", async () => {
  const oneStep = { alternating: false, encoderPasses: 1, batchSize: 9 };
  const wanted = { config: { ...config, learningRate: 1e39 }, rows, seed, epochs: 1, schedule: oneStep };
  await expect(train(engine, wanted)).rejects.toThrow(
    /NOT_FINITE: tensor encoder\.fc1\.weight holds a NaN or an infinity: step 1\./,
  );
});

test.each([
  ["exact", {}],
  ["local", { local: { every: 2, trainers: 2 } }],
])(
  "in %s mode numbers that travel as bfloat16 train nearly the same model, and the same one each time",
  async (_, mode) => {
    const wanted = { config, rows, seed, epochs: 2, schedule: { batchSize: 4 }, ...mode };
    const [whole, halved, again] = [
      await train(engine, wanted),
      await train(engine, { ...wanted, wire: "bf16" }),
      await train(engine, { ...wanted, wire: "bf16" }),
    ];
    const first = initialise(config, seed);
    for (const [name, { data }] of Object.entries(whole.store.weights)) {
      expect(again.store.weights[name]!.data, name).toEqual(halved.store.weights[name]!.data);
      const way = (from: Float32Array) => Math.sqrt(data.reduce((sum, x, k) => sum + (x - from[k]!) ** 2, 0));
      expect(halved.store.weights[name]!.data, name).not.toEqual(data);
      expect(way(halved.store.weights[name]!.data), name).toBeLessThan(way(first[name]!.data) / 4);
    }
  },
);
