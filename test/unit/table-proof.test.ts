// What verify says of filtered offsets, and of log checkpoints that cannot be read or tell another story than the
// entries.
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { prove } from "../../services/commands/table/proof.ts";
import { batchOf } from "../../shared/events/batch.ts";
import type { DeltaTable } from "../../shared/table/delta.ts";
import { openEvents, writeEvents } from "../../shared/table/events.ts";
import { type FilteredRange, openFiltered, writeFiltered } from "../../shared/table/filtered.ts";
import { entryPath } from "../../shared/table/log.ts";
import {
  checkpointPath,
  decodeCheckpoint,
  encodeCheckpoint,
  LAST_CHECKPOINT,
} from "../../shared/table/log-checkpoint.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tributary-proof-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const problems = async () => (await prove(dir, join(dir, "dead"))).problems;

async function append(table: DeltaTable, offsets: readonly number[], upTo: number): Promise<void> {
  const rows = offsets.map((offset) => ({ user: "u", item: "i", timestamp: 0, value: null, partition: 0, offset }));
  await table.commit({ add: [await writeEvents(table.store, batchOf(rows))], txn: [{ appId: "t/0", version: upTo }] });
}

async function filter(...ranges: Partial<FilteredRange>[]): Promise<void> {
  const table = await openFiltered(dir);
  const whole = ranges.map((range) => ({
    topic: "t",
    partition: 0,
    first: 0,
    last: 0,
    reason: "NO_MESSAGE" as const,
    ...range,
  }));
  await table.commit({ add: [await writeFiltered(table.store, whole)] });
}

test("offsets without a message fill holes, as far as the log stands; those of another topic do not", async () => {
  await append(await openEvents(dir), [0, 1, 5], 9);
  expect(await problems()).toEqual(["partition 0: 7 offsets are missing, the first at 2 to 4, 6 to 9"]);
  await filter({ first: 2, last: 4, topic: "another" });
  expect(await problems()).toHaveLength(1);
  await filter({ first: 2, last: 4 }, { first: 6, last: 20 });
  const { ok, partitions } = await prove(dir, join(dir, "dead"));
  expect([ok, partitions]).toMatchObject([true, [{ rows: 3, filtered: 7, read: 10, last: 9, missing: 0 }]]);
});

test("an offset that is both a row and without a message stands twice; one that was erased twice counts once", async () => {
  await append(await openEvents(dir), [0, 1, 2], 3);
  await filter({ first: 3, last: 3, reason: "ERASED" });
  await filter({ first: 3, last: 3, reason: "ERASED" });
  expect((await prove(dir, join(dir, "dead"))).partitions).toMatchObject([{ filtered: 1, read: 4, duplicated: 0 }]);
  await filter({ first: 2, last: 2 });
  expect(await problems()).toEqual(["partition 0: 1 offsets stand twice"]);
});

test("a checkpoint that cannot be read, or that differs from the entries, is named with what differs", async () => {
  const table = await openEvents(dir);
  for (let offset = 0; offset <= 20; offset++) await append(table, [offset], offset);
  expect(await problems()).toEqual([]);
  const at = (version: number) => join(dir, "events", checkpointPath(version));
  copyFileSync(at(20), at(15));
  expect(await problems()).toEqual([
    expect.stringMatching(/15\.checkpoint\.parquet: .* differs from the log's entries in files, progress$/),
  ]);
  const state = decodeCheckpoint(await table.store.read(checkpointPath(10)), 10);
  const first = [...state.files.values()][0]!;
  state.files.set(first.path, { ...first, size: first.size + 1 });
  writeFileSync(at(15), "nonsense");
  writeFileSync(at(10), encodeCheckpoint({ ...state, watermark: 7 }, Date.now()).bytes);
  expect(await problems()).toEqual([
    expect.stringMatching(/10\.checkpoint\.parquet: .* in files, watermark$/),
    expect.stringMatching(/15\.checkpoint\.parquet: the checkpoint cannot be read/),
  ]);
});

test("where the first entries are gone, what is left is compared from the oldest checkpoint on", async () => {
  const table = await openEvents(dir);
  for (let offset = 0; offset <= 20; offset++) await append(table, [offset], offset);
  for (let version = 0; version <= 10; version++) rmSync(join(dir, "events", entryPath(version)));
  expect(await problems()).toEqual([]);
  copyFileSync(join(dir, "events", checkpointPath(10)), join(dir, "events", checkpointPath(20)));
  expect(await problems()).toContainEqual(
    expect.stringMatching(/20\.checkpoint\.parquet: .* differs .* in files, progress$/),
  );
});

test("files removed long ago are forgotten by the log's next checkpoint, and verify does not miss them", async () => {
  const table = await openEvents(dir);
  for (let offset = 0; offset <= 20; offset++) await append(table, [offset], offset);
  const state = decodeCheckpoint(await table.store.read(checkpointPath(20)), 20);
  const removed = new Map([
    ["old", Date.now() - 721 * 3_600e3],
    ["young", Date.now() - 719 * 3_600e3],
  ]);
  const { bytes } = encodeCheckpoint({ ...state, removed }, Date.now());
  expect([...decodeCheckpoint(bytes, 20).removed.keys()]).toEqual(["young"]);
});

test("a pointer to the newest checkpoint that is torn or wrong is named, and the next checkpoint mends it", async () => {
  const table = await openEvents(dir);
  for (let offset = 0; offset <= 10; offset++) await append(table, [offset], offset);
  const pointer = join(dir, "events", LAST_CHECKPOINT);
  for (const torn of ["", '{"version":1', "null", '"10"', '{"version":"10"}', "[]"]) {
    writeFileSync(pointer, torn);
    expect(await problems(), torn).toEqual([expect.stringContaining("_last_checkpoint: it is no pointer")]);
    expect((await openEvents(dir)).version, torn).toBe(10);
  }
  writeFileSync(pointer, '{"version":9}');
  expect(await problems()).toEqual([expect.stringContaining("points to version 9, which has no checkpoint")]);
  writeFileSync(pointer, '{"version":9,"size":3,"parts":2}'); // another writer's
  expect(await problems()).toEqual([]);
  writeFileSync(pointer, "");
  for (let offset = 11; offset <= 20; offset++) await append(table, [offset], offset);
  expect(await problems()).toEqual([]);
});

test("a table of before, whose watermark was the newest arrival of all entries, is no fault", async () => {
  const table = await openEvents(dir);
  for (let offset = 0; offset <= 10; offset++) await append(table, [offset], offset);
  for (const [version, arrival] of [90, 100, 95].entries()) {
    const path = join(dir, "events", entryPath(version + 1));
    const [info, ...rest] = readFileSync(path, "utf8").trimEnd().split("\n");
    const { commitInfo } = JSON.parse(info!) as { commitInfo: Record<string, unknown> };
    const { sha256: _, actions: __, ...older } = commitInfo;
    writeFileSync(
      path,
      `${JSON.stringify({ commitInfo: { ...older, engineInfo: "Tributary", newestArrival: arrival } })}\n` +
        `${rest.join("\n")}\n`,
    );
  }
  const state = decodeCheckpoint(await table.store.read(checkpointPath(10)), 10);
  const at = join(dir, "events", checkpointPath(10));
  writeFileSync(at, encodeCheckpoint({ ...state, watermark: 100 }, Date.now()).bytes);
  expect(await problems()).toEqual([]);
  writeFileSync(at, encodeCheckpoint({ ...state, watermark: 95 }, Date.now()).bytes);
  expect(await problems()).toEqual([]);
  writeFileSync(at, encodeCheckpoint({ ...state, watermark: 101 }, Date.now()).bytes);
  expect(await problems()).toEqual([expect.stringContaining("in watermark")]);
});
