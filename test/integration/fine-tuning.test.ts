// WARP, LambdaNet and RaCT through real servers and trainers: from one model of Mult-VAE, with as many trainers as you
// like, and by turns, the same numbers.
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Cluster, openCluster, tributary } from "./training-cluster.ts";

let cluster: Cluster;
let start: string;
beforeAll(async () => {
  cluster = openCluster();
  start = (await train("start", "mult-vae", "--anneal-steps", "50")).out;
}, 60_000);
afterAll(() => cluster.free());

const small = ["--hidden", "24", "--latent", "8", "--batch-size", "60", "--part-size", "20", "--seed", "7"];
interface Epoch {
  readonly loss: object;
  readonly validation: object;
}

async function train(name: string, model: string, ...flags: string[]) {
  const out = join(cluster.dir, name);
  const where = ["--data", cluster.data, "--out", out, "--data-dir", join(cluster.dir, "d")];
  const run = await tributary(
    "train",
    "--model",
    model,
    "--epochs",
    "4",
    "--trainers",
    "1",
    "--json",
    ...where,
    ...small,
    ...flags,
  );
  expect(run.code, run.stderr).toBe(0);
  const report = JSON.parse(run.stdout) as { model: string; epochs: Epoch[]; best: { test: object } };
  return { out, epochs: report.epochs.map(({ loss, validation }) => ({ loss, validation })), test: report.best.test };
}

test.each([
  ["warp", ["--learning-rate", "0.001"]],
  ["lambdanet", ["--learning-rate", "0.001"]],
  ["ract", ["--critic-epochs", "2", "--learning-rate", "0.001"]],
])(
  "%s: two trainers, and a run that goes on, come to the numbers of one trainer that was never stopped",
  async (model, flags) => {
    const from = ["--from", start, ...flags];
    const whole = await train(`${model} whole`, model, ...from);
    const two = await train(`${model} two`, model, ...from, "--trainers", "2");
    expect(two.epochs).toEqual(whole.epochs);
    await train(`${model} by turns`, model, ...from, "--epochs", "3");
    const turns = await train(`${model} by turns`, model, ...from);
    expect(turns.epochs).toEqual(whole.epochs);
    expect(turns.test).toEqual(whole.test);
    const last = whole.epochs.map(({ loss }) => JSON.stringify(loss));
    expect(new Set(last).size).toBe(4); // every epoch's masks and noise are its own
    // the critic learned alone
    if (model === "ract") expect(whole.epochs[0]!.validation).toEqual(whole.epochs[1]!.validation);
    expect(whole.epochs[3]!.validation).not.toEqual(whole.epochs[0]!.validation);
  },
  120_000,
);
