import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { openParameters } from "../../services/server/run/parameters.ts";
import { Posteriors } from "../../services/server/run/posteriors.ts";
import type { Run } from "../../services/server/run/run.ts";
import { contentsOf, latestCheckpoint, mustFit, resumeOrBegin } from "../../services/server/saving/persistence.ts";
import {
  listCheckpoints,
  loadModel,
  newestCheckpoint,
  newestOfRounds,
  saveCheckpoint,
  saveModel,
} from "../../shared/checkpoints/checkpoints.ts";
import { groupOf, initialise } from "../../shared/neural/parameters.ts";
import { usualSchedule } from "../../shared/neural/schedule.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";

const root = mkdtempSync(join(tmpdir(), "tributary-checkpoints-"));
afterAll(() => rmSync(root, { recursive: true }));
let out: string;
beforeEach(() => {
  out = mkdtempSync(join(root, "out-"));
});

const settings = { ...defaults, items: 5, hidden: 4, latent: 3 };
const config = recipeOf(settings);
const schedule = { ...usualSchedule, batchSize: 10 };
const knobs = {
  ...{ hidden: 4, latent: 3, learningRate: 5e-4, dropoutRate: 0.5, mixtureWeights: defaults.mixtureWeights },
  ...{ ...schedule, partSize: 5, seed: 7, sync: "exact" as const, every: 8 },
};
const vocabulary = ["with a\nbreak", "b", "c", "d", "e"];
const facts = { config: settings, step: 4, round: 1, seed: 7, salt: "s", tableVersion: 3, watermark: 12, createdAt: 1 };
const log = createLog("test");

function someRun(step: number): Run {
  const weights = initialise(config, step);
  const parameters = openParameters(config, weights);
  const gradients = groupOf(initialise(config, 9), "decoder", config);
  parameters.updater.step("decoder", [{ tensors: gradients }], { rows: [], values: [] }, 0);
  const posteriors = new Posteriors(3);
  posteriors.set(
    [2, 40_000_000],
    (user) => user % 7,
    Float32Array.of(1, 2, 3, 4, 5, 6),
    Float32Array.of(-1, -2, -3, -4, -5, -6),
  );
  return { seed: 7, schedule, partSize: 5, ...parameters, posteriors, step, round: step };
}
const save = (run: Run, planned = new Int32Array(), kept = 3) => {
  const extra = { salt: "", tableVersion: 3, watermark: 12, vocabulary, progress: { any: [1] }, planned };
  return saveCheckpoint(join(out, "checkpoints"), contentsOf(run, extra), kept);
};
const halfDone = (run: Run): Run => ({
  ...run,
  underWay: { users: Uint32Array.of(2, 40_000_000), firstStep: 4, sums: { reconstruction: 0.1, kl: 1 / 3, users: 7 } },
});
const foldersIn = () => readdirSync(join(out, "checkpoints")).filter((name) => name !== "pieces");
const stepsKept = () => foldersIn().map(Number);

test("a model comes back as it was saved, into a new directory or over an older model", async () => {
  for (const seed of [1, 2]) {
    const dir = join(out, "model");
    await saveModel(dir, initialise(config, seed), facts, vocabulary);
    const model = await loadModel(dir);
    expect(model.weights).toEqual(initialise(config, seed));
    expect(model.vocabulary).toEqual(vocabulary);
    expect(model.manifest).toMatchObject({
      ...facts,
      format: 1,
      model: "recvae",
      vocabulary: { count: 5, file: "vocabulary.json" },
    });
  }
  expect(readdirSync(out)).toEqual(["model"]);
});

test("a manifest of before there were other systems names none: it is RecVAE's", async () => {
  const dir = join(out, "model");
  await saveModel(dir, initialise(config, 1), facts, vocabulary);
  const path = join(dir, "manifest.json");
  const { model: _model, hash: _hash, ...before } = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  writeFileSync(path, JSON.stringify(before));
  const { manifest, weights } = await loadModel(dir);
  expect(manifest.model).toBe("recvae");
  expect(weights).toEqual(initialise(config, 1));
});

test("a run comes back whole: weights, Adam, posteriors, counters, what was planned", async () => {
  const run = someRun(5);
  await save(run, Int32Array.of(-1, 7, 2 ** 30));
  const back = resumeOrBegin(await latestCheckpoint(out, log), knobs, 5);
  expect(back.run.store.weights).toEqual(run.store.weights);
  expect(back.run.store.state()).toEqual(run.store.state());
  expect(back.run.updater.updates).toEqual({ encoder: 0, decoder: 1 });
  expect(back.run.posteriors.of([40_000_000, 2])).toEqual(run.posteriors.of([40_000_000, 2]));
  expect(back.run.posteriors.has(40_000_000, 40_000_000 % 7)).toBe(true);
  expect(back.run).toMatchObject({ step: 5, round: 5, seed: 7 });
  expect(back.planned).toEqual(Int32Array.of(-1, 7, 2 ** 30));
  expect(back.progress).toEqual({ any: [1] });
});

test("a run without any posterior comes back: the next round asks for all of them", async () => {
  const run = someRun(5);
  run.posteriors = new Posteriors(3);
  await save(run);
  expect(resumeOrBegin(await latestCheckpoint(out, log), knobs, 5).run.posteriors.has(2, 2)).toBe(false);
});

test("a checkpoint of before the ablation's flags goes on with the values that it was trained with", async () => {
  await save(someRun(5));
  const checkpoint = (await latestCheckpoint(out, log))!;
  const {
    decoderPasses: _passes,
    decoderNoise: _noise,
    alternating: _inTurn,
    ...training
  } = checkpoint.training as Record<string, unknown>;
  expect(resumeOrBegin({ ...checkpoint, training }, knobs, 5).run.step).toBe(5);
  expect(() => resumeOrBegin({ ...checkpoint, training }, { ...knobs, decoderPasses: 2 }, 5)).toThrow(
    /decoderPasses was 1, is 2/,
  );
});

test.each([
  [false, true],
  [true, false],
])("a checkpoint that says notAlternating: %s goes on with alternating: %s", async (notAlternating, alternating) => {
  await save(someRun(5));
  const checkpoint = (await latestCheckpoint(out, log))!;
  const { alternating: _inTurn, ...before } = checkpoint.training as Record<string, unknown>;
  const training = { ...before, notAlternating };
  expect(resumeOrBegin({ ...checkpoint, training }, { ...knobs, alternating }, 5).run.schedule.alternating).toBe(
    alternating,
  );
  expect(() => resumeOrBegin({ ...checkpoint, training }, { ...knobs, alternating: !alternating }, 5)).toThrow(
    new RegExp(`alternating was ${alternating}, is ${!alternating}`),
  );
});

test("a run comes back in the middle of an outer epoch, where it was", async () => {
  const run = halfDone(someRun(5));
  await save(run);
  const checkpoint = await latestCheckpoint(out, log);
  expect(checkpoint!.manifest.midRound).toBe(true);
  expect(resumeOrBegin(checkpoint, knobs, 5).run.underWay).toEqual(run.underWay);
});

test("what holds an infinity in the middle of an outer epoch becomes no checkpoint", async () => {
  const run = halfDone(someRun(5));
  run.store.weights["decoder.bias"]!.data[1] = Number.POSITIVE_INFINITY;
  expect(() => save(run)).toThrow(/NOT_FINITE: tensor decoder\.bias/);
});

test.each([1, 2, 3])("the newest %i checkpoints are kept", async (kept) => {
  for (const step of [1, 2, 3, 4, 5]) await save(someRun(step), undefined, kept);
  expect(stepsKept()).toEqual([1, 2, 3, 4, 5].slice(-kept));
});

test("the newest of a round's end is kept beside them, and is what the evaluator judges", async () => {
  await save(someRun(1));
  await save(someRun(2));
  for (const step of [3, 4, 5, 6, 7]) await save(halfDone(someRun(step)));
  expect(stepsKept()).toEqual([2, 5, 6, 7]);
  const dirs = await listCheckpoints(join(out, "checkpoints"));
  expect(await newestOfRounds(dirs)).toBe(dirs[0]);
  expect((await latestCheckpoint(out, log))?.manifest.step).toBe(7);
  await save(someRun(8));
  expect(stepsKept()).toEqual([6, 7, 8]);
});

test("torn ones that a run was set back over go with its first checkpoint, and it is never without one", async () => {
  for (const step of [1, 2, 9]) await save(someRun(step), undefined, 2);
  truncateSync(join(out, "checkpoints", "000000000009", "training.json"), 3);
  expect((await latestCheckpoint(out, log))?.manifest.step).toBe(2);
  await save(someRun(5), undefined, 1);
  expect(stepsKept()).toEqual([5]);
});

test("what killed processes left half-written goes with the next checkpoint", async () => {
  await save(someRun(1));
  mkdirSync(join(out, "checkpoints", ".000000000002.tmp"));
  await save(someRun(3));
  expect(foldersIn()).toEqual(["000000000001", "000000000003"]);
});

test.each([
  ["an item with two columns", ["a", "b", "c", "d", "a"], "an item has two columns"],
  ["an item too few", ["a", "b", "c", "d"], "4 items for 5 columns"],
  ["an item that is none", ["a", "b", "c", "d", 5 as never], "the vocabulary is no list of items"],
])("a vocabulary with %s is corrupt, though its hash fits", async (_, items, what) => {
  const dir = join(out, "model");
  await saveModel(dir, initialise(config, 1), facts, items);
  await expect(loadModel(dir)).rejects.toMatchObject({
    code: "CHECKPOINT_CORRUPT",
    facts: { what, path: join(dir, "vocabulary.json") },
  });
});

test.each(["model.safetensors", "state.safetensors", "training.json", "manifest.json", "vocabulary.json"])(
  "a checkpoint whose %s is torn is skipped with a warning",
  async (name) => {
    await save(someRun(1));
    await save(someRun(2));
    const torn = join(out, "checkpoints", "000000000002", name);
    truncateSync(torn, Math.floor(readFileSync(torn).length / 2));
    const warnings: string[] = [];
    const found = await newestCheckpoint(join(out, "checkpoints"), (error) => warnings.push(error.message));
    expect(found?.manifest.step).toBe(1);
    expect(warnings).toEqual([expect.stringMatching(/CHECKPOINT_CORRUPT/)]);
  },
);

test("a directory that was being written when the process died is no checkpoint", async () => {
  await save(someRun(1));
  writeFileSync(join(out, "checkpoints", ".000000000002.1.tmp"), "half");
  expect((await newestCheckpoint(join(out, "checkpoints"), () => {}))?.manifest.step).toBe(1);
});

test("a model with a flipped bit is CHECKPOINT_CORRUPT, a missing one CHECKPOINT_MISSING", async () => {
  const dir = join(out, "model");
  await expect(loadModel(dir)).rejects.toThrow(/CHECKPOINT_MISSING/);
  await saveModel(dir, initialise(config, 1), facts, vocabulary);
  const bytes = readFileSync(join(dir, "model.safetensors"));
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(join(dir, "model.safetensors"), bytes);
  await expect(loadModel(dir)).rejects.toThrow(/CHECKPOINT_CORRUPT.*sha256/);
});

test("a run is not resumed with other flags, nor over other items", async () => {
  await save(someRun(1));
  const checkpoint = (await latestCheckpoint(out, log))!;
  expect(() => resumeOrBegin(checkpoint, { ...knobs, gamma: 1, seed: 8 }, 5)).toThrow(
    /CHECKPOINT_MISMATCH: gamma was 0.005, is 1; seed was 7, is 8/,
  );
  const ablation = {
    ...knobs,
    mixtureWeights: [1, 0, 0] as [number, number, number],
    decoderPasses: 2,
    decoderNoise: true,
  };
  expect(() => resumeOrBegin(checkpoint, ablation, 5)).toThrow(
    /mixtureWeights was \[0.15,0.75,0.1\], is \[1,0,0\]; decoderPasses was 1, is 2; decoderNoise was false, is true/,
  );
  expect(() => resumeOrBegin(checkpoint, { ...knobs, alternating: false }, 5)).toThrow(
    /alternating was true, is false/,
  );
  expect(() => mustFit(checkpoint, [vocabulary[0]!, "b", "x", "d", "e"], "prefix")).toThrow(
    /CHECKPOINT_MISMATCH: column 2 is "c" there, "x"/,
  );
  expect(() => mustFit(checkpoint, [...vocabulary, "f"], "equal")).toThrow(/5 items there, 6/);
  mustFit(checkpoint, [...vocabulary, "f"], "prefix");
});
