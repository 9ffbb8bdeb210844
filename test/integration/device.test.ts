// Which device trainers compute on, as everybody is told it; and a GPU that is there and cannot be used, by what
// nvidia-smi of another machine said.
import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { discover } from "../../shared/http/registry.ts";
import { sleep } from "../../shared/runtime/lifecycle.ts";
import { spawnService } from "../../shared/runtime/spawn.ts";
import { killAll, start } from "./processes.ts";
import { statusAt } from "./said.ts";
import { type Cluster, freePort, openCluster, tiny } from "./training-cluster.ts";

let cluster: Cluster;
/** A path whose nvidia-smi tells of two cards and a driver that is too old, whatever this machine has besides. */
let path: string;

beforeAll(() => {
  cluster = openCluster();
  const bin = join(cluster.dir, "bin");
  mkdirSync(bin);
  const cards = [0, 1].map((index) => `${index}, GPU-${index}, 142000, 470.82.01, NVIDIA H200`).join("\\n");
  writeFileSync(join(bin, "nvidia-smi"), `#!/bin/sh\nprintf '${cards}\\n'\n`);
  chmodSync(join(bin, "nvidia-smi"), 0o755);
  path = `${bin}:${process.env.PATH}`;
});
afterEach(() => void vi.unstubAllEnvs());
afterAll(async () => {
  killAll();
  await cluster.free();
});

const train = (out: string, ...flags: string[]) => {
  const where = ["--data", cluster.data, "--out", join(cluster.dir, out), "--data-dir", join(cluster.dir, "d")];
  return ["train", ...where, "--epochs", "1", "--trainers", "2", "--json", ...tiny, ...flags];
};

test("a trainer says CPU in its hello, /status, `status` and the log, and does not warn", async () => {
  vi.stubEnv("TRIBUTARY_GPU", "0"); // this machine may have one
  const [out, port] = [join(cluster.dir, "out"), await freePort()];
  const server = cluster.startServer(out, port, "--data", cluster.data, "--epochs", "1000");
  const trainer = cluster.startTrainer(port);
  const { trainers } = await cluster.until(server, (status) => status.epochs.length > 0);
  expect(trainers).toMatchObject([{ engine: expect.stringMatching(/tensorflow|wasm/), device: "CPU" }]);

  const runs = join(cluster.dir, "run-data");
  const own = discover(join(runs, "run")).find(({ pid }) => pid === trainer.child.pid)!;
  expect((await statusAt("trainer", own.url)).device).toBe("CPU");
  const { stdout } = await start(["status", "--data-dir", runs]).ended;
  expect(stdout).toMatch(/ (tensorflow|wasm) on CPU, 1 thread, /);
  const joined = cluster
    .lastWords()
    .split("\n")
    .find((line) => line.includes("a trainer joined"))!;
  expect(JSON.parse(joined)).toMatchObject({ device: "CPU" });
  await Promise.all([server, trainer].map((each) => each.stop()));
  expect(readFileSync(join(cluster.dir, "trainer.log"), "utf8")).not.toContain("GPU");
}, 60_000);

test("a GPU that is there and cannot be used is one warning of a run with two trainers, whose report says CPU", async () => {
  const run = await start(train("warned"), { PATH: path }).ended;
  expect(run.code, run.stderr).toBe(0);
  const warnings = run.stderr.split("\n").filter((line) => line.includes("GPU_UNUSED"));
  expect(warnings).toEqual([
    expect.stringMatching(/^GPU_UNUSED: GPU 0: NVIDIA H200, GPU 1: NVIDIA H200 are not used: .*; .*TRIBUTARY_GPU=0/),
  ]);
  expect(JSON.parse(run.stdout).device).toBe("CPU");
  expect(run.stderr).toMatch(/^recvae was computed by (tensorflow|wasm) on CPU$/m);
}, 60_000);

test("a trainer whose library gives up is started again by `train`, which hears from each how it ended", async () => {
  const run = start(train("aborted", "--epochs", "4"));
  const trainersOf = () => discover(join(cluster.dir, "d", "run")).filter(({ service }) => service === "trainer");
  while (trainersOf().length < 2) await sleep(20);
  process.kill(trainersOf()[0]!.pid, "SIGABRT");
  const { code, stderr } = await run.ended;
  expect(code, stderr).toBe(0);
  expect(stderr).toContain("a trainer has ended (SIGABRT); starting it again in 1 s");

  const none = join(cluster.dir, "none");
  const evaluate = spawnService("evaluate", ["--checkpoint", none, "--data", none], { log: join(cluster.dir, "log") });
  expect(await evaluate.ended).toMatchObject({ failed: expect.stringMatching(/^[A-Z]+_[A-Z]+$/) });
}, 60_000);

test("a trainer started by itself warns once; with TRIBUTARY_GPU=0 it does not; a bad value is named", async () => {
  const alone = ["trainer", "--server", `ws://127.0.0.1:${await freePort()}`, "--data-dir", join(cluster.dir, "alone")];
  const wordsOf = async (env: NodeJS.ProcessEnv) => {
    const { child, ended } = start(alone, { PATH: path, ...env });
    child.stderr!.on("data", (text) => text.includes('"engine"') && child.kill("SIGTERM"));
    return await ended;
  };
  expect((await wordsOf({})).stderr.match(/GPU_UNUSED/g)).toHaveLength(1);
  expect((await wordsOf({ TRIBUTARY_GPU: "0" })).stderr).not.toContain("GPU_");
  const refused = await wordsOf({ TRIBUTARY_GPU: "maybe" });
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/^USAGE: TRIBUTARY_GPU "maybe": give 0 /m)]);
}, 60_000);

test("the check of a GPU says that it is skipped where there is none", async () => {
  const script = fileURLToPath(new URL("../gpu/check.sh", import.meta.url));
  const { stdout } = await promisify(execFile)("bash", [script], { env: { ...process.env, TRIBUTARY_GPU: "0" } });
  expect(stdout).toBe("SKIPPED: TensorFlow computes on no GPU here\n");
}, 60_000);
