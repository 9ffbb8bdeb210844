// The schedule of an outer epoch: passes, batches, parts.
import { expect, test } from "vitest";
import { outerEpoch, partsOf } from "../../shared/model/schedule.ts";

const users = (count: number, from = 0) => Uint32Array.from({ length: count }, (_, k) => k + from);
const plan = { users: users(1177), seed: 1337, epoch: 2, firstStep: 40 };

test("three encoder passes, then one decoder pass, with a smaller last batch", () => {
  const steps = outerEpoch(plan);
  expect(steps.map((step) => step.users.length)).toEqual([500, 500, 177, 500, 500, 177, 500, 500, 177, 500, 500, 177]);
  expect(steps.map((step) => step.phase)).toEqual([...Array(9).fill("encoder"), ...Array(3).fill("decoder")]);
  expect(steps.map((step) => step.index)).toEqual(Array.from({ length: 12 }, (_, k) => 40 + k));
});

test("every pass holds every user once, each in its own order", () => {
  const steps = outerEpoch({ ...plan, users: users(1177, 5000) });
  const passes = [0, 1, 2, 3].map((pass) => steps.filter((step) => step.pass === pass).flatMap((step) => [...step.users]));
  for (const pass of passes) expect([...pass].sort((a, b) => a - b)).toEqual([...users(1177, 5000)]);
  expect(new Set(passes.map(String)).size).toBe(4);
});

test("the same plan gives the same steps, another epoch or seed others", () => {
  const first = (change: object) => outerEpoch({ ...plan, ...change })[0]!.users.join();
  expect(first({})).toBe(first({}));
  expect(new Set([first({}), first({ epoch: 3 }), first({ seed: 1 })]).size).toBe(3);
});

test("passes of neighbouring epochs never share an order", () => {
  const orders = [0, 1, 2].flatMap((epoch) => outerEpoch({ ...plan, epoch, batchSize: 2000 }).map((step) => step.users.join()));
  expect(new Set(orders).size).toBe(12);
});

test("a step is cut into parts of a fixed size that hold its users in order", () => {
  const step = outerEpoch({ ...plan, users: users(600), batchSize: 600 })[0]!;
  const parts = partsOf(step);
  expect(parts.map((part) => part.length)).toEqual([250, 250, 100]);
  expect(parts.flatMap((part) => [...part])).toEqual([...step.users]);
});

test("no users make no steps", () => {
  expect(outerEpoch({ ...plan, users: users(0) })).toEqual([]);
});
