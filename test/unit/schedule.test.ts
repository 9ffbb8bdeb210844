// The schedule of an outer epoch: passes, batches, parts.
import { expect, test } from "vitest";
import { outerEpoch, partsOf, type Schedule, usualSchedule } from "../../shared/neural/schedule.ts";

const users = (count: number, from = 0) => Uint32Array.from({ length: count }, (_, k) => k + from);
const plan = { users: users(1177), seed: 1337, epoch: 2, firstStep: 40, schedule: usualSchedule };
const scheduled = (change: Partial<Schedule>) => outerEpoch({ ...plan, schedule: { ...usualSchedule, ...change } });

test("three encoder passes, then one decoder pass, with a smaller last batch", () => {
  const steps = outerEpoch(plan);
  expect(steps.map((step) => step.users.length)).toEqual([500, 500, 177, 500, 500, 177, 500, 500, 177, 500, 500, 177]);
  expect(steps.map((step) => step.phase)).toEqual([...Array(9).fill("encoder"), ...Array(3).fill("decoder")]);
  expect(steps.map((step) => step.index)).toEqual(Array.from({ length: 12 }, (_, k) => 40 + k));
});

test("encoder passes drop items, decoder passes do only with decoder noise", () => {
  const dropping = (change: Partial<Schedule>) =>
    new Set(scheduled(change).flatMap(({ phase, dropout }) => (dropout ? [phase] : [])));
  expect(dropping({})).toEqual(new Set(["encoder"]));
  expect(dropping({ decoderNoise: true })).toEqual(new Set(["encoder", "decoder"]));
});

test("as many passes of either kind as wanted, the decoder's last, each in its own order", () => {
  const steps = scheduled({ encoderPasses: 2, decoderPasses: 3, batchSize: 2000 });
  expect(steps.map((step) => step.phase)).toEqual(["encoder", "encoder", "decoder", "decoder", "decoder"]);
  expect(new Set(steps.map((step) => step.users.join())).size).toBe(5);
});

test("not alternating, every pass is a joint one with dropout", () => {
  const steps = scheduled({ alternating: false });
  expect(steps.map((step) => step.users.length)).toEqual([500, 500, 177, 500, 500, 177, 500, 500, 177]);
  expect(new Set(steps.map(({ phase, dropout }) => `${phase} ${dropout}`))).toEqual(new Set(["joint true"]));
});

test("every pass holds every user once, each in its own order", () => {
  const steps = outerEpoch({ ...plan, users: users(1177, 5000) });
  const passes = [0, 1, 2, 3].map((pass) =>
    steps.filter((step) => step.pass === pass).flatMap((step) => [...step.users]),
  );
  for (const pass of passes) expect([...pass].sort((a, b) => a - b)).toEqual([...users(1177, 5000)]);
  expect(new Set(passes.map(String)).size).toBe(4);
});

test("the same plan gives the same steps, another epoch or seed others", () => {
  const first = (change: object) => outerEpoch({ ...plan, ...change })[0]!.users.join();
  expect(first({})).toBe(first({}));
  expect(new Set([first({}), first({ epoch: 3 }), first({ seed: 1 })]).size).toBe(3);
});

test("passes of neighbouring epochs never share an order", () => {
  const schedule = { ...usualSchedule, batchSize: 2000 };
  const orders = [0, 1, 2].flatMap((epoch) =>
    outerEpoch({ ...plan, epoch, schedule }).map((step) => step.users.join()),
  );
  expect(new Set(orders).size).toBe(12);
});

test("a step is cut into parts of a fixed size that hold its users in order", () => {
  const step = outerEpoch({ ...plan, users: users(600), schedule: { ...usualSchedule, batchSize: 600 } })[0]!;
  const parts = partsOf(step);
  expect(parts.map((part) => part.length)).toEqual([250, 250, 100]);
  expect(parts.flatMap((part) => [...part])).toEqual([...step.users]);
});

test("no users make no steps", () => {
  expect(outerEpoch({ ...plan, users: users(0) })).toEqual([]);
});
