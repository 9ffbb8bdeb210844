// Published models on disk: what a reader may rely on.
import { createHash } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadModel, saveModel } from "../../shared/checkpoints/checkpoints.ts";
import { readManifest } from "../../shared/checkpoints/manifest.ts";
import {
  goTo,
  holding,
  listModels,
  parentOf,
  prune,
  publish,
  readMetrics,
  versionOf,
} from "../../shared/checkpoints/models.ts";
import { currentVersion, pinnedVersion, unpin } from "../../shared/checkpoints/pointer.ts";
import type { AppError } from "../../shared/errors/errors.ts";
import { initialise } from "../../shared/neural/parameters.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";

let root: string;
let models: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "models-"));
  models = join(root, "models");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function checkpoint(step: number): Promise<string> {
  const settings = { ...defaults, items: 12, hidden: 6, latent: 4 };
  const config = recipeOf(settings);
  const dir = join(root, `checkpoint-${step}`);
  const facts = {
    config: settings,
    step,
    round: 1,
    seed: 7,
    salt: "s",
    tableVersion: 3,
    watermark: 1000,
    createdAt: 2000,
  };
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
  const version = (await publish(models, dir, { at: 1 }))!;
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

test("the manifest of a published model names its files' hashes and its parent, and no file can be written to", async () => {
  for (const step of [1, 2]) await publish(models, await checkpoint(step), { step });
  const [first, second] = [await readManifest(join(models, "v000001")), await readManifest(join(models, "v000002"))];
  expect([first.published!.parent, second.published!.parent]).toEqual([null, "v000001"]);
  expect(readdirSync(join(models, "v000002")).sort()).toEqual([...Object.keys(second.sha256), "manifest.json"].sort());
  for (const [name, hash] of Object.entries(second.sha256)) {
    const file = join(models, "v000002", name);
    expect(createHash("sha256").update(readFileSync(file)).digest("hex")).toBe(hash);
  }
  for (const name of readdirSync(join(models, "v000002")))
    expect(statSync(join(models, "v000002", name)).mode & 0o222).toBe(0);
});

test("what was compared with a version that is no longer current is not published", async () => {
  for (const step of [1, 2]) await publish(models, await checkpoint(step), {});
  expect(await publish(models, await checkpoint(3), {}, "v000001")).toBeNull();
  expect(await currentVersion(models)).toBe("v000002");
  expect(readdirSync(models).sort()).toEqual(["current", "v000001", "v000002"]);
  expect(await publish(models, await checkpoint(3), {}, "v000002")).toBe("v000003");
});

test("going back pins: nothing is published until it is unpinned", async () => {
  for (const step of [1, 2]) await publish(models, await checkpoint(step), {});
  expect(await goTo(models, "v000001", true)).toBe("v000002");
  expect([await currentVersion(models), await pinnedVersion(models)]).toEqual(["v000001", "v000001"]);
  expect(await publish(models, await checkpoint(3), {})).toBeNull();
  await unpin(models);
  expect(await publish(models, await checkpoint(3), {})).toBe("v000003");
  expect(await parentOf(models, "v000003")).toBe("v000001");
});

test("going back without a pin takes an older one off", async () => {
  for (const step of [1, 2, 3]) await publish(models, await checkpoint(step), {});
  await goTo(models, "v000001", true);
  await goTo(models, "v000002", false);
  expect([await currentVersion(models), await pinnedVersion(models)]).toEqual(["v000002", null]);
});

test.each(["model.safetensors", "vocabulary.json", "metrics.json"])(
  "a version whose %s was changed is not gone back to",
  async (name) => {
    for (const step of [1, 2]) await publish(models, await checkpoint(step), {});
    const file = join(models, "v000001", name);
    chmodSync(file, 0o644);
    appendFileSync(file, " ");
    await expect(goTo(models, "v000001", true)).rejects.toMatchObject({
      code: "CHECKPOINT_CORRUPT",
      facts: { path: file },
    });
    expect([await currentVersion(models), await pinnedVersion(models)]).toEqual(["v000002", null]);
  },
);

test("a version that is not there, or only half, is not gone back to", async () => {
  for (const step of [1, 2]) await publish(models, await checkpoint(step), {});
  await expect(goTo(models, "v000009", false)).rejects.toMatchObject({ code: "MODEL_UNKNOWN" });
  rmSync(join(models, "v000001", "manifest.json"));
  await expect(goTo(models, "v000001", false)).rejects.toMatchObject({ code: "CHECKPOINT_CORRUPT" });
  expect(await currentVersion(models)).toBe("v000002");
});

test("50 readers find a whole model at every moment while models are published, gone back to and pruned", async () => {
  const dirs = await Promise.all([1, 2, 3].map(checkpoint));
  const stepOf = new Map<string, number>();
  const publishNext = async (k: number) => stepOf.set((await publish(models, dirs[k % 3]!, { k }))!, (k % 3) + 1);
  await publishNext(0);
  let busy = true;
  const seen = new Set<string>();
  let reads = 0;
  const reader = async () => {
    while (busy) {
      const version = (await currentVersion(models))!;
      const model = await loadModel(join(models, version)).catch(async (error: AppError) => {
        // Pruned between pointer and files: the pointer has moved on by then, and a reader looks again.
        if (error.code === "CHECKPOINT_MISSING" && (await currentVersion(models)) !== version) return undefined;
        throw error;
      });
      if (!model) continue;
      reads++;
      seen.add(`${version} ${model.manifest.step}`);
    }
  };
  const readers = Promise.all(Array.from({ length: 50 }, reader));
  for (let k = 1; k < 24; k++) {
    await publishNext(k);
    if (k % 3 === 0) await goTo(models, (await listModels(models)).at(-3)!, false);
    await prune(models);
  }
  busy = false;
  await readers;
  expect(reads).toBeGreaterThan(50);
  expect(seen.size).toBeGreaterThan(5);
  for (const read of seen) expect(read).toBe(`${read.split(" ")[0]} ${stepOf.get(read.split(" ")[0]!)}`);
});

test("pruning keeps the newest five, the current one with its parent, and the pinned one", async () => {
  const dir = await checkpoint(1);
  for (let k = 0; k < 10; k++) await publish(models, dir, {});
  await goTo(models, "v000002", true);
  writeFileSync(join(models, "current"), "v000004\n");
  await prune(models);
  const newest = ["v000006", "v000007", "v000008", "v000009", "v000010"];
  expect(await listModels(models)).toEqual(["v000002", "v000003", "v000004", ...newest]);
  await goTo(models, "v000010", false);
  await prune(models);
  expect(await listModels(models)).toEqual(newest);
});

test("of the older ones every eighth, 64th, ... is kept, so that there is one of long ago to go back to", async () => {
  await publish(models, await checkpoint(1), {});
  for (let k = 2; k <= 1100; k++) mkdirSync(join(models, `v${String(k).padStart(6, "0")}`));
  writeFileSync(join(models, "current"), "v001100\n");
  await prune(models);
  const numbers = (await listModels(models)).map((version) => Number(version.slice(1)));
  expect(numbers).toEqual([512, 960, 1024, 1080, 1088, 1096, 1097, 1098, 1099, 1100]);
});

test("whoever goes back while others publish and prune finds a whole model, or is told that it is gone", async () => {
  const dir = await checkpoint(1);
  for (let k = 0; k < 7; k++) await publish(models, dir, {});
  const outcomes = new Set<string>();
  for (let k = 1; k <= 7; k++) {
    const versions = await listModels(models);
    const back = goTo(models, versions[k % versions.length]!, false).then(
      () => "gone back",
      ({ code }: AppError) => code,
    );
    const [outcome] = await Promise.all([back, publish(models, dir, {}), prune(models), prune(models)]);
    outcomes.add(outcome);
    await loadModel(join(models, (await currentVersion(models))!));
  }
  expect([...outcomes].filter((outcome) => outcome !== "MODEL_UNKNOWN")).toEqual(["gone back"]);
  expect(readdirSync(models).filter((name) => name.startsWith("."))).toEqual([]);
});

test("a lock that a killed process with this process's id left is nobody's", async () => {
  await publish(models, await checkpoint(1), {});
  writeFileSync(join(models, ".lock"), String(process.pid));
  expect(await publish(models, await checkpoint(2), {})).toBe("v000002");
});

test("a checkpoint that is forgotten while it is copied is told so, and nothing is left of it", async () => {
  const dir = await checkpoint(1);
  rmSync(join(dir, "vocabulary.json"));
  await expect(publish(models, dir, {})).rejects.toMatchObject({ code: "CHECKPOINT_MISSING" });
  expect(readdirSync(models)).toEqual([]);
});

test("a candidate that is held is published though its checkpoint was forgotten meanwhile, and nothing is left", async () => {
  const dir = await checkpoint(1);
  const version = await holding(models, dir, async (held) => {
    rmSync(dir, { recursive: true });
    return publish(models, held, {});
  });
  expect((await loadModel(join(models, version!))).manifest.step).toBe(1);
  expect(readdirSync(models).sort()).toEqual(["current", "v000001"]);
  await expect(holding(models, dir, async () => "never")).rejects.toMatchObject({ code: "CHECKPOINT_MISSING" });
  expect(readdirSync(models).sort()).toEqual(["current", "v000001"]);
});

test("of those who publish at the same time each gets a version of its own, and a draft of a killed one goes", async () => {
  mkdirSync(join(models, ".draft", "half"), { recursive: true });
  const dirs = [await checkpoint(1), await checkpoint(2), await checkpoint(3)];
  const versions = await Promise.all(dirs.map((dir) => publish(models, dir, {})));
  expect([...versions].sort()).toEqual(["v000001", "v000002", "v000003"]);
  for (const [k, version] of versions.entries())
    expect((await loadModel(join(models, version!))).manifest.step).toBe(k + 1);
  expect(readdirSync(models).filter((name) => name.startsWith("."))).toEqual([]);
});

test("a published checkpoint is found among the versions, another one is not", async () => {
  const dirs = [await checkpoint(1), await checkpoint(2)];
  await publish(models, dirs[0]!, {});
  expect(await versionOf(models, dirs[0]!)).toMatchObject({ version: "v000001", step: 1 });
  expect(await versionOf(models, dirs[1]!)).toBeUndefined();
  writeFileSync(join(dirs[0]!, "manifest.json"), "{");
  expect(await versionOf(models, dirs[0]!)).toBeUndefined();
});
