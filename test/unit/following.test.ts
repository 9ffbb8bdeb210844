// Serve follows the pointer to the published model: forth and back, past models that cannot be read, and to them once
// they can. And the table, for users' histories.
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { afterAll, beforeEach, expect, test } from "vitest";
import { followPublished, type PublishedModel } from "../../services/serve/published.ts";
import { saveModel } from "../../shared/checkpoints/checkpoints.ts";
import { publish } from "../../shared/checkpoints/models.ts";
import { batchOf } from "../../shared/events/batch.ts";
import { initialise } from "../../shared/neural/parameters.ts";
import { recommend } from "../../shared/recommending/recommender.ts";
import { createTail } from "../../shared/recommending/tail.ts";
import { followUsers } from "../../shared/recommending/users.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { openEvents, writeEvents } from "../../shared/table/events.ts";
import { entryPath } from "../../shared/table/log.ts";
import { onEachBackend } from "./engines.ts";

const root = mkdtempSync(join(tmpdir(), "following-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const vocabulary = ["a", "b", "c", "d", "e", "f"];
/** A checkpoint whose model likes the item of column `step` best, whoever asks. */
async function checkpoint(dir: string, step: number): Promise<string> {
  const settings = { ...defaults, items: vocabulary.length, hidden: 8, latent: 4 };
  const config = recipeOf(settings);
  const weights = initialise(config, step);
  weights["decoder.weight"]!.data.fill(0);
  weights["decoder.bias"]!.data.fill(0)[step] = 9;
  const path = join(dir, `checkpoint${step}`);
  const facts = {
    config: settings,
    step,
    round: step,
    midRound: false,
    seed: 1,
    salt: "",
    tableVersion: null,
    watermark: null,
    createdAt: step,
  };
  await saveModel(path, weights, facts, vocabulary);
  return path;
}

onEachBackend((open) => {
  let models: string;
  let published: PublishedModel;
  const told: string[] = [];
  const log = pino({ level: "error" }, { write: (line: string) => void told.push(JSON.parse(line).msg) });
  const point = (version: string) => {
    writeFileSync(join(models, ".next"), `${version}\n`);
    renameSync(join(models, ".next"), join(models, "current"));
  };
  const weightsOf = (version: string) => join(models, version, "model.safetensors");
  /** What is served after one look: the version, and the item that its weights like best. */
  const served = async () => {
    await published.refresh();
    const [best] = recommend(published.get(), { history: ["a"], k: 1, exclude: [], includeSeen: true }).items;
    return [published.version, best!.item];
  };

  beforeEach(async () => {
    models = mkdtempSync(join(root, "models-"));
    told.length = 0;
    published = followPublished(await open(), models, log);
    for (const step of [1, 2, 3]) await publish(models, await checkpoint(models, step), { at: step });
  });

  test("forth and back, each version with its own weights", async () => {
    for (const [version, best] of [
      ["v000003", "d"],
      ["v000001", "b"],
      ["v000002", "c"],
      ["v000001", "b"],
    ] as const) {
      point(version);
      expect(await served()).toEqual([version, best]);
      expect(published.about()).toMatchObject({ model: version, evaluation: { at: Number(version.at(-1)) } });
    }
    expect(told).toEqual([]);
  });

  test.each([
    [
      "whose hash differs",
      (path: string) =>
        writeFileSync(
          path,
          readFileSync(path).map((byte, at) => (at === 400 ? byte ^ 1 : byte)),
        ),
    ],
    ["that is torn", (path: string) => truncateSync(path, 300)],
    ["that is longer", (path: string) => appendFileSync(path, "x")],
    ["that is gone", (path: string) => rmSync(path)],
  ])("a model %s is told once, and the one in use stays", async (_, spoil) => {
    point("v000001");
    await served();
    spoil(weightsOf("v000002"));
    point("v000002");
    for (let look = 0; look < 3; look++) expect(await served()).toEqual(["v000001", "b"]);
    expect(told).toEqual([expect.stringMatching(/CHECKPOINT_(CORRUPT|MISSING)/)]);
    point("v000003");
    expect(await served()).toEqual(["v000003", "d"]);
  });

  test("a model that was refused is taken once its files are whole, and again after the pointer was elsewhere", async () => {
    point("v000001");
    await served();
    cpSync(weightsOf("v000002"), join(models, "kept"));
    truncateSync(weightsOf("v000002"), 300);
    point("v000002");
    expect(await served()).toEqual(["v000001", "b"]);
    cpSync(join(models, "kept"), weightsOf("v000002"));
    expect(await served()).toEqual(["v000002", "c"]);
    expect(told).toHaveLength(1);

    truncateSync(weightsOf("v000003"), 300);
    for (let time = 0; time < 2; time++) {
      point("v000003");
      expect(await served()).toEqual(["v000002", "c"]);
      point("v000002");
      expect(await served()).toEqual(["v000002", "c"]);
    }
    expect(told).toHaveLength(3);
  });

  test("a pointer that names no version changes nothing", async () => {
    point("v000002");
    await served();
    for (const text of ["", "v1", "../v000001", "v000009"]) {
      point(text);
      expect(await served()).toEqual(["v000002", "c"]);
    }
  });
});

test("nobody is unknown before the table was read once; then users are known from their first event on", async () => {
  const dir = mkdtempSync(join(root, "table-"));
  const table = await openEvents(dir);
  const commit = async (user: string, items: string[], offset: number) => {
    const rows = items.map((item, k) => ({ user, item, timestamp: 0, value: null, partition: 0, offset: offset + k }));
    await table.commit({
      add: [await writeEvents(table.store, batchOf(rows))],
      txn: [{ appId: "t/0", version: offset + items.length - 1 }],
    });
  };
  await commit("u1", ["a", "b", "a"], 0);
  const users = followUsers(dir);
  const early = Promise.allSettled([users.historyOf("u1"), users.historyOf("u2")]);
  await users.refresh();
  expect(await early).toMatchObject([{ value: ["a", "b"] }, { reason: { code: "USER_UNKNOWN" } }]);
  await commit("u2", ["c"], 3);
  await expect(users.historyOf("u2")).rejects.toMatchObject({ code: "USER_UNKNOWN" });
  await users.refresh();
  expect(await users.historyOf("u2")).toEqual(["c"]);
});

test("what is read ahead of the table stands behind its rows and leaves with them, so that who is erased does not come back", async () => {
  const dir = mkdtempSync(join(root, "table-"));
  const table = await openEvents(dir);
  const rows = ["a", "b"].map((item, offset) => ({
    user: "u1",
    item,
    timestamp: 0,
    value: null,
    partition: 0,
    offset,
  }));
  const file = await writeEvents(table.store, batchOf(rows));
  await table.commit({ add: [file], txn: [{ appId: "t/0", version: 1 }] });
  const tail = createTail();
  const users = followUsers(dir, { topic: "t", tail });
  await users.refresh();
  await users.wasRead;
  for (const [offset, item] of ["a", "b", "c", "b"].entries()) tail.take(0, offset, "u1", item);
  expect(await users.historyOf("u1")).toEqual(["a", "b", "c"]);

  const more = rows.map((row, k) => ({ ...row, item: ["c", "b"][k]!, offset: 2 + k }));
  const second = await writeEvents(table.store, batchOf(more));
  await table.commit({ add: [second], txn: [{ appId: "t/0", version: 3 }] });
  await table.commit({ remove: [file, second], operation: "DELETE" });
  await users.refresh();
  await expect(users.historyOf("u1")).rejects.toMatchObject({ code: "USER_UNKNOWN" });
  for (const [offset, item] of ["a", "b", "c", "b"].entries()) tail.take(0, offset, "u1", item); // read anew
  expect(tail.held).toBe(0);
});

test("a topic is not followed before the table was read: who was erased would come back from its beginning", async () => {
  const dir = mkdtempSync(join(root, "table-"));
  const table = await openEvents(dir);
  await table.commit({ txn: [{ appId: "t/0", version: 1 }] });
  const entry = join(dir, "events", entryPath(0));
  const whole = readFileSync(entry);
  writeFileSync(entry, "{");
  const users = followUsers(dir, { topic: "t", tail: createTail() });
  let wasRead = false;
  void users.wasRead.then(() => {
    wasRead = true;
  });
  await expect(users.refresh()).rejects.toThrow("TABLE_CORRUPT");
  expect(wasRead).toBe(false);
  writeFileSync(entry, whole);
  await users.refresh();
  await users.wasRead;
});
