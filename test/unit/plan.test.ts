import fc from "fast-check";
import { expect, test } from "vitest";
import { planUsers } from "../../shared/training/plan.ts";

const plan = (last: number[], planned: number[], limit: number, round = 0) => [
  ...planUsers(
    { users: [...last.keys()], lastVersion: (user) => last[user]!, plannedAt: (user) => planned[user] ?? -1 },
    limit,
    7,
    round,
  ),
];

test("users with new events come before the others", () => {
  expect(plan([5, 3, 9, 1, 4], [5, 2, 8, 1, 4], 2).sort()).toEqual([1, 2]);
});

test("a backlog is not trained in the order of its age", () => {
  const last = Array.from({ length: 1_000 }, (_, user) => user);
  const chosen = plan(last, [], 100);
  expect(chosen.filter((user) => user >= 500).length).toBeGreaterThan(30);
});

test("what is left of the limit is a sample of the others, another one each round, the same one each time", () => {
  const last = new Array(1_000).fill(1);
  const first = plan(last, last, 100);
  expect(first).toEqual(plan(last, last, 100));
  expect(first).not.toEqual(plan(last, last, 100, 1));
  expect(Math.max(...first)).toBeGreaterThan(500);
});

test("a user is planned once, never above the limit, and one with new events never loses the place to one without", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(9), fc.integer({ min: -1, max: 9 })), { maxLength: 60 }),
      fc.integer({ min: 1, max: 70 }),
      (users, limit) => {
        const chosen = plan(
          users.map(([last]) => last),
          users.map(([, planned]) => planned),
          limit,
        );
        expect(new Set(chosen).size).toBe(chosen.length);
        expect(chosen.length).toBe(Math.min(limit, users.length));
        const fresh = users.flatMap(([last, planned], user) => (last > planned ? [user] : []));
        expect(chosen.filter((user) => fresh.includes(user)).length).toBe(Math.min(limit, fresh.length));
      },
    ),
    { seed: 1337, numRuns: 200 },
  );
});
