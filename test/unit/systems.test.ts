// The table of systems: names as flags, manifests by name, what a directory of each gives back.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { command as train } from "../../services/commands/train/main.ts";
import { loadModel, loadNeural, saveModel } from "../../shared/checkpoints/checkpoints.ts";
import { readManifest } from "../../shared/checkpoints/manifest.ts";
import { openModel } from "../../shared/checkpoints/scoring.ts";
import { openEngine } from "../../shared/compute/open-engine.ts";
import { readConfig } from "../../shared/runtime/command.ts";
import { countUsers } from "../../shared/systems/popularity/popularity.ts";
import { isNeural, neuralNames, systemNames, systemOf } from "../../shared/systems/registry.ts";
import { systemFlag } from "../../shared/systems/system-flag.ts";
import { turnedRecipe } from "../../shared/systems/turned.ts";
import { fromServer } from "../../shared/training/messages.ts";

const root = mkdtempSync(join(tmpdir(), "tributary-systems-"));
afterAll(() => rmSync(root, { recursive: true }));
const vocabulary = ["a", "b", "c", "d"];
const standing = { step: 1, round: 1, seed: 7, salt: "", tableVersion: null, watermark: null, createdAt: 1 };
const rows = [
  [0, 2],
  [2, 3],
  [2, 0],
].map((row) => Int32Array.from(row));

test.each([
  ["recvea", "recvae"],
  ["EASE", "ease"],
  ["eas", "ease"],
  ["popular", "popularity"],
])("the name %s is refused, and %s suggested", (given, meant) => {
  const parsed = z.object({ model: systemFlag(systemNames) }).safeParse({ model: given });
  expect(parsed.error?.issues[0]?.message).toContain(`did you mean ${meant}?`);
});

test("an unknown system and a setting of another one are told together", () => {
  const read = (...flags: string[]) => readConfig(train, flags, {});
  expect(read("--model", "ease", "--lambda", "3")).toMatchObject({ model: "ease", lambda: 3 });
  expect(() => read("--model", "recvea", "--lambda", "-1")).toThrow(/--model "recvea": no such system.*--lambda "-1"/);
  expect(() => read("--model", "popularity", "--lambda", "3")).toThrow(/--lambda "3": is no setting of popularity/);
  expect(() => read("--model", "ease", "--hidden", "50")).toThrow(/--hidden "50": is no setting of ease/);
  expect(() => read("--lambda", "3")).toThrow(/--lambda "3": is no setting of recvae/);
});

test("a system is neural where the parameter server trains it", () => {
  expect(systemNames.filter(isNeural)).toEqual([...neuralNames]);
});

test("a model of another system opens by its name, and scores", async () => {
  const dir = join(root, "popularity");
  await saveModel(dir, countUsers(rows, 4), { model: "popularity", config: { items: 4 }, ...standing }, vocabulary);
  const model = await openModel(await openEngine({ wanted: "wasm" }), dir);
  expect(model.manifest).toMatchObject({ model: "popularity", config: { items: 4 } });
  expect([...model.scoreBatch([Int32Array.of(0), Int32Array.of()])]).toEqual([2, 0, 3, 1, 2, 0, 3, 1]);
  await expect(loadNeural(dir)).rejects.toMatchObject({ code: "CHECKPOINT_MISMATCH" });
});

test("a manifest whose settings are another system's, or whose tensors are, is refused", async () => {
  const dir = join(root, "mixed");
  const facts = { ...standing, model: "ease" as const, config: { items: 4, lambda: 1 } };
  await saveModel(dir, countUsers(rows, 4), facts, vocabulary);
  await expect(loadModel(dir)).rejects.toMatchObject({
    code: "CHECKPOINT_CORRUPT",
    facts: { what: "tensor weights is missing" },
  });
  await saveModel(dir, countUsers(rows, 4), { ...facts, config: { items: 4 } as never }, vocabulary);
  await expect(readManifest(dir)).rejects.toThrow(/CHECKPOINT_CORRUPT.*lambda/);
});

test("a manifest of before RaCT, which says nothing of a critic, is read; a server must say it (regression)", () => {
  const whole = turnedRecipe(systemOf("mult-vae").preset, {}, { items: 4, users: 0 });
  const { critic: _, ...before } = whole;
  expect(systemOf("mult-vae").config.parse(before)).toEqual(whole);
  const weights = { type: "weights", group: "hidden", version: 1 };
  expect(fromServer.safeParse({ ...weights, model: whole }).success).toBe(true);
  expect(fromServer.safeParse({ ...weights, model: before }).success).toBe(false);
});
