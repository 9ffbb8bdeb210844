// promtool's word on the configuration, the alerts, and what real services export. TRIBUTARY_TEST_PROMTOOL names it
// (`npm test` sets it); without it these are skipped.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { discover } from "../../shared/http/registry.ts";
import { createMetrics, metricTable } from "../../shared/runtime/metrics.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { killAll, start, until } from "./processes.ts";

const promtool = process.env.TRIBUTARY_TEST_PROMTOOL;
if (!promtool) process.stderr.write("no promtool: alerts and metrics are not checked with it\n");
const folder = new URL("../../infra/prometheus/", import.meta.url).pathname;

function ask(args: readonly string[], input = ""): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(promtool!, args, { cwd: folder, encoding: "utf8", input });
  return { status, text: stdout + stderr };
}

describe.skipIf(!promtool)("promtool", () => {
  let dataDir: string;
  beforeAll(() => {
    dataDir = mkdtempSync(join(tmpdir(), "tributary-promtool-"));
  });
  afterAll(() => {
    killAll();
    rmSync(dataDir, { recursive: true, force: true });
  });

  test.each([
    "check config --syntax-only prometheus.yml", // a token of this machine there is not
    "check rules alerts.yml",
    "test rules alerts.test.yml",
  ])("accepts what is deployed: %s", (args) => {
    const { status, text } = ask(args.split(" "));
    expect(status, text).toBe(0);
  });

  test("finds nothing wrong with any metric of the table, those of ingest and replay among them", async () => {
    const metrics = createMetrics("all");
    for (const [name, { kind }] of Object.entries(metricTable)) metrics[kind](name as never);
    const text = await metrics.text();
    for (const name of Object.keys(metricTable)) expect(text).toContain(`# TYPE ${name} `);
    expect(ask(["check", "metrics"], text)).toEqual({ status: 0, text: "" });
  });

  test("finds nothing wrong with what services export, and would say so", async () => {
    const at = ["--data-dir", dataDir, "--http-port", "0"];
    start([
      "server",
      "--table",
      join(dataDir, "table"),
      "--out",
      join(dataDir, "training"),
      "--listen",
      "127.0.0.1:0",
      ...at,
    ]);
    start(["evaluator", ...at]);
    start(["serve", ...at]);
    start(["trainer", "--server", "ws://127.0.0.1:9", ...at]);
    start(["dashboard", "--data-dir", dataDir, "--port", "0"]);
    const running = () => discover(pathsOf(dataDir).run);
    await until("all five are registered", () => running().length === 5);
    for (const { service, url } of running()) {
      const metrics = await (await fetch(`${url}/metrics`)).text();
      expect(metrics, service).toContain(`service="${service}"`);
      const { status, text } = ask(["check", "metrics"], metrics);
      expect(status, `${service}: ${text}`).toBe(0);
      expect(text, service).toBe("");
    }
    expect(
      ask(["check", "metrics"], "# TYPE tributary_milliseconds counter\ntributary_milliseconds 1\n").status,
    ).not.toBe(0);
  });
});
