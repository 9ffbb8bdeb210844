// The newest events of a table in the order in which they came, though files were merged, times run backwards and
// partitions differ.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { batchOf } from "../../shared/events/batch.ts";
import { compact } from "../../shared/table/compaction.ts";
import { openEvents, writeEvents } from "../../shared/table/events.ts";
import { newestEvents } from "../../shared/table/newest-events.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tributary-newest-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A commit of ten events, which alternate between two partitions; user and item say which one it is. */
async function commit(from: number): Promise<number> {
  const table = await openEvents(dir);
  const rows = Array.from({ length: 10 }, (_, k) => from + k).map((k) => ({
    ...{ user: `u${(k * 7) % 100}`, item: `${k}`, timestamp: 5000 - k, value: null },
    ...{ partition: k % 2, offset: (k % 2 ? 1000 : 0) + Math.floor(k / 2) },
  }));
  return table.commit({ add: [await writeEvents(table.store, batchOf(rows))] });
}

test("stand in the order in which they came, before a compaction and after it", async () => {
  for (let k = 0; k < 100; k += 10) await commit(k);
  const items = async (version: number, most: number) =>
    (await newestEvents(dir, version, most)).map(({ item }) => item);
  const newest = Array.from({ length: 25 }, (_, k) => `${75 + k}`);
  expect((await items(9, 25)).toSorted()).toEqual(newest.toSorted());
  await compact(await openEvents(dir), {});
  const { version } = await openEvents(dir);
  expect(version).toBeGreaterThan(9);
  const whole = await items(version, 1000);
  for (const parity of [0, 1]) {
    const ofPartition = whole.filter((item) => Number(item) % 2 === parity);
    expect(ofPartition).toEqual(Array.from({ length: 50 }, (_, k) => `${2 * k + parity}`));
  }
  // Two partitions have no order among them; they go side by side.
  whole.forEach((item, k) => void expect(Math.abs(Number(item) - k)).toBeLessThanOrEqual(1));
  await commit(100);
  expect(await items(version + 1, 12)).toHaveLength(12);
});

test("are none of a version that is no longer kept", async () => {
  expect(await newestEvents(dir, 0, 10)).toEqual([]);
});
