// The simulation of many trainers, around the machine that leases parts in the real server.
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Network, simulate, type Workload } from "../../services/commands/bench/simulation.ts";
import { decide, initial } from "../../shared/training/leases.ts";

const machine = { initial, decide };
const endless: Network = { bitsPerSecond: Number.POSITIVE_INFINITY, latencyMs: 0 };
const work = (parts: number): Workload => ({
  phase: "encoder",
  parts,
  ...{ computeMs: 100, handlingMs: 0, stepMs: 0, contributionMs: 0 },
  ...{ weightBytes: 7e6, leaseBytes: 1e6, answerBytes: 7e6 },
});
const run = (trainers: number) => ({ trainers, steps: 20, jitter: 0, seed: 1337 });

test("one trainer on a free network does nothing but compute", () => {
  expect(simulate(machine, work(1), endless, run(1)).milliseconds).toBeCloseTo(20 * 100, 6);
  expect(simulate(machine, work(1), endless, run(1)).computing).toBeCloseTo(1, 6);
});

test("with a server and a network that cost nothing, N trainers are N times as fast", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), (trainers) => {
      const alone = simulate(machine, work(trainers), endless, run(1));
      const together = simulate(machine, work(trainers), endless, run(trainers));
      expect(alone.milliseconds / together.milliseconds).toBeCloseTo(trainers, 6);
    }),
    { seed: 1337, numRuns: 20 },
  );
});

test("a step cannot be faster than the bytes through the server's link", () => {
  const gigabit: Network = { bitsPerSecond: 1e9, latencyMs: 1 };
  const { milliseconds } = simulate(machine, work(16), gigabit, run(16));
  const [down, up] = [16 * 8e6 * 8, 16 * 7e6 * 8].map((bits) => bits / 1e6);
  expect(milliseconds / 20).toBeGreaterThan(down!);
  expect(milliseconds / 20).toBeLessThan(down! + up! + 100 + 4);
});

test("a trainer that stalls costs at most one deadline, and the tick that sees it", () => {
  const clean = simulate(machine, work(4), endless, run(4));
  const stalled = simulate(machine, work(4), endless, { ...run(4), stallsAt: 10 });
  const [deadline, tick, part] = [2_000, 200, 100]; // no part of 100 ms is waited for longer
  const halved = (20 - 11) * part; // three trainers need two turns for four parts, in every step that is left
  expect(stalled.milliseconds).toBeLessThanOrEqual(clean.milliseconds + deadline + tick + part + halved);
  expect(stalled.milliseconds).toBeGreaterThan(clean.milliseconds);
});

test("the seed decides every part's time", () => {
  const jittered = (seed: number) => simulate(machine, work(8), endless, { ...run(8), jitter: 0.2, seed }).milliseconds;
  expect(jittered(1)).toBe(jittered(1));
  expect(jittered(1)).not.toBe(jittered(2));
});
