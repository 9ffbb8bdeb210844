// A blend as a model directory: made of two models, opened, published and served like any other, refused where they do
// not go together.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { command } from "../../services/commands/blend/main.ts";
import { followPublished } from "../../services/serve/published.ts";
import { blendedModel, mustGoTogether } from "../../shared/checkpoints/blends.ts";
import { loadModel, loadNeural, saveModel } from "../../shared/checkpoints/checkpoints.ts";
import { differenceOf } from "../../shared/checkpoints/difference.ts";
import { formatManifest } from "../../shared/checkpoints/manifest.ts";
import { publish } from "../../shared/checkpoints/models.ts";
import { recordOf } from "../../shared/checkpoints/records.ts";
import { openModel } from "../../shared/checkpoints/scoring.ts";
import { uniform } from "../../shared/compute/draws.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import { openEngine } from "../../shared/compute/open-engine.ts";
import { readDataset } from "../../shared/corpus/dataset.ts";
import { readEpoch, readTest } from "../../shared/judging/per-user.ts";
import { initialise } from "../../shared/neural/parameters.ts";
import { blended } from "../../shared/ranking/blend.ts";
import { evaluate } from "../../shared/ranking/evaluate.ts";
import { recommend } from "../../shared/recommending/recommender.ts";
import { readConfig } from "../../shared/runtime/command.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";

const ITEMS = 12;
const vocabulary = Array.from({ length: ITEMS }, (_, k) => `i${k}`);
const standing = {
  step: 3,
  round: 1,
  seed: 7,
  salt: "",
  tableVersion: null as number | null,
  watermark: null,
  createdAt: 1,
};
const foldIns = [Int32Array.of(0, 3, 5), Int32Array.of(7), Int32Array.of(1, 2, 3, 4, 6, 8, 9)];
const root = mkdtempSync(join(tmpdir(), "tributary-blends-"));
afterAll(() => rmSync(root, { recursive: true }));

let engine: Engine;
let dir: string;
const place = (name: string) => join(dir, name);
const until = { signal: new AbortController().signal, stopped: new Promise<void>(() => {}) };
beforeAll(async () => {
  engine = await openEngine({ wanted: "wasm" });
});
beforeEach(async () => {
  dir = mkdtempSync(join(root, "case-"));
  await saveNeural("recvae");
  await saveItemToItem("ease");
});

async function saveNeural(name: string, changes: Partial<typeof standing> = {}, items = vocabulary) {
  const settings = { ...defaults, items: items.length, hidden: 6, latent: 4 };
  const config = recipeOf(settings);
  await saveModel(place(name), initialise(config, 5), { config: settings, ...standing, ...changes }, items);
}

async function saveItemToItem(name: string) {
  const data = uniform(3, 0, 1, new Float32Array(ITEMS * ITEMS));
  const facts = { model: "ease" as const, config: { items: ITEMS, lambda: 1 }, ...standing, step: 1 };
  await saveModel(place(name), { weights: { shape: [ITEMS, ITEMS], data } }, facts, vocabulary);
}

async function saveBlend(name: string, weight: number) {
  const { weights, facts } = blendedModel([await loadModel(place("recvae")), await loadModel(place("ease"))], weight);
  await saveModel(place(name), weights, facts, vocabulary);
}

test("a blend that was saved scores what its two models give together", async () => {
  await saveBlend("blend", 0.3);
  const [first, second] = [await openModel(engine, place("recvae")), await openModel(engine, place("ease"))];
  const blend = await openModel(engine, place("blend"));
  expect(blend.scoreBatch(foldIns)).toEqual(blended(first.scoreBatch, second.scoreBatch, 0.3)(foldIns));
  expect(blend.manifest).toMatchObject({
    model: "blend",
    step: 3,
    config: { weight: 0.3, parts: [{ model: "recvae" }, { model: "ease" }] },
  });
  const live = engine.tf.memory().numTensors;
  blend.dispose();
  expect(engine.tf.memory().numTensors).toBeLessThan(live);
  await expect(loadNeural(place("blend"))).rejects.toMatchObject({ code: "CHECKPOINT_MISMATCH" });
});

test("a published blend is served, and compared with the next one tensor by tensor", async () => {
  const models = place("models");
  await saveBlend("blend", 0);
  await publish(models, place("blend"), {});
  const published = followPublished(engine, models, pino({ level: "silent" }));
  await published.refresh();
  const wish = { history: ["i0", "i3"], k: 4, exclude: [], includeSeen: false };
  const listed = (model: Parameters<typeof recommend>[0]) => recommend(model, wish).items.map(({ item }) => item);
  const ease = { ...(await openModel(engine, place("ease"))), name: "ease", popular: () => new Float32Array(ITEMS) };
  expect(listed(published.get())).toEqual(listed(ease)); // all of the weight is the second model's
  await saveBlend("blend", 0.5);
  await publish(models, place("blend"), {});
  const [from, to] = [await recordOf(models, "v1"), await recordOf(models, "v2")];
  const { weights, changed } = await differenceOf(models, from, to);
  expect(changed.map(({ name }) => name)).toContain("config.weight");
  expect(weights.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["first.encoder.fc1.weight", "second.weights"]),
  );
  expect(weights.every(({ relativeChange }) => relativeChange === 0)).toBe(true);
});

test("models that do not go together are refused, with what keeps them apart", async () => {
  await saveBlend("blend", 0.5);
  await saveNeural("fewer", {}, vocabulary.slice(1));
  await saveNeural("turned", {}, vocabulary.toReversed());
  await saveNeural("salted", { salt: "s" });
  await saveNeural("of a table", { tableVersion: 1 });
  const ask = async (name: string) => mustGoTogether([await loadModel(place("ease")), await loadModel(place(name))]);
  await expect(ask("recvae")).resolves.toBeUndefined();
  await expect(ask("blend")).rejects.toThrow(/CHECKPOINT_MISMATCH: a blend cannot be part of a blend/);
  await expect(ask("fewer")).rejects.toThrow(/12 items, the second 11, and they are not the same/);
  await expect(ask("turned")).rejects.toThrow(/not the same in the same order/);
  await expect(ask("salted")).rejects.toThrow(/by the salt "", the second by "s"/);
  await expect(ask("of a table")).rejects.toThrow(/the other of a dataset directory/);
});

test.each([
  [
    "a part whose settings lack one",
    (manifest: Manifest) => delete manifest.config.parts[1].config.lambda,
    /part 2 of the blend is no model/,
  ],
  [
    "a part of no system of ours",
    (manifest: Manifest) => (manifest.config.parts[0].model = "recvea"),
    /part 1 .*: recvea/,
  ],
  ["a blend in a blend", (manifest: Manifest) => (manifest.config.parts[0].model = "blend"), /part 1 .*: blend/],
  [
    "a part of other sizes",
    (manifest: Manifest) => (manifest.config.parts[0].config.hidden = 7),
    /CHECKPOINT_CORRUPT: tensor encoder\.fc1/,
  ],
  [
    "a part of other items",
    (manifest: Manifest) => (manifest.config.parts[1].config.items = 11),
    /a part of 11 items in a blend of 12/,
  ],
  ["a weight above 1", (manifest: Manifest) => (manifest.config.weight = 1.5), /CHECKPOINT_CORRUPT.*weight/],
])("%s makes the directory corrupt", async (_, spoil, message) => {
  await saveBlend("blend", 0.5);
  const path = join(place("blend"), "manifest.json");
  const { hash, ...manifest } = JSON.parse(readFileSync(path, "utf8"));
  expect(hash).toHaveLength(64);
  spoil(manifest as Manifest);
  writeFileSync(path, formatManifest(manifest)); // written so, not changed afterwards
  await expect(openModel(engine, place("blend"))).rejects.toThrow(message);
});

test("the command chooses the weight, judges the blend as `evaluate` would, and leaves each user's figures", async () => {
  const data = place("data");
  writeDataset(data);
  const flags = ["--data", data, "--checkpoint", place("recvae"), "--with", place("ease"), "--out", place("out")];
  await command.run(readConfig(command, flags, {}), until);
  const report = JSON.parse(readFileSync(join(place("out"), "report.json"), "utf8"));
  const model = await openModel(engine, place("out"));
  const { validation, test } = readDataset(data);
  const judge = (users: typeof test) => evaluate(model.scoreBatch, users, ITEMS);
  const [onValidation, onTest] = [judge(validation), judge(test)];
  expect(report.best.validation["ndcg@100"]).toBeCloseTo(onValidation["ndcg@100"].mean, 6);
  expect(report.best.test["recall@20"]).toEqual(onTest["recall@20"]);
  expect(report.weights).toHaveLength(21);
  expect(report.parameters).toBe(
    Object.values((await loadModel(place("out"))).weights).reduce((sum, { data }) => sum + data.length, 0),
  );
  const tried = report.weights.find((each: Record<string, number>) => each.weight === report.settings.weight);
  expect(report.best.validation["ndcg@100"]).toBeCloseTo(tried["ndcg@100"], 6);
  expect(report.settings.weight).toBe(model.manifest.model === "blend" && model.manifest.config.weight);
  const evaluations = join(place("out"), "evaluations");
  expect([...(await readEpoch(evaluations, 1, "ndcg@100")).keys()].sort()).toEqual(
    validation.map(({ user }) => user).sort(),
  );
  expect((await readTest(evaluations, "ndcg@100")).size).toBe(test.length);
});

// biome-ignore lint/suspicious/noExplicitAny: the JSON that each case spoils in its own way
type Manifest = any;

/** 20 training users, and 5 of each held-out part, by numbers. */
function writeDataset(path: string): void {
  mkdirSync(path);
  const lines = (from: number, count: number, offsets: readonly number[]) =>
    Array.from({ length: count }, (_, k) =>
      offsets.map((offset) => `${from + k},${(k * 5 + offset) % ITEMS}\n`).join(""),
    ).join("");
  const put = (name: string, text: string) => writeFileSync(join(path, name), text);
  put("unique_sid.txt", `${vocabulary.join("\n")}\n`);
  put("train.csv", `uid,sid\n${lines(0, 20, [0, 1, 4])}`);
  put("validation_tr.csv", `uid,sid\n${lines(20, 5, [0, 1])}`);
  put("validation_te.csv", `uid,sid\n${lines(20, 5, [4, 6])}`);
  put("test_tr.csv", `uid,sid\n${lines(25, 5, [0, 2])}`);
  put("test_te.csv", `uid,sid\n${lines(25, 5, [4])}`);
}
