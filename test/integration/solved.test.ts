// Solved systems from the command line: trained, evaluated, recommended from, served, stopped, as users do it.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readManifest } from "../../shared/checkpoints/manifest.ts";
import { publish } from "../../shared/checkpoints/models.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { withoutTensorflow } from "../unit/engines.ts";
import { killAll, start, until } from "./processes.ts";
import { eventually, startService, writeTable } from "./published.ts";
import { type Cluster, openCluster, tributary } from "./training-cluster.ts";

const settings: Record<string, string[]> = {
  ease: ["--lambda", "20"],
  slim: ["--l1", "0.5", "--l2", "2"],
  wmf: ["--factors", "6", "--sweeps", "4", "--lambda", "1"],
  ials: ["--factors", "6", "--sweeps", "4", "--lambda", "0.01"],
  popularity: [],
};
const models = Object.keys(settings).filter((model) => model !== "ease" || !withoutTensorflow);

let cluster: Cluster;
beforeAll(() => {
  cluster = openCluster();
});
afterAll(async () => {
  killAll();
  await cluster.free();
});
const dataDir = () => join(cluster.dir, "d");
const out = (model: string) => join(cluster.dir, model);
const train = (model: string, ...flags: string[]) => [
  "train",
  "--model",
  model,
  "--data",
  cluster.data,
  "--data-dir",
  dataDir(),
  ...flags,
];

test.each(models)(
  "%s: `evaluate` finds what `train` reported, `recommend` and serve answer alike",
  { timeout: 60_000 },
  async (model) => {
    const trained = await tributary(...train(model, "--out", out(model), "--json", ...settings[model]!));
    expect(trained.code, trained.stderr).toBe(0);
    const report = JSON.parse(trained.stdout);
    expect(trained.stderr).toContain(`best epoch ${report.best.epoch}`);

    const evaluated = await tributary(
      "evaluate",
      "--checkpoint",
      out(model),
      "--data",
      cluster.data,
      "--json",
      "--no-ease",
    );
    expect(evaluated.code, evaluated.stderr).toBe(0);
    const found = JSON.parse(evaluated.stdout).test;
    for (const metric of ["ndcg@100", "recall@20", "recall@50"])
      expect(found.model[metric]).toMatchObject(report.best.test[metric]);
    if (model === "popularity") expect(found.model["ndcg@100"]).toEqual(found.popularity["ndcg@100"]);
    else expect(found.model["ndcg@100"].mean).toBeGreaterThan(found.popularity["ndcg@100"].mean);

    const history = ["i2", "i4", "i6"];
    const asked = await tributary(
      "recommend",
      "--checkpoint",
      out(model),
      "--items",
      history.join(","),
      "-k",
      "5",
      "--json",
    );
    expect(asked.code, asked.stderr).toBe(0);
    const { items } = JSON.parse(asked.stdout);
    expect(items).toHaveLength(5);
    for (const { item } of items) expect(history).not.toContain(item);

    const served = join(cluster.dir, `served-${model}`);
    await publish(pathsOf(served).models, out(model), { at: 1 });
    const service = await startService("serve", served);
    try {
      await eventually(async () => (await service.status()).model === "v000001");
      const body = JSON.stringify({ items: history, k: 5 });
      const answer = await fetch(`${service.url}/v1/recommend`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      });
      expect(await answer.json()).toMatchObject({ model: "v000001", items });
    } finally {
      await service.process.stop();
    }
  },
);

test("a table's newest version is fitted to, and named in the manifest", { timeout: 60_000 }, async () => {
  const table = join(cluster.dir, "table");
  const histories = await writeTable(table);
  const fitted = await tributary(
    "train",
    "--model",
    "slim",
    "--table",
    table,
    "--salt",
    "pepper",
    "--out",
    out("of-table"),
    "--json",
  );
  expect(fitted.code, fitted.stderr).toBe(0);
  expect(await readManifest(out("of-table"))).toMatchObject({ model: "slim", salt: "pepper", tableVersion: 0 });
  const evaluated = await tributary(
    "evaluate",
    "--checkpoint",
    out("of-table"),
    "--table",
    table,
    "--json",
    "--no-ease",
  );
  expect(evaluated.code, evaluated.stderr).toBe(0);
  const { contract, test: found } = JSON.parse(evaluated.stdout);
  expect(contract.items).toBe(histories.vocabulary.items.length);
  expect(found.model["ndcg@100"].mean).toBeGreaterThan(found.popularity["ndcg@100"].mean);
});

test("Ctrl-C in the middle of a fit ends it at once, and leaves no model", { timeout: 60_000 }, async () => {
  const { child, ended } = start(train("ials", "--out", out("stopped"), "--factors", "64", "--sweeps", "1000000"));
  await until("the first sweeps are judged", () =>
    existsSync(join(out("stopped"), "evaluations", "epoch-000002.parquet")),
  );
  child.kill("SIGINT");
  const { code, stderr } = await ended;
  expect(code, stderr).toBe(0);
  expect(existsSync(join(out("stopped"), "model.safetensors"))).toBe(false);
});

test("a system that there is none of, and settings that it does not have, are told together", async () => {
  const { code, stderr } = await tributary(...train("eese", "--l1", "-1"));
  expect(code).toBe(2);
  expect(stderr).toMatch(/--model "eese": no such system; did you mean ease\?.*--l1 "-1"/);
});
