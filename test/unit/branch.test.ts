// Training goes on from a published model: from exactly its weights, as a new line beside the old one, and only when
// nobody else writes there.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openBranch } from "../../services/commands/models/branch.ts";
import { trainOuterEpoch } from "../../services/server/run/outer-epoch.ts";
import { openParameters } from "../../services/server/run/parameters.ts";
import { Posteriors } from "../../services/server/run/posteriors.ts";
import type { Run } from "../../services/server/run/run.ts";
import { checkpointsOf } from "../../services/server/saving/checkpoint-writer.ts";
import { contentsOf, resumeOrBegin } from "../../services/server/saving/persistence.ts";
import { listCheckpoints, loadNeural, newestCheckpoint, saveCheckpoint } from "../../shared/checkpoints/checkpoints.ts";
import { publish } from "../../shared/checkpoints/models.ts";
import { permutation } from "../../shared/compute/draws.ts";
import { openEngine } from "../../shared/compute/open-engine.ts";
import { usualSchedule } from "../../shared/neural/schedule.ts";
import { defaults } from "../../shared/systems/recvae/settings.ts";
import { systemOf } from "../../shared/systems/registry.ts";
import { inProcess, trainOn } from "./in-process.ts";

const ITEMS = 12;
const rows = Array.from({ length: 7 }, (_, user) => permutation(5, user, ITEMS).subarray(0, 2 + (user % 5))).map(
  (row) => Int32Array.from(row),
);
const knobs = {
  ...{
    hidden: 6,
    latent: 3,
    learningRate: 0.03,
    dropoutRate: 0.5,
    mixtureWeights: defaults.mixtureWeights,
    partSize: 2,
    seed: 4,
  },
  ...{ sync: "exact" as const, every: 8, ...usualSchedule, batchSize: 4 },
};
const engine = await openEngine({ threads: 1 });

let root: string;
let out: string;
let models: string;
let run: Run;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "branch-"));
  [out, models] = [join(root, "training"), join(root, "models")];
  run = resumeOrBegin(undefined, knobs, ITEMS).run;
  await trainOn(engine, run, rows, 2);
  await publish(models, await save(5), {});
  await trainOn(engine, run, rows, 1);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** The run as it is now, at a version of the table; its users were planned at 3, 9, 9, ... */
const save = (tableVersion: number) => {
  const planned = Int32Array.from(rows, (_, user) => (user === 0 ? 3 : 9));
  const numbering = { count: rows.length, hash: 1 };
  const vocabulary = Array.from({ length: ITEMS }, (_, k) => `i${k}`);
  const facts = { salt: "s", tableVersion, watermark: tableVersion * 1000, vocabulary, planned, numbering };
  return saveCheckpoint(checkpointsOf(out), contentsOf(run, facts), 10);
};
const torn = (error: Error) => {
  throw error;
};
const newest = async () => (await newestCheckpoint(checkpointsOf(out), torn))!;
const branch = async () => (await openBranch(join(models, "v000001"), "v000001", out)).save();
const bytesOf = (of: Run) =>
  Object.entries(of.store.weights).map(([name, { data }]) => [name, Buffer.from(data.slice().buffer).toString("hex")]);

test("the branch is the newest checkpoint, has the model's bytes, table version and vocabulary, and the old line stays", async () => {
  await save(9);
  const before = await listCheckpoints(checkpointsOf(out));
  const { checkpoint, step, round } = await branch();
  expect(await listCheckpoints(checkpointsOf(out))).toEqual([...before, checkpoint]);
  expect(readFileSync(join(checkpoint, "model.safetensors"))).toEqual(
    readFileSync(join(models, "v000001", "model.safetensors")),
  );
  const model = await loadNeural(join(models, "v000001"));
  expect((await newest()).vocabulary).toEqual(model.vocabulary);
  expect((await newest()).manifest).toMatchObject({
    step: run.step + 1,
    round: 4,
    midRound: false,
    tableVersion: 5,
    watermark: 5000,
  });
  expect([step, round]).toEqual([run.step + 1, 4]);
});

test("a server goes on from exactly those weights: Adam anew, the model's own encoder as the old one, later events to be learned again", async () => {
  await save(9);
  await branch();
  const { weights, manifest } = await loadNeural(join(models, "v000001"));
  const names = rows.map((_, user) => `u${user}`);
  const resumed = resumeOrBegin(await newest(), knobs, ITEMS, { names, version: 5 });
  const byHand: Run = {
    ...{ seed: 4, partSize: 2, schedule: run.schedule, step: run.step + 1, round: 4 },
    ...openParameters(systemOf(manifest.model).recipeOf(manifest.config), weights),
    posteriors: new Posteriors(3),
  };
  expect(bytesOf(resumed.run)).toEqual(bytesOf(byHand));
  expect([...resumed.planned]).toEqual([3, 5, 5, 5, 5, 5, 5]);
  for (const each of [resumed.run, byHand]) await trainOn(engine, each, rows, 1);
  expect(bytesOf(resumed.run)).toEqual(bytesOf(byHand));
  expect(bytesOf(resumed.run)).not.toEqual(bytesOf(run));
});

test("what the server saves next is an ordinary checkpoint again", async () => {
  await save(9);
  await branch();
  run = resumeOrBegin(await newest(), knobs, ITEMS).run;
  await trainOn(engine, run, rows, 1);
  await save(9);
  const again = resumeOrBegin(await newest(), knobs, ITEMS);
  expect((await newest()).training).not.toHaveProperty("branchedFrom");
  for (const each of [again.run, run]) await trainOn(engine, each, rows, 1);
  expect(bytesOf(again.run)).toEqual(bytesOf(run));
});

test("a run that stands in the middle of a round leaves that round behind", async () => {
  let calls = 0;
  const compute = inProcess(engine, 4, () => {
    if (calls++ === 3) throw new Error("drained");
  });
  const users = Uint32Array.from(rows.keys());
  await expect(trainOuterEpoch(run, users, (user) => rows[user]!, compute)).rejects.toThrow("drained");
  await save(9);
  expect((await newest()).manifest.midRound).toBe(true);
  await branch();
  const resumed = resumeOrBegin(await newest(), knobs, ITEMS);
  expect(resumed.run).toMatchObject({ underWay: undefined, round: 4, step: run.step + 1 });
});

test("a server that runs is not written over", async () => {
  await save(9);
  const before = await listCheckpoints(checkpointsOf(out));
  writeFileSync(join(out, "server.lock"), String(process.ppid));
  await expect(branch()).rejects.toMatchObject({ code: "ALREADY_RUNNING", facts: { pid: process.ppid } });
  expect(await listCheckpoints(checkpointsOf(out))).toEqual(before);
});

test("without a checkpoint, and in a run of another configuration, there is nothing to branch in", async () => {
  await expect(openBranch(join(models, "v000001"), "v000001", join(root, "elsewhere"))).rejects.toMatchObject({
    code: "CHECKPOINT_MISSING",
  });
  const other = join(root, "other");
  mkdirSync(other);
  const wider = resumeOrBegin(undefined, { ...knobs, hidden: 8 }, ITEMS).run;
  const facts = {
    salt: "s",
    tableVersion: 1,
    watermark: 1,
    vocabulary: Array.from({ length: ITEMS }, (_, k) => `i${k}`),
  };
  await saveCheckpoint(checkpointsOf(other), contentsOf(wider, facts), 3);
  await expect(openBranch(join(models, "v000001"), "v000001", other)).rejects.toMatchObject({
    code: "CHECKPOINT_MISMATCH",
    facts: { what: "hidden was 6 in v000001, is 8 in the run" },
  });
});
