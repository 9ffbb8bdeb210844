// `models` beside a real evaluator and a real serve: what is published, the way back, and that it holds.
import { execFile } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { saveModel } from "../../shared/checkpoints/checkpoints.ts";
import { readManifest } from "../../shared/checkpoints/manifest.ts";
import { publish } from "../../shared/checkpoints/models.ts";
import { currentVersion } from "../../shared/checkpoints/pointer.ts";
import type { Histories } from "../../shared/events/histories.ts";
import { initialise } from "../../shared/neural/parameters.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { eventually, popular, type Service, startService, writeCheckpoint, writeTable } from "./published.ts";

const dataDir = mkdtempSync(join(tmpdir(), "models-command-"));
const paths = pathsOf(dataDir);
let histories: Histories;
let evaluator: Service<"evaluator">;
let serve: Service<"serve">;

beforeAll(async () => {
  histories = await writeTable(paths.table);
  [evaluator, serve] = [await startService("evaluator", dataDir), await startService("serve", dataDir)];
});
afterAll(async () => {
  await Promise.all([evaluator.process.stop(), serve.process.stop()]);
  rmSync(dataDir, { recursive: true, force: true });
});

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}
const bin = fileURLToPath(new URL("../../infra/tributary.mjs", import.meta.url));
const tributary = (command: string, ...args: string[]) =>
  new Promise<Ended>((resolve) =>
    execFile(process.execPath, [bin, command, "--data-dir", dataDir, ...args], (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    ),
  );
const models = (...args: string[]) => tributary("models", ...args);
const asJson = async (...args: string[]) => {
  const ended = await models(...args, "--json");
  expect(ended.stderr).toBe("");
  return JSON.parse(ended.stdout);
};

/** Writes a checkpoint as good as popularity and waits for its last verdict. */
async function offered(step: number) {
  await writeCheckpoint(dataDir, step, histories, popular(histories));
  return verdictOn(step);
}
const verdictOn = (step: number) =>
  eventually(async () =>
    (await evaluator.status()).evaluations.findLast((line) => Number(line.checkpoint.split("@")[0]) === step),
  );
const served = (version: string) => eventually(async () => (await serve.status()).model === version);

test("before the first publication it says so", async () => {
  expect((await models("list")).stdout).toBe(`no model has been published in ${paths.models}\n`);
  expect(await asJson("list")).toEqual({ current: null, pinned: null, models: [] });
  for (const args of [["show"], ["rollback"], ["pin"]])
    expect(await models(...args)).toMatchObject({ code: 3, stdout: "" });
});

describe("with four published models", () => {
  beforeAll(async () => {
    for (const step of [1, 2, 3, 4]) expect(await offered(step)).toMatchObject({ outcome: "published" });
    await served("v000004");
  }, 60_000);

  test("list has a line for each, the newest last", async () => {
    const { models: lines, current } = await asJson("list");
    expect(current).toBe("v000004");
    const { model, popularity } = await verdictOn(4);
    expect(lines.map(({ version }: { version: string }) => version)).toEqual([
      "v000001",
      "v000002",
      "v000003",
      "v000004",
    ]);
    expect(lines.map(({ parent }: { parent: string }) => parent)).toEqual([null, "v000001", "v000002", "v000003"]);
    expect(lines[3]).toMatchObject({
      step: 4,
      round: 4,
      items: 40,
      current: true,
      pinned: false,
      popularity: popularity!["ndcg@100"],
    });
    expect(lines[3]).toMatchObject({
      "ndcg@100": model!["ndcg@100"],
      standardError: model!["ndcg@100:se"],
      problem: null,
    });
    const text = (await models("list")).stdout.split("\n");
    expect(text[0]).toMatch(/^version +published +age +step +round +items +NDCG@100 +popularity +laid over +parent$/);
    expect(text[4]).toMatch(
      /^v000004 +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +\d+ s +4 +4 +40 +0\.\d{4} ± 0\.\d{4} +0\.\d{4} +– +v000003 +current$/,
    );
  });

  test("show has the manifest, the metrics and their contract", async () => {
    const { manifest, metrics } = await asJson("show", "2");
    expect(manifest).toEqual(await readManifest(join(paths.models, "v000002")));
    expect(metrics).toEqual(JSON.parse(readFileSync(join(paths.models, "v000002", "metrics.json"), "utf8")));
    const text = (await models("show")).stdout;
    expect(text).toMatch(/^v000004 {2}current\npublished +.* ago\nparent +v000003\n\nmanifest\n/);
    expect(text).toMatch(/^ {2}config\.hidden +16$/m);
    expect(text).toMatch(/\ncontract\n(.*\n)* {2}salt +pepper\n/);
  });

  test("diff has the metrics side by side, what changed, and how far each tensor moved", async () => {
    const difference = await asJson("diff", "v000001", "v000003");
    expect(difference).toMatchObject({
      from: "v000001",
      to: "v000003",
      items: { from: 40, to: 40, added: [], removed: [] },
    });
    expect(difference.metrics).toContainEqual(expect.objectContaining({ name: "ndcg@100", change: 0 }));
    expect(difference.changed).toContainEqual({ name: "step", from: 1, to: 3 });
    const moved = new Map(
      difference.weights.map((each: { name: string; relativeChange: number }) => [each.name, each.relativeChange]),
    );
    expect(moved.get("decoder.bias")).toBe(0);
    expect(moved.get("encoder.fc1.weight")).toBeGreaterThan(1); // two draws of the same size: about the root of two
    expect((await models("diff", "1", "3")).stdout).toMatch(/^ {2}encoder\.fc1\.weight +1\.\d\d$/m);
  });

  test("rollback goes to the parent, serve follows, and it holds: the next good model is judged and not published", async () => {
    const ended = await models("rollback");
    expect(ended.stdout).toMatch(
      /^v000003 is current now, v000004 was; serve takes it up by itself\npinned to v000003: .*`tributary models pin --off`\n/,
    );
    await served("v000003");
    expect(await offered(5)).toMatchObject({
      outcome: "held",
      reason: "pinned to v000003",
      version: null,
      incumbent: { version: "v000003" },
    });
    expect(await currentVersion(paths.models)).toBe("v000003");
    expect(await evaluator.status()).toMatchObject({ pinned: "v000003", published: { version: "v000003" } });
    expect((await tributary("status")).stdout).toMatch(
      /^! Attention\. Publication is pinned to v000003: newer models are judged and not published\n.*`tributary models pin --off`/,
    );
    expect((await models("list")).stdout).toMatch(/^v000003 .* current, pinned$/m);
  });

  test("a second rollback goes further back, and forward is a rollback too", async () => {
    expect(await asJson("rollback")).toEqual({
      current: "v000002",
      pinned: "v000002",
      before: "v000003",
      branch: null,
    });
    await served("v000002");
    expect(await asJson("rollback", "v4")).toMatchObject({ current: "v000004", before: "v000002" });
    await served("v000004");
    expect(await asJson("rollback", "3")).toMatchObject({ current: "v000003" });
    await served("v000003");
  });

  test("once nothing is pinned, what was held back is judged again and published on top of the version gone back to", async () => {
    expect((await models("pin", "--off")).stdout).toContain("nothing is pinned");
    await eventually(async () => (await verdictOn(5)).outcome === "published");
    expect(await asJson("show")).toMatchObject({
      version: "v000005",
      pinned: null,
      manifest: { step: 5, published: { parent: "v000003" } },
    });
    await served("v000005");
  });

  test("rollback --no-pin lets the next model that passes replace it", async () => {
    expect((await models("rollback", "2", "--no-pin")).stdout).toContain("nothing is pinned");
    expect(await offered(6)).toMatchObject({ outcome: "published", incumbent: { version: "v000002" } });
    await served("v000006");
  });

  test("pin keeps the current version, or makes one current and keeps it", async () => {
    expect(await asJson("pin")).toEqual({ current: "v000006", pinned: "v000006", before: "v000006" });
    expect(await asJson("pin", "v000005")).toEqual({ current: "v000005", pinned: "v000005", before: "v000006" });
    await served("v000005");
    await models("pin", "--off");
  });

  test("a refusal that has a reason of its own says that one, though publication is pinned", async () => {
    await models("pin");
    await writeCheckpoint(dataDir, 7, histories, (weights) => {
      popular(histories)(weights);
      weights["decoder.bias"]!.data[0] = Number.POSITIVE_INFINITY;
    });
    expect(await verdictOn(7)).toMatchObject({ outcome: "refused", reason: expect.stringContaining("decoder.bias") });
    expect((await tributary("status")).stdout).toMatch(
      /Publication of round – was refused: it cannot be used: tensor decoder\.bias/,
    );
    await models("pin", "--off");
  });

  test.each([
    ["a version that is not there", ["rollback", "99"], "MODEL_UNKNOWN", 2],
    ["another word", ["delete"], "USAGE", 2],
    ["half a diff", ["diff", "1"], "USAGE", 2],
    ["a flag of another action", ["list", "--branch"], "USAGE", 2],
    ["--off with a version", ["pin", "2", "--off"], "USAGE", 2],
    ["a branch where no whole checkpoint is left", ["rollback", "2", "--branch"], "CHECKPOINT_MISSING", 2],
  ])("%s: %j ends with one clear message", async (_, args, code, exit) => {
    const before = await asJson("list");
    const ended = await models(...args);
    expect(ended).toMatchObject({ code: exit, stdout: "", stderr: expect.stringContaining(code) });
    expect(await asJson("list")).toEqual(before);
    expect(ended.stderr).not.toContain("node_modules");
  });

  test("a version with a torn file is listed with its reason, and is not gone back to", async () => {
    const file = join(paths.models, "v000002", "model.safetensors");
    const whole = readFileSync(file);
    chmodSync(file, 0o644);
    truncateSync(file, 300);
    expect(await models("rollback", "2")).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("CHECKPOINT_CORRUPT"),
    });
    writeFileSync(file, whole);
    const manifest = join(paths.models, "v000003", "manifest.json");
    const text = readFileSync(manifest);
    chmodSync(manifest, 0o644);
    writeFileSync(manifest, "{");
    expect((await models("list")).stdout).toMatch(/^v000003 .* cannot be read: the manifest is not JSON$/m);
    expect((await models("rollback", "3")).code).toBe(1);
    writeFileSync(manifest, text);
    expect(await currentVersion(paths.models)).toBe("v000005");
  });

  test("a version that serve once could not read is read when it is gone back to", async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), "refused-"));
    const file = join(paths.models, "v000002", "model.safetensors");
    cpSync(file, join(elsewhere, "whole"));
    chmodSync(file, 0o644);
    truncateSync(file, 300);
    writeFileSync(join(paths.models, "current"), "v000002\n"); // by hand, past all checks
    await eventually(async () => readFileSync(join(paths.logs, "serve.log"), "utf8").includes("CHECKPOINT_CORRUPT"));
    expect(await serve.status()).toMatchObject({ model: "v000005" });
    await models("rollback", "5");
    cpSync(join(elsewhere, "whole"), file);
    await models("rollback", "2");
    await served("v000002");
    rmSync(elsewhere, { recursive: true });
  });
});

test("the first version has no parent to go back to", async () => {
  const elsewhere = join(dataDir, "elsewhere");
  for (const step of [1, 2]) await publish(elsewhere, await writeCheckpoint(dataDir, step, histories), {});
  expect(await models("rollback", "--models", elsewhere)).toMatchObject({ code: 0, stderr: "" });
  const ended = await models("rollback", "--models", elsewhere);
  expect(ended).toMatchObject({
    code: 2,
    stdout: "",
    stderr: expect.stringContaining("v000001 has no parent to go back to"),
  });
});

test("diff counts the items that were added, and compares the others' rows alone", async () => {
  const root = mkdtempSync(join(tmpdir(), "diff-"));
  for (const [items, scale] of [
    [6, 1],
    [8, 1.1],
  ] as const) {
    const settings = { ...defaults, items, hidden: 4, latent: 2 };
    const config = recipeOf(settings);
    const weights = initialise({ ...config, items: 6 }, 1);
    for (const [name, { shape, data }] of Object.entries(weights)) {
      const perItem = name === "encoder.fc1.weight" || name.startsWith("decoder.");
      const more = perItem ? ((items - 6) * data.length) / 6 : 0;
      const grown = Float32Array.from({ length: data.length + more }, (_, k) => (data[k] ?? 1000) * scale);
      weights[name] = { shape: perItem ? [items, ...shape.slice(1)] : shape, data: grown };
    }
    const facts = {
      config: settings,
      step: items,
      round: 1,
      seed: 1,
      salt: "s",
      tableVersion: 0,
      watermark: 1,
      createdAt: 1,
    };
    await saveModel(
      join(root, String(items)),
      weights,
      facts,
      ["a", "b", "c", "d", "e", "f", "g", "h"].slice(0, items),
    );
    await publish(join(root, "models"), join(root, String(items)), {});
  }
  const difference = await asJson("diff", "1", "2", "--models", join(root, "models"));
  expect(difference.items).toEqual({ from: 6, to: 8, added: ["g", "h"], removed: [] });
  expect(difference.changed).toContainEqual({ name: "config.items", from: 6, to: 8 });
  for (const { relativeChange } of difference.weights.filter(({ name }: { name: string }) => !/ln\d\.bias/.test(name)))
    expect(relativeChange).toBeCloseTo(0.1, 5);
  expect(
    existsSync(join(root, "models", ".lock")) || readdirSync(join(root, "models")).some((name) => name.startsWith(".")),
  ).toBe(false);
  rmSync(root, { recursive: true });
});
