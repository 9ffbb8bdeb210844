// The evaluator as a process: what it publishes, what it refuses, and what it remembers after a restart.
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listModels } from "../../shared/checkpoints/models.ts";
import { currentVersion } from "../../shared/checkpoints/pointer.ts";
import type { Histories } from "../../shared/events/histories.ts";
import { partOf } from "../../shared/events/split.ts";
import { readEpoch } from "../../shared/judging/per-user.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { openEvents, readEvents, writeEvents } from "../../shared/table/events.ts";
import { vacuum } from "../../shared/table/vacuum.ts";
import { eventually, popular, type Service, startService, writeCheckpoint, writeTable } from "./published.ts";
import { tributary } from "./training-cluster.ts";

const dataDir = mkdtempSync(join(tmpdir(), "evaluator-"));
const paths = pathsOf(dataDir);
let histories: Histories;
let evaluator: Service<"evaluator">;

beforeAll(async () => {
  histories = await writeTable(paths.table);
  evaluator = await startService("evaluator", dataDir);
});
afterAll(async () => {
  await evaluator.process.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

async function evaluated(version: string) {
  const run = await tributary(
    "evaluate",
    "--checkpoint",
    join(paths.models, version),
    "--table",
    paths.table,
    "--json",
  );
  expect(run.code, run.stderr).toBe(0);
  return JSON.parse(run.stdout);
}

const evaluationOf = (step: number) =>
  eventually(async () =>
    (await evaluator.status()).evaluations.find((line) => Number(line.checkpoint.split("@")[0]) === step),
  );

test("an untrained model is worse than popularity and is not published", async () => {
  await writeCheckpoint(dataDir, 1, histories);
  const line = await evaluationOf(1);
  expect(line).toMatchObject({ outcome: "refused", version: null, step: 1, tableVersion: 0 });
  expect(line.reason).toContain("below plain popularity");
  expect(await currentVersion(paths.models)).toBeNull();
});

test("a model as good as popularity is published with its metrics and contract", async () => {
  await writeCheckpoint(dataDir, 2, histories, popular(histories));
  const line = await evaluationOf(2);
  expect(line).toMatchObject({ outcome: "published", version: "v000001", reason: null, model: line.popularity });
  expect(line.users).toBeGreaterThan(10);
  const record = JSON.parse(readFileSync(join(paths.models, "v000001", "metrics.json"), "utf8"));
  expect(record).toMatchObject({
    metrics: line.model,
    watermark: 1_700_000_100_000,
    contract: { salt: "pepper", users: line.users, tableVersion: 0, step: 2 },
  });
  const users = await readEpoch(paths.perUser, 2, "ndcg@100");
  expect(users.size).toBe(line.users);
  expect([...users.values()].reduce((sum, value) => sum + value / line.users, 0)).toBeCloseTo(
    line.model!["ndcg@100"],
    10,
  );
  expect((await evaluator.status()).published).toMatchObject({ version: "v000001", round: 2, metrics: line.model });
});

test("`evaluate` finds the figures that the service published, on the same users, with the table's contract", async () => {
  const { validation, contract } = await evaluated("v000001");
  const { metrics, popularity } = JSON.parse(readFileSync(join(paths.models, "v000001", "metrics.json"), "utf8"));
  for (const name of ["ndcg@100", "recall@20", "recall@50"]) {
    expect(validation.model[name].mean).toBe(metrics[name]);
    expect(validation.popularity[name].mean).toBe(popularity[name]);
  }
  expect(contract).toMatchObject({
    salt: "pepper",
    tableVersion: 0,
    step: 2,
    round: 2,
    items: 40,
    users: { validation: validation.users },
  });
});

test("a poisoned model is refused and the published one stays", async () => {
  await writeCheckpoint(dataDir, 3, histories, (weights) => {
    popular(histories)(weights);
    weights["encoder.fc3.bias"]!.data[2] = Number.NaN;
  });
  expect(await evaluationOf(3)).toMatchObject({
    outcome: "refused",
    reason: expect.stringContaining("tensor encoder.fc3.bias holds a NaN or an infinity"),
    model: null,
  });
  expect(await currentVersion(paths.models)).toBe("v000001");
});

type Refused = [name: string, reason: string, make: (dir: string, step: number) => Promise<void>];
const edited = (file: string, edit: (text: string) => string) => writeFileSync(file, edit(readFileSync(file, "utf8")));
const flipped = (file: string, at: number) =>
  writeFileSync(
    file,
    readFileSync(file).map((byte, k) => (k === at ? byte ^ 1 : byte)),
  );
const asGood = async (dir: string, step: number, options = {}) =>
  writeCheckpoint(dir, step, histories, popular(histories), options);
const spoilt =
  (spoil: (checkpoint: string) => void): Refused[2] =>
  async (dir, step) =>
    spoil(await asGood(dir, step));
const swapped = () => histories.vocabulary.items.map((item, k, all) => (k < 2 ? all[1 - k]! : item));

let refusals = 0;

test.each<Refused>([
  ["weights that are torn", "the file has 500", spoilt((dir) => truncateSync(join(dir, "model.safetensors"), 500))],
  [
    "weights that were changed",
    "not the one that the manifest names",
    spoilt((dir) => flipped(join(dir, "model.safetensors"), 9000)),
  ],
  [
    "a vocabulary that is torn",
    "not the one that the manifest names",
    spoilt((dir) => truncateSync(join(dir, "vocabulary.json"), 50)),
  ],
  [
    "a manifest that is torn",
    "the manifest is not JSON",
    spoilt((dir) => truncateSync(join(dir, "manifest.json"), 50)),
  ],
  [
    "a manifest of another format",
    "format",
    spoilt((dir) => edited(join(dir, "manifest.json"), (text) => text.replace('"format": 1', '"format": 2'))),
  ],
  [
    "weights that are not finite",
    "tensor decoder.bias holds a NaN or an infinity",
    async (dir, step) =>
      void (await writeCheckpoint(dir, step, histories, ({ "decoder.bias": bias }) =>
        bias!.data.fill(Number.NEGATIVE_INFINITY),
      )),
  ],
  [
    "weights whose scores are not finite",
    "scores are not finite",
    async (dir, step) =>
      void (await writeCheckpoint(dir, step, histories, ({ "decoder.weight": weight }) => weight!.data.fill(3e38))),
  ],
  [
    "a smaller vocabulary",
    "smaller than the 40 of v000001",
    async (dir, step) => {
      const vocabulary = histories.vocabulary.items.slice(0, 39);
      await writeCheckpoint(dir, step, histories, () => {}, { vocabulary });
    },
  ],
  [
    "items at other columns",
    "does not go on from v000001's: column 0 is",
    async (dir, step) => void (await asGood(dir, step, { vocabulary: swapped() })),
  ],
  [
    "no version of the table",
    "not trained from a table",
    async (dir, step) => void (await asGood(dir, step, { tableVersion: null })),
  ],
])(
  "a checkpoint with %s is refused with its reason, the published model stays, and the evaluator goes on",
  async (name, reason, make) => {
    const step = 100 + refusals++;
    const elsewhere = mkdtempSync(join(tmpdir(), "refused-"));
    await make(elsewhere, step);
    const folder = String(step).padStart(12, "0");
    renameSync(join(pathsOf(elsewhere).training, "checkpoints", folder), join(paths.training, "checkpoints", folder));
    rmSync(elsewhere, { recursive: true });
    const line = await evaluationOf(step);
    expect(line, name).toMatchObject({ outcome: "refused", version: null, reason: expect.stringContaining(reason) });
    expect(await currentVersion(paths.models)).toBe("v000001");
    expect(await listModels(paths.models)).toEqual(["v000001"]);
  },
);

test("a checkpoint of the middle of a round is passed over", async () => {
  const before = (await evaluator.status()).evaluations.length;
  await writeCheckpoint(dataDir, 207, histories, popular(histories), { midRound: true });
  await writeCheckpoint(dataDir, 206, histories);
  await evaluationOf(206);
  expect((await evaluator.status()).evaluations).toHaveLength(before + 1);
  rmSync(join(paths.training, "checkpoints", "000000000207"), { recursive: true });
});

test("after a restart it remembers its evaluations and judges nothing twice", async () => {
  const before = (await evaluator.status()).evaluations;
  await evaluator.process.stop();
  expect(await evaluator.process.exited).toBe(0);
  evaluator = await startService("evaluator", dataDir);
  await writeCheckpoint(dataDir, 208, histories, popular(histories));
  const line = await evaluationOf(208);
  expect(line).toMatchObject({ outcome: "published", version: "v000002", incumbent: { version: "v000001" } });
  expect((await evaluator.status()).evaluations).toEqual([...before, line]);
  expect(existsSync(join(paths.models, "v000002", "model.safetensors"))).toBe(true);
});

test("a model that loses against the published one on the same users is refused, with by how much, though it is as good as popularity", async () => {
  const other = mkdtempSync(join(tmpdir(), "evaluator-"));
  // Training users like the first half of the items, held-out users the second: popularity knows nothing of them.
  const has = (user: number, item: number) =>
    (partOf(`u${user}`, "pepper") === "train" ? item < 20 : item >= 20) && (user + item) % 3 === 0;
  const tastes = await writeTable(pathsOf(other).table, has);
  const theirs = await startService("evaluator", other);
  const verdict = (step: number) =>
    eventually(async () => (await theirs.status()).evaluations.find((line) => line.step === step));
  await writeCheckpoint(other, 1, tastes, (weights) => {
    popular(tastes)(weights);
    for (const item of tastes.vocabulary.items.filter((name) => Number(name.slice(1)) >= 20))
      weights["decoder.bias"]!.data[tastes.vocabulary.column(item)!] = 1000;
  });
  expect(await verdict(1)).toMatchObject({ outcome: "published", version: "v000001" });
  await writeCheckpoint(other, 2, tastes, popular(tastes));
  const { outcome, reason, model, popularity, incumbent } = await verdict(2);
  expect([outcome, model]).toEqual(["refused", popularity]);
  expect(reason).toMatch(
    /^on the hold-out its NDCG@100 is 0\.\d{4} ± 0\.\d{4} below that of v000001 \(\d+ users\), more than the tolerance of 0\.01$/,
  );
  expect(Number(/0\.\d{4}/.exec(reason!)![0])).toBeCloseTo(incumbent!["ndcg@100"] - model!["ndcg@100"], 3);
  await theirs.process.stop();
  rmSync(other, { recursive: true });
});

test("a checkpoint whose version of the table was vacuumed is judged on the users of now", async () => {
  const other = mkdtempSync(join(tmpdir(), "evaluator-"));
  const vacuumed = await writeTable(pathsOf(other).table);
  const events = await openEvents(pathsOf(other).table);
  const [file] = events.files;
  await events.commit({
    remove: [file!],
    add: [await writeEvents(events.store, await readEvents(events.store, file!))],
    operation: "OPTIMIZE",
  });
  await vacuum({ events }, { retentionMs: 0, clock: Date.now(), dryRun: false });
  const theirs = await startService("evaluator", other);
  const verdict = (step: number) =>
    eventually(async () =>
      (await theirs.status()).evaluations.find((line) => line.checkpoint.startsWith(String(step).padStart(12, "0"))),
    );
  await writeCheckpoint(other, 1, vacuumed, popular(vacuumed));
  expect(await verdict(1)).toMatchObject({ outcome: "published", tableVersion: 0 });
  const record = JSON.parse(readFileSync(join(pathsOf(other).models, "v000001", "metrics.json"), "utf8"));
  expect(record.contract).toMatchObject({ tableVersion: 1, trainedOnVersion: 0 });
  await theirs.process.stop();
  rmSync(other, { recursive: true });
});

test("a second evaluator on the same data directory, or on the same models, is refused: they would publish what the other does", async () => {
  for (const flags of [
    ["--data-dir", dataDir],
    ["--data-dir", `${dataDir}/other`, "--models", paths.models],
  ]) {
    const second = await tributary("evaluator", ...flags);
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(
      new RegExp(`ALREADY_RUNNING: an evaluator works in \\S+: pid ${evaluator.process.child.pid}`),
    );
  }
});
