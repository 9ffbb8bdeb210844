// The benchmark as a command, with real trials: tuned, tested, reported; stopped and gone on with; killed; too little time; mistakes.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sleep } from "../../shared/runtime/lifecycle.ts";
import { type Cluster, openCluster, tributary } from "./training-cluster.ts";

let cluster: Cluster;
beforeAll(() => {
  cluster = openCluster();
});
afterAll(() => cluster.free());

const place = (name: string) => join(cluster.dir, name);
const flags = (out: string, ...more: string[]) => ["benchmark", "--data", cluster.data, "--out", out, ...more];
const benchmark = (out: string, ...more: string[]) => tributary(...flags(out, ...more));
const read = (...path: string[]) => JSON.parse(readFileSync(join(...path), "utf8"));

test("models are tuned over their grids on validation and tested once; the report says so to machines, people and browsers", async () => {
  const out = place("whole");
  const run = await benchmark(out, "--models", "popularity,ease", "--json");
  expect(run.code, run.stderr).toBe(0);
  const report = JSON.parse(run.stdout);
  expect(report).toEqual(read(out, "report.json"));
  expect(report.rows.map(({ model }: { model: string }) => model)).toEqual(["ease", "popularity"]);
  const [ease] = report.rows;
  expect(ease.tried).toHaveLength(4);
  expect(ease.validation).toBe(Math.max(...ease.tried.map(({ validation }: { validation: number }) => validation)));
  const folder = join(out, "trials", "ease", ease.chosen.replace(" ", "="));
  const trial = read(folder, "report.json");
  expect(ease.test["ndcg@100"].mean).toBeCloseTo(trial.best.test["ndcg@100"].mean, 6);
  expect(ease.test["ndcg@100"].standardError).toBeCloseTo(trial.best.test["ndcg@100"].standardError, 6);
  expect(ease.parameters).toBe(3600);
  expect(report.comparisons).toHaveLength(1);
  expect(readFileSync(join(out, "report.md"), "utf8")).toMatch(/\| EASE \| \**\.\d{4} ± \.\d{4}/);
  expect(readFileSync(join(out, "report.html"), "utf8")).toContain("</html>");
  expect(run.stderr).toMatch(/✓ ease, lambda 1000: validation NDCG@100 \.\d{4}/);
  expect(run.stderr).not.toContain("standardError");
}, 120_000);

test("stopped in the middle of a neural trial it drains; the same command goes on from there, and does nothing twice", async () => {
  const out = place("resumed");
  const args = flags(out, "--models", "mult-dae,popularity", "--budget", "20s");
  const child = spawn(process.execPath, [bin, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (text) => (said += text));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const trial = join(out, "trials", "mult-dae", "usual");
  const epochs = () => (existsSync(join(trial, "evaluations")) ? readdirSync(join(trial, "evaluations")).length : 0);
  while (epochs() < 3) await sleep(20);
  child.kill("SIGINT");
  expect(await ended, said).toBe(0);
  expect(said).toMatch(/stopped; the same command goes on/);
  expect(read(trial, "trial.json")).toMatchObject({ outcome: "interrupted" });
  expect(existsSync(join(out, "report.json"))).toBe(false);
  const before = epochs();

  const run = await tributary(...args);
  expect(run.code, run.stderr).toBe(0);
  const report = read(out, "report.json");
  const row = report.rows.find(({ model }: { model: string }) => model === "mult-dae");
  expect(row.curve.length).toBeGreaterThanOrEqual(before);
  expect(row.curve.map(({ epoch }: { epoch: number }) => epoch)).toEqual(row.curve.map((_: unknown, k: number) => k + 1));
  expect(row.tuningSeconds).toBeLessThan(60);

  const written = statSync(join(trial, "report.json")).mtimeMs;
  const again = await tributary(...args);
  expect(again.code).toBe(0);
  expect(again.stderr).not.toContain("✓");
  expect(statSync(join(trial, "report.json")).mtimeMs).toBe(written);
  expect(read(out, "report.json").rows).toEqual(report.rows);
}, 180_000);

test("gone on with under other settings or on other data it is refused, and more models may be added", async () => {
  const out = place("other");
  expect((await benchmark(out, "--models", "popularity", "--budget", "1m")).code).toBe(0);
  const refused = (run: { code: number | null; stderr: string }, why: RegExp) =>
    expect(run).toMatchObject({ code: 2, stderr: expect.stringMatching(why) });
  refused(await benchmark(out, "--models", "popularity", "--budget", "2m"), /BENCHMARK_MISMATCH: begun with --budget 60s, not 120s/);
  refused(
    await benchmark(out, "--models", "popularity", "--budget", "1m", "--seeds", "3"),
    /BENCHMARK_MISMATCH: begun with --seeds 1, not 3/,
  );
  const data = place("other-data");
  mkdirSync(data);
  for (const name of readdirSync(cluster.data)) writeFileSync(join(data, name), readFileSync(join(cluster.data, name)));
  writeFileSync(join(data, "train.csv"), "999,3\n", { flag: "a" });
  const moved = await tributary("benchmark", "--data", data, "--out", out, "--models", "popularity", "--budget", "1m");
  refused(moved, /BENCHMARK_MISMATCH: begun with the data of .*, and .*other-data holds other rows/);
  const added = await benchmark(out, "--models", "popularity,ease", "--budget", "1m");
  expect(added.code, added.stderr).toBe(0);
  expect(added.stderr).not.toContain("✓ popularity");
}, 120_000);

test("a budget that is too small for an epoch is told with the time that one takes, in the row and as the run's error", async () => {
  const out = place("hasty");
  const run = await benchmark(out, "--models", "recvae", "--budget", "1ms");
  expect(run).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/NOTHING_TRAINED: no model has figures; RecVAE: 0\.0 s are too little for one epoch, which took \d/),
  });
  expect(read(out, "report.json").rows[0]).toMatchObject({ test: null, why: expect.stringMatching(/too little for one epoch/) });
}, 60_000);

test("a blend of the chosen RecVAE and EASE is a row of its own", async () => {
  const out = place("blended");
  const run = await benchmark(out, "--models", "popularity", "--blend", "--budget", "12s", "--jobs", "2");
  expect(run.code, run.stderr).toBe(0);
  const rows = read(out, "report.json").rows;
  expect(new Set(rows.map(({ model }: { model: string }) => model))).toEqual(new Set(["recvae", "ease", "popularity", "blend"]));
  expect(rows.find(({ model }: { model: string }) => model === "blend")).toMatchObject({
    why: null,
    settings: { weight: expect.any(Number) },
  });
}, 120_000);

test.each<[string, string[], RegExp]>([
  ["a model that does not exist", ["--models", "easy"], /no such system; did you mean ease\?/],
  ["a data set that is not there", ["--data", "/nowhere"], /FILE_MISSING/],
])("%s is refused before anything starts", async (name, more, message) => {
  const out = place(name);
  expect(await benchmark(out, ...more)).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
  expect(existsSync(out)).toBe(false);
});

const bin = fileURLToPath(new URL("../../infra/tributary.mjs", import.meta.url));
