// What an outer epoch does to the model, by every schedule of the ablation: which half moves, what is dropped, which encoder the prior comes from.
import { beforeAll, expect, test } from "vitest";
import type { Work } from "../../services/server/desk.ts";
import { Optimizer } from "../../services/server/optimizer.ts";
import { type Run, trainOuterEpoch } from "../../services/server/outer-epoch.ts";
import { Posteriors } from "../../services/server/posteriors.ts";
import { type Engine, openEngine } from "../../shared/engine/engine.ts";
import { normalisedRow } from "../../shared/model/bag.ts";
import { defaults } from "../../shared/model/config.ts";
import { permutation } from "../../shared/model/draws.ts";
import { initialise } from "../../shared/model/parameters.ts";
import { type Schedule, usualSchedule } from "../../shared/model/schedule.ts";
import { deviation, posteriors } from "./recvae.ts";
import { inProcess } from "./in-process.ts";

const config = { ...defaults, items: 12, hidden: 6, latent: 3, learningRate: 0.01 };
const seed = 3;
const rows = Array.from({ length: 9 }, (_, user) => permutation(5, user, config.items).slice(0, user % 5));
const rowOf = (user: number) => Int32Array.from(rows[user]!);
const users = Uint32Array.from(rows.keys());

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine({ threads: 1 });
});

const tensorOf = (work: Work, part: number, name: string) => work.inputs(part).find((tensor) => tensor.name === name)?.data as Float32Array;

/** Some epochs, each step told to `seen` before it is computed. */
async function train(
  change: Partial<Schedule>,
  epochs: number,
  seen: (work: Work, run: Run) => void,
  learningRate = config.learningRate,
): Promise<Run> {
  const optimizer = new Optimizer({ ...config, learningRate }, initialise(config, seed));
  const schedule = { ...usualSchedule, batchSize: 4, ...change };
  const run: Run = { seed, schedule, partSize: 2, optimizer, posteriors: new Posteriors(config.latent), step: 0, round: 0 };
  const runStep = inProcess(engine, seed, (work) => seen(work, run));
  for (let epoch = 0; epoch < epochs; epoch++) await trainOuterEpoch(run, users, rowOf, runStep);
  return run;
}

const schedules: [string, Partial<Schedule>][] = [
  ["alternating", {}],
  ["with noise in the decoder passes", { decoderNoise: true }],
  ["with two decoder passes", { decoderPasses: 2 }],
  ["not alternating", { notAlternating: true }],
];

test.each(schedules)("%s, each epoch's prior is what the encoder of the epoch before says of whole rows", async (_, change) => {
  const priors: Float32Array[] = [];
  let known = posteriors(engine, config, initialise(config, seed, 1), [...users].map(rowOf)); // of the independent first old encoder
  let round = -1;
  await train(change, 3, (work, run) => {
    if (work.phase !== "encoder" && work.phase !== "joint") return;
    if (run.round > round) {
      if (round >= 0) known = posteriors(engine, config, run.optimizer.weights, [...users].map(rowOf));
      round = run.round;
      priors.push(known.mu_BL);
    }
    work.parts.forEach((part, k) => {
      const expected = (table_UL: Float32Array) => [...part].flatMap((user) => [...table_UL.subarray(user * 3, user * 3 + 3)]);
      expect(deviation(tensorOf(work, k, "muOld"), expected(known.mu_BL))).toBeLessThan(1e-4);
      expect(deviation(tensorOf(work, k, "logvarOld"), expected(known.logvar_BL))).toBeLessThan(1e-4);
    });
  });
  expect(priors).toHaveLength(3);
  expect(deviation(priors[1]!, priors[0]!)).toBeGreaterThan(0.01);
  expect(deviation(priors[2]!, priors[1]!)).toBeGreaterThan(0.01);
});

test.each([
  ["alternating", {}, { encoder: 9, decoder: 3 }],
  ["with two decoder passes", { decoderPasses: 2 }, { encoder: 9, decoder: 6 }],
  ["not alternating", { notAlternating: true }, { encoder: 9, decoder: 9 }],
  ["not alternating, one pass", { notAlternating: true, encoderPasses: 1 }, { encoder: 3, decoder: 3 }],
])("%s, each half moves as often as its passes have batches", async (_, change, updates) => {
  expect((await train(change, 1, () => {})).optimizer.updates).toEqual(updates);
});

test.each([
  ["keep", false],
  ["drop", true],
])("decoder passes %s items when decoder noise is %s", async (_, decoderNoise) => {
  const differs = new Set<boolean>();
  await train({ decoderNoise }, 1, (work, run) => {
    if (work.phase !== "decoder") return;
    const batch = work.parts.flatMap((part) => [...part].map(rowOf));
    const whole_BH = run.optimizer.bag(
      batch,
      batch.map((row) => normalisedRow(row)),
    );
    const sent_BH = work.parts.flatMap((_, part) => [...tensorOf(work, part, "bag")]);
    differs.add(deviation(sent_BH, whole_BH) > 0.1);
  });
  expect([...differs]).toEqual([decoderNoise]);
});

test("the same seed trains the same model bit for bit, Adam's moments too", async () => {
  const [once, again] = [await train({}, 2, () => {}), await train({}, 2, () => {})];
  expect(again.optimizer.weights).toEqual(once.optimizer.weights);
  expect(again.optimizer.state()).toEqual(once.optimizer.state());
});

test("weights that leave float32 in an epoch's very last step end the run before they can become a checkpoint", async () => {
  const oneStep = { notAlternating: true, encoderPasses: 1, batchSize: 9 };
  await expect(train(oneStep, 1, () => {}, 1e39)).rejects.toThrow(
    /NOT_FINITE: tensor encoder\.fc1\.weight holds a NaN or an infinity: step 1\./,
  );
});
