// The neural systems beside RecVAE through the parameter server: as many trainers as you like, the same bytes; and what
// they leave is a model like any other.
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withoutTensorflow } from "../unit/engines.ts";
import { type Cluster, freePort, hashOf, openCluster, tributary } from "./training-cluster.ts";

let cluster: Cluster;
beforeAll(() => {
  cluster = openCluster();
});
afterAll(() => cluster.free());

const small = ["--hidden", "24", "--batch-size", "60", "--part-size", "20", "--seed", "7"];

async function train(name: string, model: string, ...flags: string[]) {
  const out = join(cluster.dir, name);
  const where = ["--data", cluster.data, "--out", out, "--data-dir", join(cluster.dir, "d")];
  const run = await tributary("train", "--model", model, "--epochs", "3", "--json", ...where, ...small, ...flags);
  expect(run.code, run.stderr).toBe(0);
  return { out, report: JSON.parse(run.stdout) };
}

test.each([
  ["mult-vae", ["--latent", "8", "--anneal-steps", "50"]],
  ["mult-vae", ["--latent", "8", "--encoder", "residual", "--prior", "composite", "--alternating"]],
  ["mult-dae", []],
  ["cdae", []],
])(
  "%s %j: two trainers make the same model as one, byte for byte",
  async (model, flags) => {
    const name = `${model}${flags.length}`;
    const [one, two] = [
      await train(`${name} 1`, model, ...flags, "--trainers", "1"),
      await train(`${name} 2`, model, ...flags, "--trainers", "2"),
    ];
    expect(hashOf(two.out)).toBe(hashOf(one.out));
    expect(two.report).toMatchObject({ model, sync: "exact", settings: { batchSize: 60 } });
    expect(two.report.parameters).toBeGreaterThan(60 * 24 * 2);
    expect(two.report.peakMemoryBytes).toBeGreaterThan(1e8);
    expect(two.report.epochs[2].loss.reconstruction).toBeLessThan(two.report.epochs[0].loss.reconstruction);
  },
  60_000,
);

/** By trainers of the graph engine, which a run's own do not choose. */
async function trainOnGraph(model: string, count: number): Promise<string> {
  const [out, port] = [join(cluster.dir, `${model} graph ${count}`), await freePort()];
  const server = cluster.startServer(out, port, "--model", model, "--data", cluster.data, "--epochs", "2");
  for (let k = 0; k < count; k++) cluster.startTrainer(port, "--engine", "graph");
  await cluster.until(server, ({ trainers }) => trainers.length === count);
  expect(await server.exited, cluster.lastWords()).toBe(0);
  return hashOf(out);
}

test.skipIf(withoutTensorflow).each(["recvae", "mult-vae"])(
  "%s on the graph engine: two trainers make the same model as one, byte for byte",
  async (model) => {
    expect(await trainOnGraph(model, 2)).toBe(await trainOnGraph(model, 1));
  },
  60_000,
);

test("where TensorFlow's library does not load, --engine graph is ENGINE_MISSING", async () => {
  const hook = join(cluster.dir, "hook.cjs");
  const text = `const M = require("node:module"), resolve = M._resolveFilename;
M._resolveFilename = function (name, ...rest) {
  if (name.includes("tfjs_binding")) throw new Error("no such library");
  return resolve.call(this, name, ...rest);
};`;
  writeFileSync(hook, text);
  const flags = ["--server", "ws://127.0.0.1:1", "--data-dir", join(cluster.dir, "d"), "--engine", "graph"];
  const trainer = spawn(process.execPath, ["--require", hook, "infra/tributary.mjs", "trainer", ...flags]);
  let stderr = "";
  trainer.stderr.on("data", (some) => (stderr += some));
  expect(await new Promise((resolve) => trainer.once("close", resolve))).toBe(3);
  expect(stderr).toMatch(/ENGINE_MISSING: .*the graph engine doesn't load: no such library.*npm run setup/);
});

test("an annealed KL term's weight at the best epoch stands in the report, and `evaluate` finds the report's figures in the model", async () => {
  const { out, report } = await train("best", "mult-vae", "--latent", "8", "--anneal-steps", "100", "--beta", "0.12");
  const updates = 5 * report.best.epoch; // 250 users by 60
  expect(report.best.beta).toBe(Math.min(0.12, updates / 100));
  const run = await tributary("evaluate", "--checkpoint", out, "--data", cluster.data, "--json");
  expect(run.code, run.stderr).toBe(0);
  const evaluation = JSON.parse(run.stdout);
  expect(JSON.stringify(evaluation)).toContain(String(report.best.test["ndcg@100"].mean).slice(0, 7));
}, 60_000);

test.each(["mult-vae", "cdae"])(
  "a run of %s that goes on for another epoch ends with the bytes of one that was never stopped",
  async (model) => {
    const annealed = model === "mult-vae" ? ["--latent", "8", "--anneal-steps", "50"] : [];
    const whole = await train(`${model} whole`, model, ...annealed, "--trainers", "1");
    await train(`${model} by turns`, model, ...annealed, "--trainers", "1", "--epochs", "2");
    const turns = await train(`${model} by turns`, model, ...annealed, "--trainers", "1");
    expect(hashOf(turns.out)).toBe(hashOf(whole.out));
    expect(turns.report.best).toEqual(whole.report.best);
  },
  60_000,
);

test("a system that goes on from Mult-VAE has one trained first where none is named, and a second run goes on from what is there", async () => {
  const flags = ["--latent", "8", "--first-epochs", "2", "--learning-rate", "0.01", "--trainers", "1"];
  const { out, report } = await train("warp", "warp", ...flags);
  expect(report).toMatchObject({ model: "warp", settings: { likelihood: "warp", learningRate: 0.01 } });
  const first = JSON.parse(readFileSync(join(out, "start", "report.json"), "utf8"));
  expect(first).toMatchObject({
    model: "mult-vae",
    epochs: [{}, {}],
    settings: { learningRate: 0.001, likelihood: "multinomial" },
  });
  const before = hashOf(out);
  const again = await train("warp", "warp", ...flags);
  expect(hashOf(again.out)).toBe(before);
  const named = await train("warp again", "warp", ...flags, "--from", join(out, "start"));
  expect(hashOf(named.out)).toBe(before);
}, 60_000);

test.each([
  [["train", "--model", "mult-vae", "--sync", "local"], /steps of a trainer's own are recvae's alone/],
  [["train", "--model", "mult-dae", "--latent", "5"], /--latent "5": is no setting of mult-dae/],
  [["train", "--encoder", "plain"], /--encoder "plain": is no setting of recvae/],
  [
    ["server", "--model", "warp", "--epochs", "2", "--data", "d", "--out", "o"],
    /--from is required: warp goes on from a model that is there/,
  ],
  [
    ["server", "--model", "cdae", "--table", "t", "--out", "o"],
    /cdae.* no way to take up new items and users: give --epochs/,
  ],
])(
  "%j is refused with the reason",
  async (flags, reason) => {
    const run = await tributary(...flags);
    expect([run.code, run.stderr]).toEqual([2, expect.stringMatching(reason)]);
  },
  30_000,
);
