// The benchmark from the command line: interrupted and gone on with, refused where it would be another one, with
// reasons where there is no time.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { killAll, start, until } from "./processes.ts";
import { type Cluster, openCluster, tributary } from "./training-cluster.ts";

let cluster: Cluster;
beforeAll(() => {
  cluster = openCluster();
});
afterAll(async () => {
  killAll();
  await cluster.free();
});
const out = () => join(cluster.dir, "benchmark");
const benchmark = (models: string, budget: string, to = out()) => [
  "benchmark",
  "--data",
  cluster.data,
  "--models",
  models,
  "--budget",
  budget,
  "--out",
  to,
];

test("what was interrupted goes on: no trial that is done runs again, and the report has every row", {
  timeout: 120_000,
}, async () => {
  const first = start(benchmark("recvae,slim,popularity", "12s"));
  const isDone = (name: string) => existsSync(join(out(), "trials", name, "trial.json"));
  await until("popularity is done", () => isDone("popularity/usual"));
  first.child.kill("SIGINT");
  expect((await first.ended).code).toBe(0);
  expect(existsSync(join(out(), "report.json"))).toBe(false);
  const written = statSync(join(out(), "trials", "popularity/usual", "trial.json")).mtimeMs;

  const second = await tributary(...benchmark("recvae,slim,popularity", "12s"), "--json");
  expect(second.code, second.stderr).toBe(0);
  expect(statSync(join(out(), "trials", "popularity/usual", "trial.json")).mtimeMs).toBe(written);
  const report = JSON.parse(second.stdout);
  expect(report).toEqual(JSON.parse(readFileSync(join(out(), "report.json"), "utf8")));
  expect(report.rows.map(({ model }: { model: string }) => model).sort()).toEqual(["popularity", "recvae", "slim"]);
  for (const row of report.rows) {
    expect(row.why).toBeNull();
    for (const metric of ["recall@20", "recall@50", "ndcg@100"]) expect(row.test[metric].mean).toBeGreaterThan(0);
    // The figures are those of the chosen trial's own test.
    const trial = JSON.parse(readFileSync(join(out(), "trials", folderOf(row), "report.json"), "utf8"));
    expect(row.test["ndcg@100"].mean).toBeCloseTo(trial.best.test["ndcg@100"].mean, 6);
    expect(row.validation).toBe(trial.best.validation["ndcg@100"]);
  }
  expect(readFileSync(join(out(), "report.md"), "utf8")).toContain("| RecVAE |");
  expect(readFileSync(join(out(), "report.html"), "utf8")).toContain("<svg");
});

const folderOf = ({ model, chosen }: { model: string; chosen: string }) =>
  `${model}/${chosen === "usual" ? chosen : chosen.replaceAll(", ", ",").replaceAll(" ", "=")}`;

test("another budget, other data or an unknown model are refused, with what to do", { timeout: 60_000 }, async () => {
  const other = join(cluster.dir, "refused");
  expect((await tributary(...benchmark("popularity", "20s", other))).code).toBe(0);
  const again = await tributary(...benchmark("popularity", "30s", other));
  expect(again.code).toBe(2);
  expect(again.stderr).toContain("BENCHMARK_MISMATCH: begun with --budget 20s, not 30s");
  const unknown = await tributary(...benchmark("popularity,recvea", "20s", other));
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain("did you mean recvae?");
});

test("a budget that is too small for one epoch is told in its row, with what one takes, and fails where nothing else counts", {
  timeout: 90_000,
}, async () => {
  const none = await tributary(...benchmark("recvae", "10ms", join(cluster.dir, "none")));
  expect(none.code).toBe(1);
  expect(none.stderr).toMatch(
    /NOTHING_TRAINED: no model has figures; RecVAE: .* are too little for one epoch, which took \d/,
  );
  const report = JSON.parse(readFileSync(join(cluster.dir, "none", "report.json"), "utf8"));
  expect(report.rows).toMatchObject([
    { model: "recvae", test: null, why: expect.stringContaining("too little for one epoch") },
  ]);
});

test("a neural trial that was interrupted goes on from its checkpoint, epoch after epoch, and its time with it", {
  timeout: 180_000,
}, async () => {
  const to = join(cluster.dir, "resumed");
  const trial = join(to, "trials", "recvae", "gamma=0.005");
  const epochs = () => (existsSync(join(trial, "evaluations")) ? readdirSync(join(trial, "evaluations")).length : 0);
  const first = start(benchmark("recvae", "10s", to));
  await until("a few epochs are done", () => epochs() >= 3);
  first.child.kill("SIGINT");
  expect((await first.ended).code).toBe(0);
  const interrupted = JSON.parse(readFileSync(join(trial, "trial.json"), "utf8"));
  expect(interrupted).toMatchObject({ outcome: "interrupted", seconds: expect.any(Number) });
  const before = epochs();

  const second = await tributary(...benchmark("recvae", "10s", to), "--json");
  expect(second.code, second.stderr).toBe(0);
  const { epochs: trained } = JSON.parse(readFileSync(join(trial, "report.json"), "utf8"));
  expect(trained.length).toBeGreaterThanOrEqual(before);
  expect(trained.map(({ epoch }: { epoch: number }) => epoch)).toEqual(trained.map((_: unknown, k: number) => k + 1));
  const [row] = JSON.parse(second.stdout).rows;
  expect(row.tried[0].seconds).toBeGreaterThan(interrupted.seconds);
});

test("a blend of the chosen RecVAE and EASE is a row of its own, with the weight that it chose", {
  timeout: 120_000,
}, async () => {
  const to = join(cluster.dir, "blended");
  const run = await tributary(...benchmark("popularity", "8s", to), "--blend", "--jobs", "2");
  expect(run.code, run.stderr).toBe(0);
  const rows: { model: string }[] = JSON.parse(readFileSync(join(to, "report.json"), "utf8")).rows;
  expect(new Set(rows.map(({ model }) => model))).toEqual(new Set(["recvae", "ease", "popularity", "blend"]));
  expect(rows.find(({ model }) => model === "blend")).toMatchObject({
    why: null,
    settings: { weight: expect.any(Number) },
  });
  expect(run.stdout).toMatch(/RecVAE \+ EASE .* weight [01]/);
  expect(run.stderr).not.toContain("standardError");
});
