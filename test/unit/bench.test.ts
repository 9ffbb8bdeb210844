// The pure parts of the benches: bytes of a step, what passed between two readings, lists on the command line, what
// steps of other sizes cost, memory of a GPU.
import { describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { quantile } from "../../services/commands/bench/closed-loop.ts";
import type { Reading, ServerStatus } from "../../services/commands/bench/cluster.ts";
import type { Costs } from "../../services/commands/bench/costs.ts";
import { watchDeviceMemory } from "../../services/commands/bench/device-memory.ts";
import { lineOf } from "../../services/commands/bench/figures.ts";
import { longTailedRow } from "../../services/commands/bench/rows.ts";
import { scaleRows } from "../../services/commands/bench/scale.ts";
import { serveLines } from "../../services/commands/bench/serve.ts";
import { bytesOfGroup, trafficOf, trafficOfRun } from "../../services/commands/bench/traffic.ts";
import { bytesBetween, cpuShareBetween, timingBetween } from "../../services/commands/bench/window.ts";
import { exactStep, outerStep } from "../../services/commands/bench/workloads.ts";
import { usedIn } from "../../shared/runtime/gpu/facts.ts";
import { listOf, numbers } from "../../shared/runtime/lists.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { decide, initial } from "../../shared/training/leases.ts";

describe("bytes by the formula", () => {
  const [H, L, I] = [600, 200, 20_108];
  const config = recipeOf({ ...defaults, items: I, hidden: H, latent: L });
  const hidden = 4 * (4 * H * H + 5 * 3 * H + 2 * (L * H + L));
  const shape = { config, batch: 500, partSize: 250, perUser: 86, copies: 2 };

  test("the hidden group is four square matrices, five layers' vectors, two heads", () => {
    expect(bytesOfGroup("hidden", config)).toBe(hidden);
    expect(bytesOfGroup("decoder", config)).toBe(4 * (I * L + I));
  });

  test("an encoder step sends the hidden group to each trainer, and gets it back from each part, with the bags", () => {
    const rows = 4 * 500 * (86 + 2);
    expect(trafficOf("encoder", shape)).toEqual({
      sent: 2 * hidden + 4 * 500 * (H + 2 * L) + rows,
      received: 2 * hidden + 4 * 500 * H,
    });
  });

  test("a decoder step gets the posteriors back instead of the bags", () => {
    const { sent, received } = trafficOf("decoder", { ...shape, copies: 1 });
    expect(sent).toBe(4 * (I * L + I) + 4 * 500 * (H + 86 + 2));
    expect(received).toBe(2 * 4 * (I * L + I) + 4 * 500 * 2 * L);
  });

  test("a run is its steps and the users that it scored", () => {
    const [encoder, decoder] = [trafficOf("encoder", shape), trafficOf("decoder", shape)];
    const run = trafficOfRun(shape, { encoder: 3, decoder: 1, scored: 10 });
    expect(run.sent).toBe(3 * encoder.sent + decoder.sent + 10 * 4 * (H + 86 + 2));
    expect(run.received).toBe(3 * encoder.received + decoder.received + 10 * 4 * 3);
  });
});

const reading = (times: number): Reading => {
  const server: ServerStatus = {
    ...{ listen: "", step: times, round: 0, epochs: [], peakMemoryBytes: 0 },
    timings: { encoder: { steps: times, seconds: 2 * times, sections: { logits: times } } },
    cpu: {
      encoder: { bags: times, add: times, adam: 2 * times, plan: times, receive: 3 * times, send: times, rest: times },
      score: { bags: 1000 * times },
      between: { rest: 1000 * times },
    },
    bytes: { sent: times, received: 2 * times, waiting: 0, memory: { sent: 3 * times, received: 4 * times } },
  };
  const trainer = {
    ...{ engine: "", device: "CPU" },
    ...{ peakMemoryBytes: 0, compileSeconds: 0 },
    cpu: { encoder: { compute: 15 * times, rest: 5 * times }, score: { compute: 1000 * times } },
  };
  return { server, trainers: [trainer, trainer] };
};

describe("between two readings", () => {
  test("shares of CPU are those of the steps, without evaluation and checkpoints", () => {
    const share = cpuShareBetween(reading(1), reading(3));
    expect(share).toEqual({ compute: 30 / 50, wire: 15 / 50, server: 5 / 50 });
  });

  test("times and bytes are differences; a phase that did not occur took no step", () => {
    const [start, end] = [reading(1).server, reading(4).server];
    expect(timingBetween(start, end, "encoder")).toEqual({ steps: 3, seconds: 6, sections: { logits: 3 } });
    expect(timingBetween(start, end, "decoder")).toEqual({ steps: 0, seconds: 0, sections: {} });
    expect(bytesBetween(start, end)).toEqual({ sent: 3, received: 6, memory: { sent: 9, received: 12 } });
  });
});

test("memory of a GPU is what its fullest card took beyond what it had; none where nobody tells", async () => {
  vi.useFakeTimers();
  const readings = [
    [100, 500],
    [150, 900],
    [2000, 600],
    [120, 500],
  ];
  const device = watchDeviceMemory(async () => readings.shift() ?? []);
  expect(device.peak()).toBeNull();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(device.peak()).toBe(1900 * 2 ** 20);
  const none = watchDeviceMemory(async () => []);
  await vi.advanceTimersByTimeAsync(10_000);
  expect([none.peak(), vi.getTimerCount()]).toEqual([null, 0]);
  vi.useRealTimers();
  expect(usedIn("312\n 141000\n[N/A]\n")).toEqual([312, 141000]);
});

describe("lists on the command line", () => {
  const read = (text: string) => numbers(64).safeParse(text).data;

  test("dots double what stands before them", () => {
    expect(read("1,2,4,...,64")).toEqual([1, 2, 4, 8, 16, 32, 64]);
    expect(read("3,...,20")).toEqual([3, 6, 12, 20]);
    expect(read("7")).toEqual([7]);
  });

  test.each(["", "1,,2", "...,4", "1,...", "8,...,4", "1.5", "65", "0", "x", "...", "1,...,...,8"])(
    "%j is refused",
    (text) => {
      expect(read(text)).toBeUndefined();
    },
  );

  test("every value of a list must be one", () => {
    const list = listOf(z.coerce.number<string>().positive());
    expect(list.parse("20,200")).toEqual([20, 200]);
    expect(list.safeParse("20,many").success).toBe(false);
  });
});

test("users' rows are distinct columns, and their tail is long", () => {
  const touched = new Set<number>();
  for (let user = 0; user < 250; user++) {
    const row = longTailedRow(user, 86, 20_108);
    expect(new Set(row).size).toBe(86);
    for (const item of row) touched.add(item);
  }
  expect(touched.size).toBeGreaterThan(6_000);
  expect(Math.max(...touched)).toBeLessThan(20_108);
  expect([...longTailedRow(1, 10, 4)].sort()).toEqual([0, 1, 2, 3]);
});

describe("steps of other sizes", () => {
  const section = { receive: 4, send: 3, rest: 2, bags: 2, add: 1, adam: 10, plan: 1 };
  const phase = { steps: 8, server: section, trainers: { compute: 100, receive: 2, send: 2, rest: 2 } };
  const nothing = { sent: 0, received: 0 };
  const costs: Costs = {
    size: { items: 20_108, batch: 500, perUser: 86, partSize: 250, trainers: 2 },
    ...{ via: "socket", device: "CPU" },
    encoder: phase,
    decoder: phase,
    bytes: { measured: nothing, formula: nothing },
  };

  test("the step that was measured costs what was measured", () => {
    const { computeMs, handlingMs, stepMs, contributionMs } = exactStep(costs, "encoder", 2, 250);
    expect(2 * (computeMs + handlingMs)).toBeCloseTo(100 + 6, 6);
    // what each answer is read for a second time, in Adam, stands with the answers
    expect(stepMs + 2 * contributionMs).toBeCloseTo(4 + 3 + 2 + 2 + 1 + 10 + 1 + 1, 6);
  });

  test("more parts cost the server more contributions and more bags, not more Adams", () => {
    const [two, four] = [exactStep(costs, "encoder", 2, 250), exactStep(costs, "encoder", 4, 250)];
    expect(four.stepMs - two.stepMs).toBeCloseTo(2 * 2 + 1, 6);
    expect(four.contributionMs).toBe(two.contributionMs);
    expect(four.weightBytes).toBe(two.weightBytes);
  });

  test("a local round moves the rows of the first layer too, once for K batches", () => {
    const local = outerStep(costs, "encoder", 4, 8, 10_000);
    expect(local.parts).toBe(4);
    const group = exactStep(costs, "encoder", 1, 250).weightBytes;
    expect(local.weightBytes).toBe(group / 2); // bfloat16
    expect(local.answerBytes).toBe(group / 2 + 10_000 * 600 * 2);
    expect(local.leaseBytes).toBeGreaterThan(10_000 * 600 * 2);
    expect(outerStep(costs, "decoder", 4, 8, 10_000).answerBytes).toBeLessThan(local.answerBytes);
    expect(local.computeMs).toBeCloseTo(8 * (100 + 2 + 1) + 16 * 10, 6); // Adam once a part
  });

  test("efficiency is 1 for one trainer, and local keeps more of it than exact on a slow link", () => {
    const size = { trainers: [1, 4, 16], bandwidth: [1e9], latencyMs: 1, every: 8 };
    const rows = scaleRows({ decide, initial }, costs, size);
    const of = (mode: string, trainers: number) => rows.find((row) => row.mode === mode && row.trainers === trainers)!;
    for (const mode of ["exact", "exact, smaller parts", "local"]) expect(of(mode, 1).efficiency).toBe(1);
    expect(of("local", 16).efficiency).toBeGreaterThan(of("exact", 16).efficiency);
    expect(of("exact", 16).batch).toBe(16 * 250);
    expect(of("exact, smaller parts", 16)).toMatchObject({ partSize: 32, batch: 512 });
  });
});

describe("figures of serve", () => {
  test("a quantile is a value of the list, and NaN of none", () => {
    const hundred = Float64Array.from({ length: 100 }, (_, k) => k + 1);
    expect([0, 0.5, 0.99, 1].map((share) => quantile(hundred, share))).toEqual([1, 51, 100, 100]);
    expect(quantile(Float64Array.of(7), 0.99)).toBe(7);
    expect(quantile(new Float64Array(0), 0.5)).toBeNaN();
  });

  const loop = (clients: number) => ({ clients, requestsPerSecond: 999, p50: 3.5, p99: 4, cpuMs: 1, failures: 0 });
  test("the aims are held against one client's p50, the answers to 64, the middle one of the starts, and failures", () => {
    const figures = serveLines({
      device: "CPU",
      coldStartSeconds: [9, 1, 2.5],
      loops: [1, 8, 64].map(loop),
      options: [],
    });
    const missed = figures
      .filter((figure) => lineOf(figure).includes("missed"))
      .map(({ name, value }) => [name, value]);
    expect(missed).toEqual([
      ["cold start, spawn to /ready (median of 3)", 2.5],
      ["1 client: p50", 3.5],
      ["64 clients: answers", 999],
    ]);
    expect(figures.filter(({ limit }) => limit)).toHaveLength(6);
  });
});
