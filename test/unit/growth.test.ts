// New items at a round's boundary: the model grows where it stands, nobody's scores move at that moment, and training
// goes on as in a model that always had this size.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openParameters } from "../../services/server/run/parameters.ts";
import { Posteriors } from "../../services/server/run/posteriors.ts";
import type { Run } from "../../services/server/run/run.ts";
import { writeJob } from "../../services/server/saving/checkpoint-writer.ts";
import { contentsOf, latestCheckpoint, resumeOrBegin } from "../../services/server/saving/persistence.ts";
import { assembled } from "../../shared/checkpoints/pieces.ts";
import { permutation } from "../../shared/compute/draws.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import { openEngine } from "../../shared/compute/open-engine.ts";
import { embeddingName, initialise, type Weights } from "../../shared/neural/parameters.ts";
import { usualSchedule } from "../../shared/neural/schedule.ts";
import { createScorer } from "../../shared/neural/scorer.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { defaults, type ModelConfig, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { onEachEngine } from "./engines.ts";
import { train, trainOn } from "./in-process.ts";
import { deviation } from "./recvae.ts";

const settings: ModelConfig = { ...defaults, items: 30, hidden: 6, latent: 3, learningRate: 0.01 };
const config = recipeOf(settings);
const [few, many] = [config.items, 70];
const seed = 7;
const popularity = (items: number) => Float64Array.from({ length: items }, (_, item) => item % 9);
/** In no order of the columns. */
const rowsOf = (items: number) =>
  Array.from({ length: 9 }, (_, user) => Int32Array.from(permutation(5, user, items).subarray(0, 3 + 2 * user)));
/** Segments of 32 rows: growing from 30 to 70 crosses two boundaries. */
const TINY = 1;
const schedule = { batchSize: 4 };

const copied = (weights: Weights) =>
  Object.fromEntries(Object.entries(weights).map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]));
const everything = ({ store }: Run) => copied({ ...store.weights, ...store.state() });

const out = mkdtempSync(join(tmpdir(), "tributary-growth-"));
afterAll(() => rmSync(out, { recursive: true }));

onEachEngine((open) => {
  test.each([
    ["at home", undefined],
    ["across segments", TINY],
  ])("right after growth %s, every score of an old item has the bits that it had", async (_, segmentBytes) => {
    const engine = await open();
    const run = await train(engine, {
      config,
      rows: rowsOf(few),
      seed,
      epochs: 1,
      schedule,
      ...(segmentBytes && { segmentBytes }),
    });
    const scores = () => {
      const { weights, config } = run.store;
      const scorer = createScorer(engine, config, weights);
      const scores_BI = scorer.scoreBatch([...rowsOf(few), new Int32Array(0)]);
      scorer.dispose();
      return Array.from({ length: 10 }, (_, user) => scores_BI.slice(user * config.items, user * config.items + few));
    };
    const before = scores();
    run.store.grow(many, popularity(many), seed);
    expect(scores()).toEqual(before);
  });
});

describe("a model that grew", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openEngine({ threads: 1 });
  });
  const young = (segmentBytes: number) =>
    train(engine, { config, rows: rowsOf(few), seed, epochs: 1, schedule, segmentBytes });

  test.each([2 ** 20, TINY])(
    "in segments of %i bytes, keeps its weights and moments; the new rows' are 0 but for the decoder's weights",
    async (segmentBytes) => {
      const run = await young(segmentBytes);
      const before = everything(run);
      run.store.grow(many, popularity(many), seed);
      for (const [name, { shape, data }] of Object.entries(everything(run))) {
        const old = before[name]!.data;
        expect(data.subarray(0, old.length), name).toEqual(old);
        const isPerItem = name.includes("fc1.weight") || name.includes("decoder.");
        expect(shape[0], name).toBe(isPerItem ? many : before[name]!.shape[0]);
        const isDrawn = name.startsWith("decoder.");
        expect(
          data.subarray(old.length).every((x) => (x === 0) !== isDrawn),
          name,
        ).toBe(true);
      }
    },
  );

  test("in place trains on bit for bit like one that was loaded at the new size, and like one segment but for the order of sums", async () => {
    const results = [];
    for (const segmentBytes of [TINY, 2 ** 20]) {
      const run = await young(segmentBytes);
      run.store.grow(many, popularity(many), seed);
      const { store, updater, ...rest } = run;
      const loaded = openParameters(store.config, copied(store.weights), {
        updates: updater.updates,
        state: copied(store.state()),
        threads: 2,
        segmentBytes,
      });
      const posteriors = Posteriors.from(
        copied(assembled(run.posteriors.pieces().map(({ tensors }) => tensors))),
        settings.latent,
      ); // each run clears its own
      const again: Run = { ...rest, ...loaded, posteriors };
      await trainOn(engine, run, rowsOf(many), 1);
      await trainOn(engine, again, rowsOf(many), 1);
      expect(everything(again)).toEqual(everything(run));
      results.push(everything(run));
    }
    const [cut, whole] = results as [Weights, Weights];
    expect(deviation(cut[embeddingName]!.data, whole[embeddingName]!.data)).toBeLessThan(1e-4);
    expect(cut[embeddingName]!.data).not.toEqual(whole[embeddingName]!.data); // else nothing was cut
  });

  test("goes on from a checkpoint that was made before it grew, as if it had never stopped", async () => {
    const run = await young(2 ** 31);
    const facts = {
      salt: "s",
      tableVersion: null,
      watermark: null,
      vocabulary: Array.from({ length: few }, (_, item) => `i${item}`),
    };
    await writeJob({ out, kept: 1 }, contentsOf(run, facts));
    const checkpoint = await latestCheckpoint(out, createLog("test"));
    const { hidden, latent, learningRate, dropoutRate, mixtureWeights } = settings;
    const knobs = {
      hidden,
      latent,
      learningRate,
      dropoutRate,
      mixtureWeights,
      ...usualSchedule,
      ...schedule,
      partSize: run.partSize,
      sync: "exact" as const,
      every: 8,
      seed,
    };
    const resumed = resumeOrBegin(checkpoint, { ...knobs, gamma: defaults.gamma! }, few).run;
    for (const each of [run, resumed]) {
      each.store.grow(many, popularity(many), seed);
      await trainOn(engine, each, rowsOf(many), 1);
    }
    expect(everything(resumed)).toEqual(everything(run));
  });
});

test("growing by nothing changes nothing, and twice is once as far as the first layer goes", () => {
  const parameters = openParameters(config, initialise(config, seed), { segmentBytes: TINY });
  const version = parameters.publisher.group("decoder").version;
  parameters.store.grow(few, popularity(few), seed);
  expect(parameters.publisher.group("decoder").version).toBe(version);
  parameters.store.grow(31, popularity(31), seed);
  parameters.store.grow(many, popularity(many), seed);
  expect(parameters.publisher.group("decoder").version).toBeGreaterThan(version);
  expect(parameters.store.weights[embeddingName]!.shape).toEqual([many, settings.hidden]);
  expect(parameters.store.weights[embeddingName]!.data.subarray(few * settings.hidden).every((x) => x === 0)).toBe(
    true,
  );
});

test("what no message can carry is refused before any memory is asked for, at the start and at growth", () => {
  const huge = recipeOf({ ...defaults, items: 6_000_000 });
  expect(() => openParameters(huge, {})).toThrow(/MODEL_TOO_LARGE: a part's gradients are 4\.5 GiB/);
  const parameters = openParameters(config, initialise(config, seed));
  expect(() => parameters.store.grow(300_000_000, new Float64Array(0), seed)).toThrow(/MODEL_TOO_LARGE/);
  expect(parameters.store.config.items).toBe(few);
});
