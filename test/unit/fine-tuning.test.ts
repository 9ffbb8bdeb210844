// WARP and LambdaNet: Mult-VAE's network moved by a loss of ranks, from the weights of a model that is there.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { command as trainCommand } from "../../services/commands/train/main.ts";
import { command as serverCommand } from "../../services/server/main.ts";
import { openParameters } from "../../services/server/run/parameters.ts";
import { Posteriors } from "../../services/server/run/posteriors.ts";
import { contentsOf, resumeOrBegin } from "../../services/server/saving/persistence.ts";
import { firstWeights, mustHoldOut, openStart } from "../../services/server/saving/start.ts";
import { newestCheckpoint, saveCheckpoint, saveModel } from "../../shared/checkpoints/checkpoints.ts";
import { permutation } from "../../shared/compute/draws.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import { valuesOf } from "../../shared/neural/bag.ts";
import { uploadDecoder } from "../../shared/neural/decoder.ts";
import { uploadHidden } from "../../shared/neural/hidden.ts";
import { lambdarank } from "../../shared/neural/lambdarank.ts";
import { initialise } from "../../shared/neural/parameters.ts";
import { createScorer } from "../../shared/neural/scorer.ts";
import { encoderPart } from "../../shared/neural/steps.ts";
import { warp } from "../../shared/neural/warp.ts";
import { readConfig } from "../../shared/runtime/command.ts";
import type { Turned } from "../../shared/systems/preset.ts";
import { systemOf } from "../../shared/systems/registry.ts";
import { turnedRecipe } from "../../shared/systems/turned.ts";
import { onEachBackend } from "./engines.ts";
import { trainOn } from "./in-process.ts";
import { deviation } from "./recvae.ts";

const ITEMS = 24;
const rows = Array.from({ length: 30 }, (_, user) =>
  Int32Array.from(permutation(user % 6, 1, ITEMS).subarray(0, 3 + (user % 4))),
);
const recipeOf = (name: "mult-vae" | "warp" | "lambdanet", turned: Turned = {}) =>
  turnedRecipe(systemOf(name).preset, { hidden: 8, latent: 4, ...turned }, { items: ITEMS, users: 0 });
const root = mkdtempSync(join(tmpdir(), "tributary-fine-tuning-"));
afterAll(() => rmSync(root, { recursive: true }));

onEachBackend((open) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open();
  });

  test.each([
    ["warp", warp],
    ["lambdanet", lambdarank],
  ] as const)(
    "a part of %s tells the mean loss of its users, and moves each item's bias by the mean gradient of its score",
    (name, loss) => {
      const recipe = recipeOf(name);
      const weights = initialise(recipe, 3);
      const some = rows.slice(0, 6);
      const scorer = createScorer(engine, recipe, weights);
      const scores_BI = scorer.scoreBatch(some);
      const expected = new Float64Array(ITEMS);
      let total = 0;
      some.forEach((row, user) => {
        const gradient_I = new Float32Array(ITEMS);
        total += loss(scores_BI.subarray(user * ITEMS, (user + 1) * ITEMS), row, gradient_I);
        gradient_I.forEach((value, item) => {
          expected[item]! += value / 12;
        });
      });
      const bag_BH = openParameters(recipe, weights).store.bag({ rows: some, values: valuesOf(recipe.input, some) });
      // half of a batch, nothing drawn
      const part = { bag_BH, rows: some, noise_BL: new Float32Array(4 * some.length), batchSize: 12, beta: 0 };
      const found = encoderPart(
        engine,
        uploadHidden(engine, recipe, weights),
        uploadDecoder(engine, weights),
        part,
        true,
      );
      expect(deviation([found.reconstruction], [total / 12])).toBeLessThan(1e-5);
      expect(deviation(found.gradients["decoder.fc2.bias"]!.data, expected)).toBeLessThan(1e-4);
      expect(found.kl).toBe(0);
      scorer.dispose();
    },
  );

  test("epochs of LambdaNet from a model of Mult-VAE raise the NDCG that it works on", async () => {
    const begun = runOf("mult-vae", initialise(recipeOf("mult-vae"), 1));
    await trainOn(engine, begun, rows, 10);
    const tuned = runOf("lambdanet", begun.store.weights);
    const losses = (await trainOn(engine, tuned, rows, 12)).map(({ reconstruction }) => reconstruction);
    const mean = (some: readonly number[]) => some.reduce((a, b) => a + b) / some.length;
    expect(mean(losses.slice(-4))).toBeLessThan(mean(losses.slice(0, 4)) - 0.02);
  });

  function runOf(name: "mult-vae" | "lambdanet", weights: ReturnType<typeof initialise>) {
    const parameters = openParameters(recipeOf(name, { learningRate: 0.01 }), weights);
    const schedule = { ...systemOf(name).preset.schedule, batchSize: 10 };
    return {
      model: name,
      seed: 5,
      schedule,
      partSize: 5,
      ...parameters,
      posteriors: new Posteriors(4),
      step: 0,
      round: 0,
    };
  }
});

describe("a run that begins with a model", () => {
  const knobs = readConfig(trainCommand, ["--model", "warp", "--hidden", "8", "--latent", "4", "--from", "there"], {});
  const vocabulary = Array.from({ length: ITEMS }, (_, k) => `i${k}`);
  const standing = { step: 1, round: 1, seed: 7, salt: "", tableVersion: null, watermark: null, createdAt: 1 };
  const save = async (name: string, seed: number, turned: Turned = {}) => {
    const config = recipeOf("mult-vae", turned);
    await saveModel(join(root, name), initialise(config, seed), { model: "mult-vae", config, ...standing }, vocabulary);
    return openStart(join(root, name));
  };
  const asked = { ...knobs, model: "warp" as const };

  test("has its weights, and is gone on with under the same model alone", async () => {
    const [start, other] = [await save("one", 1), await save("other", 2)];
    const { run } = resumeOrBegin(undefined, { ...asked, start }, ITEMS);
    expect(run.store.config).toMatchObject({ likelihood: "warp" });
    for (const [name, { data }] of Object.entries(start.weights))
      expect(run.store.weights[name]!.data, name).toEqual(data);
    const contents = contentsOf(run, { salt: "", tableVersion: null, watermark: null, vocabulary });
    await saveCheckpoint(join(root, "run"), contents, 1);
    const checkpoint = (await newestCheckpoint(join(root, "run"), () => {}))!;
    const again = (from: typeof start | undefined) => resumeOrBegin(checkpoint, { ...asked, start: from }, ITEMS);
    expect(again(start).run.from).toBe(start.sha256);
    expect(() => again(other)).toThrow(/CHECKPOINT_MISMATCH: from was "[0-9a-f]+", is "[0-9a-f]+"/);
    expect(() => again(undefined)).toThrow(/CHECKPOINT_MISMATCH: from was "[0-9a-f]+", is null/);
  });

  test.each<[string, Turned]>([
    ["layers-0", { layers: 0 }],
    ["layers-2", { layers: 2 }],
    ["linear", { decoder: "linear" }],
    ["residual", { encoder: "residual", decoder: "linear", latent: 3 }],
  ])("has its network, whatever that is, where no flag asks for another (regression): %s", async (name, turned) => {
    const start = await save(name, 1, turned);
    const begin = (...flags: string[]) => {
      const config = readConfig(trainCommand, ["--model", "lambdanet", "--from", "there", ...flags], {});
      return resumeOrBegin(undefined, { ...config, model: "lambdanet", start }, ITEMS);
    };
    expect(Object.keys(begin().run.store.weights).sort()).toEqual(Object.keys(start.weights).sort());
    expect(() => begin("--latent", "7")).toThrow(/CHECKPOINT_MISMATCH: tensor \S+ of the model to begin with/);
  });

  test("is refused where a tensor is missing or of another shape, and where it held out others", async () => {
    const start = await save("one", 1);
    const begin = (turned: object) => firstWeights(recipeOf("warp", turned), 1, start);
    expect(() => begin({ latent: 5 })).toThrow(
      /CHECKPOINT_MISMATCH: tensor encoder\.fc2\.weight .* the shape \[8,8\], where \[10,8\] is/,
    );
    expect(() => begin({ decoder: "linear" })).toThrow(
      /CHECKPOINT_MISMATCH: tensor decoder\.weight of the model to begin with is missing/,
    );
    expect(() => mustHoldOut(start, { salt: "s" })).toThrow(
      /CHECKPOINT_MISMATCH: .* by the salt "", the data does by "s"/,
    );
    mustHoldOut(start, { salt: "" });
  });

  test.each(["warp", "lambdanet"])(
    "is asked for by a server of %s, which does not begin with drawn weights; `train` makes one",
    (name) => {
      expect(readConfig(trainCommand, ["--model", name], {}).from).toBeUndefined();
      expect(() => readConfig(serverCommand, ["--model", name, "--out", "o"], {})).toThrow(
        new RegExp(`--from is required: ${name} goes on from a model`),
      );
    },
  );
});
