// Resuming where compaction has changed who has which number: what goes by number is used only if the numbers are the
// same.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { isNumberedAlike, numberingOf } from "../../services/server/run/numbering.ts";
import { openParameters } from "../../services/server/run/parameters.ts";
import { Posteriors } from "../../services/server/run/posteriors.ts";
import type { UnderWay } from "../../services/server/run/run.ts";
import {
  contentsOf,
  type Extra,
  latestCheckpoint,
  type Numbered,
  resumeOrBegin,
} from "../../services/server/saving/persistence.ts";
import { saveCheckpoint } from "../../shared/checkpoints/checkpoints.ts";
import { openEvents } from "../../shared/corpus/events.ts";
import { batchOf } from "../../shared/events/batch.ts";
import { initialise } from "../../shared/neural/parameters.ts";
import { usualSchedule } from "../../shared/neural/schedule.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { compact } from "../../shared/table/compaction.ts";
import { openEvents as openTable, writeEvents } from "../../shared/table/events.ts";

const root = mkdtempSync(join(tmpdir(), "tributary-numbering-"));
afterAll(() => rmSync(root, { recursive: true }));

const names = ["c", "a", "ü", "b"];
const config = recipeOf({ ...defaults, items: 5, hidden: 4, latent: 1 });
const knobs = {
  ...{ hidden: 4, latent: 1, learningRate: 5e-4, dropoutRate: 0.5, mixtureWeights: defaults.mixtureWeights },
  ...{ ...usualSchedule, partSize: 5, seed: 7, sync: "exact" as const, every: 8 },
};
const log = createLog("test");

/** What a run that ended after planning users 0 and 2 at version 9 goes on with. */
async function resumed(saved: Partial<Extra>, users?: Numbered, underWay?: UnderWay) {
  const out = mkdtempSync(join(root, "out-"));
  const posteriors = new Posteriors(1);
  posteriors.set([0, 2], () => 3, Float32Array.of(1, 2), Float32Array.of(3, 4));
  const parameters = openParameters(config, initialise(config, 1));
  const run = { seed: 7, schedule: usualSchedule, partSize: 5, ...parameters, posteriors, step: 3, round: 1, underWay };
  const extra = {
    salt: "",
    tableVersion: 9,
    watermark: 1,
    vocabulary: ["i", "j", "k", "l", "m"],
    planned: Int32Array.of(9, -1, 9),
  };
  await saveCheckpoint(join(out, "checkpoints"), contentsOf(run, { ...extra, ...saved }), 3);
  const { run: back, planned } = resumeOrBegin(await latestCheckpoint(out, log), knobs, 5, users);
  return { knows: back.posteriors.has(0, 3), planned: [...planned], round: back.round, underWay: back.underWay };
}

test("a digest goes on from that of fewer names, and tells another order or another name", () => {
  const whole = numberingOf(names);
  expect(numberingOf(names, 4, numberingOf(names, 2))).toEqual(whole);
  expect(isNumberedAlike(whole, [...names, "new"])).toBe(true);
  expect(isNumberedAlike(whole, names.slice(0, 3))).toBe(false);
  expect(isNumberedAlike(whole, ["a", "c", "ü", "b"])).toBe(false);
  expect(isNumberedAlike(whole, ["c", "a", "u", "b"])).toBe(false);
});

test("users with the same numbers keep their posteriors and plans, however many have come since", async () => {
  const saved = { numbering: numberingOf(names) };
  const kept = { knows: true, planned: [9, -1, 9], round: 1 };
  expect(await resumed(saved, { names, version: 9 })).toEqual(kept);
  expect(await resumed(saved, { names: [...names, "new"], version: 12 })).toEqual(kept);
});

test("users with other numbers begin without posteriors, and all count as planned at the version that is there", async () => {
  const saved = { numbering: numberingOf(names) };
  const users = { names: ["a", "b", "c", "ü", "new"], version: 12 };
  expect(await resumed(saved, users)).toEqual({ knows: false, planned: [12, 12, 12, 12, 12], round: 1 });
});

const underWay: UnderWay = { users: Uint32Array.of(2, 0), firstStep: 2, sums: { reconstruction: 1, kl: 2, users: 1 } };

test("a round that was under way goes on with its users, at its version", async () => {
  const saved = { numbering: numberingOf(names) };
  expect(await resumed(saved, { names: [...names, "new"], version: 9 }, underWay)).toMatchObject({
    knows: true,
    round: 1,
    underWay,
  });
});

test.each([
  ["its users have other numbers", { names: ["a", "b", "c", "ü"], version: 9 }, [9, 9, 9, 9]],
  ["its version is gone", { names, version: 12 }, [9, -1, 9]],
])(
  "a round that was under way counts as done where %s: the encoder has moved, and is the next round's old one",
  async (_, users, planned) => {
    const saved = { numbering: numberingOf(names) };
    expect(await resumed(saved, users, underWay)).toEqual({ knows: false, planned, round: 2, underWay: undefined });
  },
);

test("a checkpoint without a digest goes on as it always did", async () => {
  expect(await resumed({}, { names: ["other"], version: 12 })).toEqual({ knows: true, planned: [9, -1, 9], round: 1 });
});

test("a server that has followed a table and one that opens it after a compaction number users differently, and the digest tells", async () => {
  const dir = join(root, "table");
  const table = await openTable(dir);
  const followed = openEvents(dir, "", [], { minUsers: 1 });
  for (let offset = 0; offset < 10; offset++) {
    const row = { user: `user ${9 - offset}`, item: "i", timestamp: 0, value: null, partition: 0, offset };
    await table.commit({
      add: [await writeEvents(table.store, batchOf([row]))],
      txn: [{ appId: "t/0", version: offset }],
    });
    await followed.catchUp();
  }
  await compact(table);
  expect(await followed.catchUp()).toMatchObject({ version: 10, rows: 0 });
  const anew = openEvents(dir, "", [], { minUsers: 1 });
  await anew.catchUp(10);
  expect([...anew.histories.users].sort()).toEqual([...followed.histories.users].sort());
  expect(isNumberedAlike(numberingOf(followed.histories.users), anew.histories.users)).toBe(false);
});
