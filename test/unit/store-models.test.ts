// Published models in an object store: what a reader may rely on, whoever else publishes, goes back, or is killed.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeEach, expect, test } from "vitest";
import { loadModel, saveModel } from "../../shared/checkpoints/checkpoints.ts";
import { type StoredModels, storedModels } from "../../shared/checkpoints/store-models.ts";
import { AppError } from "../../shared/errors/errors.ts";
import { initialise } from "../../shared/neural/parameters.ts";
import type { SwappingStore } from "../../shared/storage/store.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { memoryStore } from "./memory-store.ts";

const root = mkdtempSync(join(tmpdir(), "tributary-store-models-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let files: Map<string, Uint8Array>;
let opened = 0;
beforeEach(() => {
  files = new Map();
});

/** As another machine would: a pointer and copies of its own. */
const open = (turn?: () => Promise<unknown>): StoredModels =>
  storedModels("s3://b/models", memoryStore(turn, files), join(root, `copies-${opened++}`));

async function checkpoint(step: number): Promise<string> {
  const settings = { ...defaults, items: 12, hidden: 6, latent: 4 };
  const dir = join(root, `checkpoint-${step}`);
  const standing = { step, round: 1, seed: 7, salt: "s", tableVersion: 3, watermark: 1000, createdAt: 2000 };
  const items = Array.from({ length: 12 }, (_, k) => `i${k}`);
  await saveModel(dir, initialise(recipeOf(settings), step), { config: settings, ...standing }, items);
  return dir;
}
const inUse = async () => {
  const { version, isPinned } = await open().pointer();
  return [version, isPinned];
};

test("before the first publication there is no version and no list", async () => {
  expect(await inUse()).toEqual([null, false]);
  expect(await open().list()).toEqual([]);
  await expect(open().folder("v000001")).rejects.toMatchObject({ code: "MODEL_UNKNOWN" });
});

test("a published model is the checkpoint with its metrics beside it, read from a copy that is fetched once", async () => {
  const dir = await checkpoint(1);
  expect(await open().publish(dir, { at: 1 }, null)).toBe("v000001");
  expect(await open().publish(await checkpoint(2), { at: 2 }, "v000001")).toBe("v000002");
  const reader = open();
  expect((await loadModel(await reader.folder("v000001"))).weights).toEqual((await loadModel(dir)).weights);
  expect(await reader.metrics("v000002")).toEqual({ at: 2 });
  expect((await reader.manifest("v000002")).published?.parent).toBe("v000001");
  for (const path of files.keys()) if (path.endsWith(".safetensors")) files.delete(path);
  expect((await loadModel(await reader.folder("v000001"))).manifest.step).toBe(1);
  await expect(open().folder("v000001")).rejects.toMatchObject({ code: "CHECKPOINT_MISSING" });
});

test("a publication whose end got lost leaves the model whole: its files were removed though it was current", async () => {
  const away = new AppError("STORE_AWAY", { what: "the answer is lost" });
  const store = memoryStore(undefined, files);
  const lossy: SwappingStore = {
    ...store,
    swap: async (...given) => {
      await store.swap(...given);
      throw away;
    },
  };
  const publishing = storedModels("s3://b/models", lossy, join(root, "copies-lossy"));
  await expect(publishing.publish(await checkpoint(1), {}, null)).rejects.toBe(away);
  expect(await inUse()).toEqual(["v000001", false]);
  expect((await loadModel(await open().folder("v000001"))).manifest.step).toBe(1);
});

test("what another pruner has removed, or nobody can read, is passed over", async () => {
  for (let step = 1; step <= 8; step++) await open().publish(await checkpoint(step), {}, undefined);
  files.set("published/v000001.json", new TextEncoder().encode("{"));
  await Promise.all([open().prune(), open().prune()]);
  expect(await open().list()).toContain("v000008");
});

test("what is pinned stays, until somebody goes on from it", async () => {
  const models = open();
  for (const step of [1, 2, 3]) await models.publish(await checkpoint(step), {}, undefined);
  expect(await models.goTo("v000002", true)).toBe("v000003");
  expect(await models.publish(await checkpoint(4), {}, undefined)).toBeNull();
  expect(await inUse()).toEqual(["v000002", true]);
  await models.unpin();
  expect(await inUse()).toEqual(["v000002", false]);
  expect(await models.publish(await checkpoint(4), {}, "v000003")).toBeNull();
  expect(await models.publish(await checkpoint(4), {}, "v000002")).toBe("v000004");
});

test("what is thinned out goes whole, what is used by none goes from the disk", async () => {
  const models = open();
  const copies = join(root, `copies-${opened - 1}`);
  for (let step = 1; step <= 9; step++) {
    await models.publish(await checkpoint(step), {}, undefined);
    await models.folder(`v00000${step}`);
  }
  await models.goTo("v000002", false);
  await models.prune();
  // the newest five, an eighth, the current one and its parent
  expect(await models.list()).toEqual([1, 2, 5, 6, 7, 8, 9].map((k) => `v00000${k}`));
  expect(files.size).toBe(1 + 7 * 5);
  expect(readdirSync(copies).length).toBeLessThanOrEqual(6);
});

test("whoever publishes, goes back and dies at any moment, current names a whole model and each follows its parent", async () => {
  const dirs = await Promise.all([1, 2].map(checkpoint));
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.nat(60), { minLength: 2, maxLength: 3 }),
      async (scheduler, deaths) => {
        files = new Map();
        await open().publish(dirs[0]!, {}, null);
        const works = deaths.map(async (dies, k) => {
          let operations = 0;
          const models = open(async () => {
            if (operations++ >= dies) throw new Error("killed");
            await scheduler.schedule(Promise.resolve());
          });
          if (k === 2) return await models.goTo("v000001", false).catch(() => null);
          return await models.publish(dirs[k]!, {}, "v000001").catch(() => null);
        });
        const published = (await scheduler.waitFor(Promise.all(works))).slice(0, 2).filter((each) => each !== null);
        const reader = open();
        const { version } = await reader.pointer();
        const { manifest } = await loadModel(await reader.folder(version!));
        if (version !== "v000001") expect(manifest.published?.parent).toBe("v000001");
        // both may only where somebody went back in between
        if (deaths.length === 2) expect(published.length).toBeLessThanOrEqual(1);
      },
    ),
    { numRuns: 40 },
  );
});
