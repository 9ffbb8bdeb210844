// The benches of the wire and of serve as users run them, at tiny sizes: every figure that is promised is printed, and
// is a number.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { killAll, start } from "./processes.ts";

const dir = mkdtempSync(join(tmpdir(), "tributary-bench-test-"));
afterAll(() => {
  killAll();
  rmSync(dir, { recursive: true, force: true });
});

const tiny = ["--items", "300", "--batch", "40", "--users", "20", "--per-user", "10"];
const bench = async (...args: string[]) => {
  // whatever this machine has besides
  const { code, stdout, stderr } = await start(["bench", ...args, "--json"], { TRIBUTARY_GPU: "0" }).ended;
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
};
const milliseconds = expect.any(Number);
const sections = expect.objectContaining({
  receive: milliseconds,
  add: milliseconds,
  adam: milliseconds,
  send: milliseconds,
});
const phase = {
  steps: expect.any(Number),
  server: sections,
  trainers: expect.objectContaining({ compute: milliseconds }),
};

test("bench wire tells rates, bytes beside the formula, the server's sections, bags and Adam's ways; bench scale goes on", {
  timeout: 120_000,
}, async () => {
  const wire = await bench("wire", ...tiny, "--trainers", "1", "--megabytes", "1");
  expect(wire.device).toBe("CPU");
  expect(wire.transfers.map(({ via }: { via: string }) => via)).toEqual(["socket", "memory"]);
  for (const { there, back } of wire.transfers) expect(Math.min(there, back)).toBeGreaterThan(0);
  for (const via of ["memory", "socket"]) {
    const costs = wire.steps[via];
    expect(costs).toMatchObject({ via, encoder: phase, decoder: phase });
    const steps = costs.encoder.steps + costs.decoder.steps;
    // Headers are left out of the formula, and a reading may fall between a step's bytes and its count.
    for (const way of ["sent", "received"]) {
      expect(costs.bytes.measured[way] / costs.bytes.formula[way]).toBeGreaterThan(1 - 3 / steps);
      expect(costs.bytes.measured[way] / costs.bytes.formula[way]).toBeLessThan(1 + 3 / steps);
    }
  }
  expect(wire.bags.map(({ design, round }: { design: string; round: string }) => `${design} of ${round}`)).toEqual([
    "sums of one part",
    "rows of one part",
    "sums of 8 batches",
    "rows of 8 batches",
  ]);
  for (const way of ["tensorflow", "wasm1", "wasm2"])
    expect(wire.adam[way]).toEqual({ dense: milliseconds, fromBags: milliseconds });
  expect(wire.adam.typedArrays).toEqual({ dense: milliseconds });

  const file = join(dir, "wire.json");
  writeFileSync(file, JSON.stringify(wire));
  const scale = await bench(
    "scale",
    "--costs",
    file,
    "--trainers",
    "1,2,...,8",
    "--bandwidth",
    "1Gbit,10Gbit",
    "--latency",
    "1ms",
  );
  expect(scale.costs).toEqual(wire.steps.socket);
  expect(scale.device).toBe("CPU");
  expect(scale.rows).toHaveLength(3 * 2 * 4);
  for (const row of scale.rows) {
    expect(row.efficiency).toBeGreaterThan(0);
    if (row.trainers === 1) expect(row.efficiency).toBe(1);
  }
});

test("bench serve tells starts, and rate, p50 and p99 of 1, 8 and 64 clients, none of whom fails", {
  timeout: 60_000,
}, async () => {
  const { device, coldStartSeconds, loops } = await bench(
    "serve",
    "--items",
    "300",
    "--per-user",
    "10",
    "--seconds",
    "1",
  );
  expect(device).toBe("CPU");
  expect(coldStartSeconds).toHaveLength(3);
  for (const seconds of coldStartSeconds) expect(seconds).toBeGreaterThan(0);
  expect(loops.map(({ clients }: { clients: number }) => clients)).toEqual([1, 8, 64]);
  for (const { requestsPerSecond, p50, p99, cpuMs, failures } of loops) {
    expect(failures).toBe(0);
    expect(Math.min(requestsPerSecond, p50, cpuMs)).toBeGreaterThan(0);
    expect(p99).toBeGreaterThanOrEqual(p50);
  }
});

test("a list of trainers is refused where one number belongs", async () => {
  const { code, stderr } = await start(["bench", "train", "--trainers", "1,2"]).ended;
  expect(code).toBe(2);
  expect(stderr).toContain("--trainers 1,2");
});
