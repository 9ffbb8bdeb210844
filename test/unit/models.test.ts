// Published models on disk: what a reader may rely on.
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { defaults } from "../../shared/model/config.ts";
import { initialise } from "../../shared/model/parameters.ts";
import { loadModel, saveModel } from "../../shared/checkpoint/checkpoints.ts";
import { currentVersion, listModels, prune, publish, readMetrics } from "../../shared/checkpoint/models.ts";

let root: string;
let models: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "models-"));
  models = join(root, "models");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function checkpoint(step: number): Promise<string> {
  const config = { ...defaults, items: 12, hidden: 6, latent: 4 };
  const dir = join(root, `checkpoint-${step}`);
  const facts = { config, step, round: 1, seed: 7, salt: "s", tableVersion: 3, watermark: 1000, createdAt: 2000 };
  await saveModel(
    dir,
    initialise(config, step),
    facts,
    Array.from({ length: 12 }, (_, k) => `i${k}`),
  );
  return dir;
}

test("before the first publication there is no version and no list", async () => {
  expect(await currentVersion(models)).toBeNull();
  expect(await listModels(models)).toEqual([]);
});

test("a published model is the checkpoint with its metrics beside it, and current names it", async () => {
  const dir = await checkpoint(5);
  const version = await publish(models, dir, { at: 1 });
  expect(await currentVersion(models)).toBe(version);
  expect((await loadModel(join(models, version))).weights).toEqual((await loadModel(dir)).weights);
  expect(await readMetrics(models, version)).toEqual({ at: 1 });
});

test("versions count upwards and nothing else is left in the folder", async () => {
  for (const step of [9, 4]) await publish(models, await checkpoint(step), {});
  expect(await listModels(models)).toEqual(["v000001", "v000002"]);
  expect(readdirSync(models).sort()).toEqual(["current", "v000001", "v000002"]);
});

test.each([
  ["truncated", (file: string) => truncateSync(file, 100)],
  ["longer than it was", (file: string) => appendFileSync(file, "x")],
  [
    "changed in one byte",
    (file: string) =>
      writeFileSync(
        file,
        readFileSync(file).map((byte, k) => (k === 900 ? byte ^ 1 : byte)),
      ),
  ],
])("a model that is %s is refused, and the published one stays", async (_, spoil) => {
  await publish(models, await checkpoint(1), {});
  const dir = await checkpoint(2);
  spoil(join(dir, "model.safetensors"));
  await expect(publish(models, dir, {})).rejects.toMatchObject({ code: "CHECKPOINT_CORRUPT" });
  expect(await currentVersion(models)).toBe("v000001");
  expect(readdirSync(models).sort()).toEqual(["current", "v000001"]);
});

test("readers find a whole model at every moment while the pointer moves", async () => {
  const dirs = await Promise.all([1, 2, 3].map(checkpoint));
  await publish(models, dirs[0]!, {});
  let publishing = true;
  const seen = new Set<number>();
  const reader = async () => {
    while (publishing) seen.add((await loadModel(join(models, (await currentVersion(models))!))).manifest.step);
  };
  const readers = Array.from({ length: 10 }, reader);
  for (let k = 0; k < 12; k++) await publish(models, dirs[k % 3]!, {});
  publishing = false;
  await Promise.all(readers);
  expect(seen.size).toBeGreaterThan(1);
});

test("pruning keeps the newest five and the current one", async () => {
  const dir = await checkpoint(1);
  for (let k = 0; k < 8; k++) await publish(models, dir, {});
  writeFileSync(join(models, "current"), "v000002\n");
  await prune(models);
  expect(await listModels(models)).toEqual(["v000002", "v000004", "v000005", "v000006", "v000007", "v000008"]);
});
