import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newestCheckpoint } from "../../shared/checkpoints/checkpoints.ts";
import { discover } from "../../shared/http/registry.ts";
import { listEpochs, readEpoch } from "../../shared/judging/per-user.ts";
import { sleep } from "../../shared/runtime/lifecycle.ts";
import { withoutTensorflow } from "../unit/engines.ts";
import { type Cluster, freePort, hashOf, openCluster, type ServerStatus, tiny, tributary } from "./training-cluster.ts";

let cluster: Cluster;
/** Hash of the model of an undisturbed run with one trainer: what every other run must end with. */
let clean: string;
const EPOCHS = "4";

beforeAll(async () => {
  cluster = openCluster();
  const { out, report } = await train("one", "--trainers", "1");
  clean = hashOf(out);
  expect(report.epochs).toHaveLength(Number(EPOCHS));
}, 60_000);
afterAll(() => cluster.free());

async function train(name: string, ...flags: string[]) {
  const out = join(cluster.dir, name);
  const run = await tributary(
    "train",
    "--data",
    cluster.data,
    "--epochs",
    EPOCHS,
    "--out",
    out,
    "--data-dir",
    join(cluster.dir, "d"),
    "--json",
    ...tiny,
    ...flags,
  );
  expect(run.code, run.stderr).toBe(0);
  return { out, stderr: run.stderr, report: JSON.parse(run.stdout) };
}

test("two trainers make the same model as one, byte for byte", async () => {
  const { out, report, stderr } = await train("two", "--trainers", "2");
  expect(hashOf(out)).toBe(clean);
  expect(report).toMatchObject({
    model: "recvae",
    trainers: 2,
    sync: "exact",
    best: { test: { "ndcg@100": {}, "recall@20": {}, "recall@50": {} } },
  });
  expect(report.epochs[3].loss.reconstruction).toBeLessThan(report.epochs[0].loss.reconstruction);
  expect(stderr).toMatch(/epoch 4\/4 {2}loss .* users\/s {2}0 s left/);
}, 60_000);

test("every epoch leaves each validation user's figures, whose mean is the report's; a run that cannot write them ends all the same", async () => {
  const { out, report } = await train("users", "--trainers", "1");
  const dir = join(out, "evaluations");
  expect(await listEpochs(dir)).toEqual([1, 2, 3, 4]);
  for (const { epoch, validation } of report.epochs) {
    const users = [...(await readEpoch(dir, epoch, "ndcg@100")).values()];
    expect(users.reduce((sum, value) => sum + value / users.length, 0)).toBeCloseTo(validation["ndcg@100"], 6);
  }
  mkdirSync(join(cluster.dir, "unwritable"));
  writeFileSync(join(cluster.dir, "unwritable", "evaluations"), "a file where the folder should be");
  const unwritable = await train("unwritable", "--trainers", "1");
  expect(unwritable.stderr).toMatch(/figures of this epoch could not be written/);
  expect(hashOf(unwritable.out)).toBe(clean);
}, 60_000);

test.each([
  ["memory", []],
  ["socket", ["--no-shared-memory"]],
])(
  "tensors that go by %s make the same model, byte for byte",
  async (way, flags) => {
    const port = await freePort();
    const out = join(cluster.dir, `by ${way}`);
    const server = cluster.startServer(out, port, "--data", cluster.data, "--epochs", EPOCHS, ...flags);
    const trainers = [cluster.startTrainer(port), cluster.startTrainer(port)];
    const isThere = ({ trainers }: ServerStatus) =>
      trainers.length === 2 && trainers.every(({ tensorsBy }) => tensorsBy === way);
    await cluster.until(server, isThere);
    expect(await Promise.all([server, ...trainers].map(({ exited }) => exited))).toEqual([0, 0, 0]);
    expect(hashOf(out)).toBe(clean);
    expect(
      existsSync("/dev/shm")
        ? readdirSync("/dev/shm").filter((name) => name.startsWith(`tributary-${server.child.pid}-`))
        : [],
    ).toEqual([]);
  },
  60_000,
);

test.each([
  ["not alternating", ["--no-alternating"]],
  [
    "with decoder noise, two decoder passes and the Gaussian prior",
    ["--decoder-noise", "--decoder-passes", "2", "--mixture-weights", "1,0,0"],
  ],
])(
  "%s, two trainers stopped and started again make the same model as one that was not",
  async (name, flags) => {
    const one = await train(`${name}, one`, "--trainers", "1", "--epochs", "2", ...flags);
    await train(`${name}, two`, "--trainers", "2", "--epochs", "1", ...flags);
    const two = await train(`${name}, two`, "--trainers", "2", "--epochs", "2", ...flags);
    expect(hashOf(two.out)).toBe(hashOf(one.out));
    expect(hashOf(one.out)).not.toBe(clean);
    expect(two.report.epochs).toHaveLength(2);
    expect(two.report.epochs[1].loss.reconstruction).toBeLessThan(two.report.epochs[0].loss.reconstruction);
  },
  120_000,
);

test.each([
  ["tensorflow", "2"],
  ["graph", "auto"],
] as const)(
  "in local mode %s trainers come and go, the run learns as well, says what it is, and goes on from its checkpoint",
  async (engine, every) => {
    if (engine === "graph" && withoutTensorflow) return;
    const port = await freePort();
    const out = join(cluster.dir, `local on ${engine}`);
    const flags = ["--data", cluster.data, "--sync", "local", "--every", every];
    const first = cluster.startServer(out, port, ...flags, "--epochs", "1000");
    const startTrainer = () => cluster.startTrainer(port, "--engine", engine);
    const victim = startTrainer();
    await cluster.until(first, ({ round }) => round >= 1);
    startTrainer();
    const { round } = await cluster.until(first, ({ trainers }) => trainers.length === 2);
    victim.child.kill("SIGKILL");
    const after = await cluster.until(first, (status) => status.round >= round + 2);
    expect(after.local!.every).toBeGreaterThan(0);
    expect(after.local!.exchangeShare).toBeLessThan(1);
    await first.stop();
    const epochs = after.round + 5;
    const second = cluster.startServer(out, port, ...flags, "--epochs", String(epochs));
    expect(await second.exited).toBe(0);
    const report = JSON.parse(readFileSync(join(out, "report.json"), "utf8"));
    expect(report).toMatchObject({
      ...{ sync: "local", engine, every: every === "auto" ? every : Number(every) },
      firstLayer: expect.stringContaining("the rows that a part touches"),
    });
    expect(report.epochs).toHaveLength(epochs);
    expect(report.epochs.at(-1).loss.reconstruction).toBeLessThan(report.epochs[0].loss.reconstruction);
  },
  150_000,
);

test("when every trainer of `train` ends, so does the run, with an error", async () => {
  const run = tributary(
    "train",
    "--data",
    cluster.data,
    "--epochs",
    "100000",
    "--trainers",
    "1",
    "--out",
    join(cluster.dir, "abandoned"),
    "--data-dir",
    join(cluster.dir, "abandoned-d"),
    ...tiny,
  );
  const trainers = () =>
    discover(join(cluster.dir, "abandoned-d", "run")).filter(({ service }) => service === "trainer");
  while (trainers().length === 0) await sleep(20);
  process.kill(trainers()[0]!.pid, "SIGKILL");
  expect(await run).toMatchObject({ code: 1, stderr: expect.stringMatching(/SERVICE_DIED: every trainer ended/) });
}, 60_000);

test("another seed makes another model", async () => {
  const { out } = await train("seeded", "--trainers", "1", "--epochs", "1", "--seed", "8");
  expect(hashOf(out)).not.toBe(clean);
}, 60_000);

test("with patience a run ends early, keeps its best epoch, and begun again has nothing left to do", async () => {
  const flags = ["--trainers", "1", "--epochs", "60", "--patience", "2", "--learning-rate", "0.05"];
  const { out, report } = await train("patient", ...flags);
  const figures = report.epochs.map(({ validation }: { validation: { "ndcg@100": number } }) => validation["ndcg@100"]);
  expect(figures.length).toBeLessThan(60);
  expect(figures.length - report.best.epoch).toBe(2);
  expect(report.best.validation["ndcg@100"]).toBe(Math.max(...figures));
  const before = hashOf(out);
  expect((await train("patient", ...flags)).report.epochs).toEqual(report.epochs);
  expect(hashOf(out)).toBe(before);
}, 90_000);

test("a trainer killed in the middle costs time, not a bit of the model", async () => {
  const out = join(cluster.dir, "killed-trainer");
  const port = await freePort();
  const server = cluster.startServer(out, port, "--data", cluster.data, "--epochs", EPOCHS);
  const victim = cluster.startTrainer(port);
  await cluster.until(server, ({ step }) => step >= 12);
  cluster.startTrainer(port);
  victim.child.kill("SIGKILL");
  expect(await server.exited).toBe(0);
  expect(hashOf(out)).toBe(clean);
}, 60_000);

test("a server killed again and again, wherever it is, ends with the bytes of a run that was never stopped", async () => {
  const out = join(cluster.dir, "killed-server");
  const port = await freePort();
  const flags = ["--data", cluster.data, "--epochs", EPOCHS, "--checkpoint-seconds", "0.05"] as const;
  cluster.startTrainer(port);
  let step = 0;
  for (const further of [5, 9, 14, 8]) {
    const server = cluster.startServer(out, port, ...flags);
    const status = await cluster.until(
      server,
      (status) => status.step >= step + further && (status.checkpoint?.step ?? 0) > step,
    );
    server.child.kill("SIGKILL");
    await server.exited;
    const newest = await newestCheckpoint(join(out, "checkpoints"), (error) => {
      throw error;
    });
    expect(newest!.manifest.step).toBeGreaterThan(step);
    expect(newest!.manifest.step).toBeGreaterThanOrEqual(status.checkpoint!.step!);
    step = newest!.manifest.step;
  }
  const last = cluster.startServer(out, port, ...flags);
  expect(await last.exited).toBe(0);
  expect(hashOf(out)).toBe(clean);
}, 90_000);

test("a torn checkpoint is skipped with a warning, and the run still ends with the same bytes", async () => {
  const out = join(cluster.dir, "torn");
  const port = await freePort();
  const flags = ["--data", cluster.data, "--epochs", EPOCHS, "--checkpoint-seconds", "0"];
  const first = cluster.startServer(out, port, ...flags);
  const trainer = cluster.startTrainer(port);
  expect(await first.exited).toBe(0);
  await trainer.exited;
  const checkpoints = readdirSync(join(out, "checkpoints")).filter((name) => name !== "pieces");
  expect(checkpoints).toHaveLength(3);
  truncateSync(join(out, "checkpoints", checkpoints.at(-1)!, "state.safetensors"), 1000);
  const second = cluster.startServer(out, port, ...flags);
  cluster.startTrainer(port);
  expect(await second.exited).toBe(0);
  expect(readFileSync(join(cluster.dir, "server.log"), "utf8")).toMatch(
    /skipped a torn checkpoint: CHECKPOINT_CORRUPT/,
  );
  expect(hashOf(out)).toBe(clean);
}, 60_000);

test("a server without trainers waits, and its status says what to do", async () => {
  const port = await freePort();
  const server = cluster.startServer(join(cluster.dir, "lonely"), port, "--data", cluster.data, "--epochs", "1");
  const status = await cluster.until(server, ({ state }) => state === "waiting for trainers");
  expect(status.hint).toContain(`tributary trainer --server ws://127.0.0.1:${port}`);
  const started = Date.now();
  await server.stop();
  expect(Date.now() - started).toBeLessThan(4_000);
}, 30_000);

test("a port that is taken ends the server with exit code 3 and PORT_IN_USE", async () => {
  const port = await freePort();
  const first = cluster.startServer(join(cluster.dir, "holder"), port, "--data", cluster.data, "--epochs", "1");
  await cluster.until(first, () => true);
  const second = await tributary(
    "server",
    "--data",
    cluster.data,
    "--epochs",
    "1",
    "--out",
    join(cluster.dir, "other"),
    "--listen",
    `127.0.0.1:${port}`,
    "--data-dir",
    cluster.dir,
  );
  expect(second).toMatchObject({ code: 3, stderr: expect.stringContaining("PORT_IN_USE") });
  await first.stop();
}, 30_000);

test.each([
  [
    "a run of another mode is not resumed",
    2,
    ["server", "--hidden", "24", "--sync", "local"],
    /CHECKPOINT_MISMATCH.*sync was "exact", is "local"/,
  ],
  [
    "gamma and beta together are refused",
    2,
    ["server", "--out", "x", "--gamma", "1", "--beta", "1"],
    /USAGE.*not both/s,
  ],
  ["an open address needs a token", 2, ["server", "--out", "x", "--listen", "0.0.0.0:0"], /USAGE.*--token-file/s],
  [
    "an --out of other flags is not resumed",
    2,
    ["server", "--hidden", "32"],
    /CHECKPOINT_MISMATCH.*hidden was 24, is 32/s,
  ],
  [
    "train tells of flags that contradict each other itself",
    2,
    ["train", "--gamma", "1", "--beta", "1"],
    /^USAGE.*not both.*command train/s,
  ],
])(
  "%s",
  async (_, code, [name, ...flags], message) => {
    const out = flags.includes("--hidden") ? join(cluster.dir, "one") : join(cluster.dir, "refused");
    const end = name === "server" ? ["--listen", "127.0.0.1:0", "--out", out] : [];
    const args = [
      name!,
      "--data",
      cluster.data,
      "--epochs",
      "1",
      "--data-dir",
      cluster.dir,
      ...end,
      ...flags.filter((flag) => flag !== "x" && flag !== "--out"),
    ];
    expect(await tributary(...args)).toMatchObject({ code, stderr: expect.stringMatching(message) });
  },
  30_000,
);
