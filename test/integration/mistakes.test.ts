// Bad input and runs that diverge, at the command line: each ends with its exit code, says what is wrong and where, and
// harms nothing that was good before.
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import {
  type Checkpoint,
  loadModel,
  newestCheckpoint,
  saveCheckpoint,
  saveModel,
} from "../../shared/checkpoints/checkpoints.ts";
import type { Weights } from "../../shared/neural/parameters.ts";
import { openParquet } from "../../shared/storage/parquet-file.ts";
import { encoded } from "../unit/bytes.ts";
import { withoutTensorflow } from "../unit/engines.ts";
import { type Cluster, openCluster, tiny, tributary } from "./training-cluster.ts";

let cluster: Cluster;
/** A good run of two epochs. */
let good: string;

beforeAll(async () => {
  cluster = openCluster();
  good = join(cluster.dir, "good");
  expect(await train(good, "2")).toMatchObject({ code: 0 });
}, 90_000);
afterEach(() => void vi.unstubAllEnvs());
afterAll(() => cluster.free());

const train = (out: string, epochs: string, ...flags: string[]) =>
  tributary(
    "train",
    "--data",
    cluster.data,
    "--out",
    out,
    "--epochs",
    epochs,
    "--data-dir",
    join(cluster.dir, "d"),
    ...tiny,
    ...flags,
  );
const evaluate = (checkpoint: string, data = cluster.data) =>
  tributary("evaluate", "--checkpoint", checkpoint, "--data", data, "--json");

/** The newest checkpoint of a run; a torn one fails the test. */
async function newest(out: string): Promise<Checkpoint> {
  const found = await newestCheckpoint(join(out, "checkpoints"), (error) => {
    throw error;
  });
  return found!;
}

test.each([
  ["tensorflow", "exact"],
  ["graph", "exact"],
  ["graph", "local"],
])(
  "a run that diverges on the %s engine, in %s mode, ends with the step's number, and no checkpoint is made of it",
  async (engine, sync) => {
    vi.stubEnv("TRIBUTARY_ENGINE", withoutTensorflow ? "wasm" : engine);
    const out = join(cluster.dir, `diverged on ${engine}, ${sync}`);
    const { code, stderr } = await train(out, "2", "--learning-rate", "1e30", "--sync", sync);
    expect(code).toBe(1);
    expect(stderr).toMatch(/NOT_FINITE: .*: step \d+\. nothing of this was written/);
    expect(await newest(out)).toBeUndefined();
  },
  60_000,
);

test("a run that goes on from a weight near float32's end stops before it is touched, and its last checkpoint still loads", async () => {
  const out = join(cluster.dir, "huge");
  cpSync(good, out, { recursive: true });
  const { weights, state, training, manifest, vocabulary } = await newest(out);
  weights["decoder.weight"]!.data[5] = 3e38;
  await saveCheckpoint(join(out, "checkpoints"), { weights, state, training, facts: manifest, vocabulary }, 3);
  const { code, stderr } = await train(out, "4");
  expect(code).toBe(1);
  expect(stderr).toMatch(new RegExp(`NOT_FINITE: .*: step ${manifest.step}\\b`));
  const after = await newest(out);
  expect(after.manifest.step).toBe(manifest.step);
  expect(after.weights).toEqual(weights);
  expect(await evaluate(out)).toMatchObject({ code: 0 });
}, 60_000);

test.each<[string, (weights: Weights) => void, RegExp]>([
  [
    "a NaN",
    (weights) => weights["encoder.fc2.weight"]!.data.fill(Number.NaN, 3, 4),
    /CHECKPOINT_CORRUPT: tensor encoder\.fc2\.weight holds a NaN.*model\.safetensors/,
  ],
  [
    "another shape",
    (weights) => {
      weights["encoder.fc2.weight"]!.shape = [12, 48];
    },
    /CHECKPOINT_CORRUPT: tensor encoder\.fc2\.weight has the shape \[12,48\].*\[24,24\].*model\.safetensors/,
  ],
])(
  "a checkpoint with %s in a tensor is refused by evaluate and by recommend, naming tensor and file",
  async (name, change, message) => {
    const { weights, manifest, vocabulary } = await loadModel(good);
    change(weights);
    const dir = join(cluster.dir, name);
    await saveModel(dir, weights, manifest, vocabulary);
    expect(await evaluate(dir)).toMatchObject({ code: 1, stderr: expect.stringMatching(message) });
    expect(await tributary("recommend", "--checkpoint", dir, "--items", "i1")).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(message),
    });
  },
  30_000,
);

test("weights alone are evaluated to the figures of the checkpoint that they were taken from", async () => {
  const { weights } = await loadModel(good);
  const path = join(cluster.dir, "alone.safetensors");
  writeFileSync(path, encoded(weights));
  const [alone, whole] = [await evaluate(path), await evaluate(good)];
  expect(alone, alone.stderr).toMatchObject({ code: 0 });
  for (const part of ["validation", "test"])
    expect(JSON.parse(alone.stdout)[part]).toEqual(JSON.parse(whole.stdout)[part]);
}, 30_000);

test("weights of other items than the dataset's are refused with both numbers", async () => {
  const data = dataset("61 items", (data) => writeFileSync(join(data, "unique_sid.txt"), "one more\n", { flag: "a" }));
  const { code, stderr } = await evaluate(join(good, "model.safetensors"), data);
  expect(code).toBe(2);
  expect(stderr).toMatch(/CHECKPOINT_MISMATCH: the weights are of 60 items, the data of 61/);
}, 30_000);

test("a checkpoint of another vocabulary is refused, with how many items are the same", async () => {
  const data = dataset("other items", (data) => {
    const path = join(data, "unique_sid.txt");
    writeFileSync(path, readFileSync(path, "utf8").replace(/^.*$/m, "elsewhere"));
  });
  const { code, stderr } = await evaluate(good, data);
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /CHECKPOINT_MISMATCH: another vocabulary: the checkpoint has 60 items, the dataset 60, and 59 are the same/,
  );
}, 30_000);

test("evaluate judges lists of the lengths asked for, says what EASE is or why it is missing, and leaves every user's figures", async () => {
  const users = join(cluster.dir, "figures", "users.parquet");
  const command = [
    "evaluate",
    "--checkpoint",
    good,
    "--data",
    cluster.data,
    "--json",
    "--k",
    "3,7",
    "--per-user",
    users,
  ];
  const [run, without] = [await tributary(...command), await tributary(...command, "--no-ease")];
  expect(run, run.stderr).toMatchObject({ code: 0 });
  const { contract, test: figures } = JSON.parse(run.stdout);
  expect(contract).toMatchObject({
    k: [3, 7],
    masking: "fold-in",
    ties: "by column",
    salt: null,
    tableVersion: null,
    round: 2,
    items: 60,
  });
  expect(Object.keys(figures.model)).toEqual(["ndcg@3", "ndcg@7", "recall@3", "recall@7"]);
  expect(figures.popularity["ndcg@7"].interval[0]).toBeLessThanOrEqual(figures.popularity["ndcg@7"].mean);
  const isSolved = contract.engine.startsWith("tensorflow");
  expect(contract.ease).toMatch(isSolved ? /^lambda 1000$/ : /^left out: the wasm engine/);
  expect(figures.ease === null).toBe(!isSolved);
  expect(JSON.parse(without.stdout)).toMatchObject({
    contract: { ease: "left out: not wanted (--no-ease)" },
    test: { ease: null },
  });
  const { rows, fields } = await openParquet(users);
  expect(fields.map(({ name }) => name)).toEqual([
    "part",
    "scorer",
    "user",
    "epoch",
    "step",
    ...Object.keys(figures.model),
  ]);
  expect(rows).toBe(
    2 *
      (figures.users +
        figures.withoutTarget +
        contract.users.validation +
        JSON.parse(without.stdout).validation.withoutTarget),
  );
}, 60_000);

test.each<[string, (data: string) => void, RegExp]>([
  ["a missing file", (data) => rmSync(join(data, "validation_te.csv")), /DATASET_MALFORMED.*file validation_te\.csv/],
  [
    "an item out of range",
    (data) => append(data, "train.csv", "249,60\n"),
    /DATASET_MALFORMED: item 60 .*file train\.csv, line \d+/,
  ],
  [
    "a line of text",
    (data) => append(data, "test_tr.csv", "nobody\n"),
    /DATASET_MALFORMED: "nobody".*file test_tr\.csv, line \d+/,
  ],
])(
  "a dataset with %s is refused by train and by evaluate",
  async (name, change, message) => {
    const data = dataset(name, change);
    expect(await evaluate(good, data)).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
    const out = join(cluster.dir, `${name}, trained`);
    const run = await tributary(
      "train",
      "--data",
      data,
      "--out",
      out,
      "--epochs",
      "1",
      "--data-dir",
      join(cluster.dir, "d"),
      ...tiny,
    );
    expect(run).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
  },
  30_000,
);

test("held-out users without a target are counted aloud and left out of the mean", async () => {
  // one user of this dataset has too short a row to hold anything back; here two more
  const data = dataset("without target", (data) => {
    const path = join(data, "validation_te.csv");
    const lines = readFileSync(path, "utf8").split("\n");
    writeFileSync(path, lines.filter((line) => !line.startsWith("250,") && !line.startsWith("251,")).join("\n"));
  });
  const figures = JSON.parse((await evaluate(good, data)).stdout).validation;
  expect(figures).toMatchObject({ users: 27, withoutTarget: 3, model: { "ndcg@100": { mean: expect.any(Number) } } });
  const out = join(cluster.dir, "left out");
  const run = await tributary(
    "train",
    "--data",
    data,
    "--out",
    out,
    "--epochs",
    "1",
    "--data-dir",
    join(cluster.dir, "d"),
    ...tiny,
  );
  expect(run.code, run.stderr).toBe(0);
  expect(run.stderr).toMatch(/held-out users with nothing to predict are left out/);
  expect(JSON.parse(readFileSync(join(out, "report.json"), "utf8")).epochs[0].validation["ndcg@100"]).toBeGreaterThan(
    0,
  );
}, 60_000);

function dataset(name: string, change: (dir: string) => void): string {
  const dir = join(cluster.dir, name);
  cpSync(cluster.data, dir, { recursive: true });
  change(dir);
  return dir;
}

function append(dir: string, name: string, line: string): void {
  writeFileSync(join(dir, name), line, { flag: "a" });
}

test("the version is told with Node's, and a command that is none with the one that was meant", async () => {
  expect(await tributary("--version")).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^tributary \d+\.\d+\.\d+ \(Node \d+\.\d+\.\d+(, TensorFlow \d+\.\d+\.\d+)?\)\n$/),
  });
  expect(await tributary("ingets")).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^COMMAND_UNKNOWN: .*did you mean ingest\?/),
  });
});
