// Rounds of continuous training that are to take about so long: they follow what rounds cost.
import { expect, test } from "vitest";
import { openRoundSize } from "../../services/server/run/round-size.ts";

const wanted = { usersPerRound: 5_000, roundSeconds: 2, batchSize: 500 };

test("without a duration every round holds as many users as it may", () => {
  const size = openRoundSize({ ...wanted, roundSeconds: undefined });
  size.took(5_000, 60);
  expect(size.users).toBe(5_000);
});

test("the first is one batch, the next as many as fit in, and never more than a round may hold", () => {
  const size = openRoundSize(wanted);
  expect(size.users).toBe(500);
  size.took(500, 0.5);
  expect(size.users).toBe(2_000);
  for (let round = 0; round < 10; round++) size.took(size.users, (0.1 * size.users) / 500);
  expect(size.users).toBe(5_000);
});

test("where a batch takes longer than that it is one batch, and more again once the machine is free", () => {
  const size = openRoundSize(wanted);
  for (let round = 0; round < 5; round++) size.took(500, 9);
  expect(size.users).toBe(500);
  for (let round = 0; round < 8; round++) size.took(size.users, (0.4 * size.users) / 500);
  expect(size.users).toBe(2_000);
});

test("a round of nobody says nothing of what one costs", () => {
  const size = openRoundSize(wanted);
  size.took(0, 1);
  expect(size.users).toBe(500);
});
