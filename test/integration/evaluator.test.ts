// The evaluator as a process: what it publishes, what it refuses, and what it remembers after a restart.
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Histories } from "../../shared/events/histories.ts";
import { currentVersion } from "../../shared/checkpoint/models.ts";
import { readEpoch } from "../../shared/evaluations/per-user.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { eventually, popular, type Service, startService, writeCheckpoint, writeTable } from "./published.ts";

import { tributary } from "./training-cluster.ts";

const dataDir = mkdtempSync(join(tmpdir(), "evaluator-"));
const paths = pathsOf(dataDir);
let histories: Histories;
let evaluator: Service;

beforeAll(async () => {
  histories = await writeTable(paths.table);
  evaluator = await startService("evaluator", dataDir);
});
afterAll(async () => {
  await evaluator.process.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

async function evaluated(version: string) {
  const run = await tributary("evaluate", "--checkpoint", join(paths.models, version), "--table", paths.table, "--json");
  expect(run.code, run.stderr).toBe(0);
  return JSON.parse(run.stdout);
}

const evaluationOf = (step: number) =>
  eventually(async () => (await evaluator.status()).evaluations.find((line) => Number(line.checkpoint.split("@")[0]) === step));

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
  expect([...users.values()].reduce((sum, value) => sum + value / line.users, 0)).toBeCloseTo(line.model!["ndcg@100"], 10);
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

test("a torn checkpoint is refused with its reason", async () => {
  const elsewhere = mkdtempSync(join(tmpdir(), "torn-"));
  const torn = await writeCheckpoint(elsewhere, 4, histories, popular(histories));
  truncateSync(join(torn, "model.safetensors"), 500);
  renameSync(torn, join(paths.training, "checkpoints", "000000000004"));
  rmSync(elsewhere, { recursive: true });
  const line = await evaluationOf(4);
  expect(line).toMatchObject({ outcome: "refused", model: null });
  expect(line.reason).toContain("the file has 500");
});

test("a checkpoint of the middle of a round is passed over", async () => {
  const before = (await evaluator.status()).evaluations.length;
  await writeCheckpoint(dataDir, 7, histories, popular(histories), true);
  await writeCheckpoint(dataDir, 6, histories);
  await evaluationOf(6);
  expect((await evaluator.status()).evaluations).toHaveLength(before + 1);
  rmSync(join(paths.training, "checkpoints", "000000000007"), { recursive: true });
});

test("after a restart it remembers its evaluations and judges nothing twice", async () => {
  const before = (await evaluator.status()).evaluations;
  await evaluator.process.stop();
  expect(await evaluator.process.exited).toBe(0);
  evaluator = await startService("evaluator", dataDir);
  await writeCheckpoint(dataDir, 8, histories, popular(histories));
  const line = await evaluationOf(8);
  expect(line).toMatchObject({ outcome: "published", version: "v000002", incumbent: { version: "v000001" } });
  expect((await evaluator.status()).evaluations).toEqual([...before, line]);
  expect(existsSync(join(paths.models, "v000002", "model.safetensors"))).toBe(true);
});
