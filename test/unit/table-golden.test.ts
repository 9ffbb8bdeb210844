// A table that an earlier version wrote opens, reads and goes on as one of today's.
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { prove } from "../../services/commands/table/proof.ts";
import { batchOf, eventsOf, type Row } from "../../shared/events/batch.ts";
import { compact } from "../../shared/table/compaction.ts";
import type { DeltaTable } from "../../shared/table/delta.ts";
import { openExistingEvents, readEvents, writeEvents } from "../../shared/table/events.ts";
import { readItems } from "../../shared/table/items.ts";

const golden = fileURLToPath(new URL("../golden/table", import.meta.url));
type Listed = [user: string, item: string, timestamp: number, value: number | null, partition: number, offset: number];
const listed = JSON.parse(readFileSync(join(golden, "rows.json"), "utf8")) as Listed[];
const rows = listed.map(
  ([user, item, timestamp, value, partition, offset]): Row => ({ user, item, timestamp, value, partition, offset }),
);

let copy = "";
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), "tributary-golden-"));
  cpSync(golden, copy, { recursive: true });
});
afterAll(() => rmSync(copy, { recursive: true, force: true }));

const inOrder = (all: readonly Row[]) => [...all].sort((a, b) => a.offset - b.offset || a.partition - b.partition);

async function rowsIn({ store, files }: DeltaTable): Promise<Row[]> {
  const batches = [];
  for (const file of files) batches.push(await readEvents(store, file));
  return inOrder(batches.flatMap(eventsOf));
}

test("it opens with its rows, vocabulary, progress and watermark, every offset accounted for", async () => {
  const table = await openExistingEvents(golden);
  expect(await rowsIn(table)).toEqual(inOrder(rows));
  expect([table.version, table.watermark, table.offsets.get("interactions/1")]).toEqual([2, 1_700_000_060_000, 30]);
  expect(await readItems(golden)).toHaveLength(11);
  const { ok, partitions } = await prove(golden, join(golden, "dead-letters"));
  expect(ok).toBe(true);
  expect(partitions).toMatchObject(Array(2).fill({ rows: 30, dead: 1, filtered: 0, read: 31 }));
});

test("a copy is appended to, compacted and checkpointed, and still reads the same", async () => {
  const table = await openExistingEvents(copy);
  const more = Array.from({ length: 8 }, (_, k): Row => {
    return {
      user: `user ${k}`,
      item: "item 1",
      timestamp: 1_700_000_100_000,
      value: null,
      partition: 0,
      offset: 31 + k,
    };
  });
  for (const row of more) {
    const add = [await writeEvents(table.store, batchOf([row]))];
    await table.commit({ add, txn: [{ appId: "interactions/0", version: row.offset }] });
  }
  expect(await compact(table)).toMatchObject({ units: 1, filesBefore: 11, filesAfter: 1, rows: 68, version: 11 });
  const again = await openExistingEvents(copy); // from the checkpoint of version 10
  expect(await rowsIn(again)).toEqual(inOrder([...rows, ...more]));
  expect([again.version, again.watermark]).toEqual([11, 1_700_000_060_000]);
  expect(await prove(copy, join(copy, "dead-letters"))).toMatchObject({ ok: true, rows: 68, problems: [] });
});

test("a second topic gives it the column that tells them apart: rows of before are of the topic that it had then", async () => {
  const mixed = mkdtempSync(join(tmpdir(), "tributary-golden-"));
  try {
    cpSync(golden, mixed, { recursive: true });
    const table = await openExistingEvents(mixed);
    const other = rows.filter(({ partition }) => partition === 0).map((row): Row => ({ ...row, source: "a-other@1" }));
    for (const row of inOrder(other)) {
      const add = [await writeEvents(table.store, batchOf([row]))];
      await table.commit({ add, txn: [{ appId: "a-other@1/0", version: row.offset }] });
    }
    expect(table.files.length).toBeGreaterThan(10); // past a checkpoint of the log
    const report = async () => (await prove(mixed, join(mixed, "dead-letters"))).partitions;
    const expected = [
      { topic: "a-other", epoch: 1, partition: 0, rows: 30, missing: 1, duplicated: 0 }, // its dead letter is another's
      { topic: "interactions", epoch: 0, partition: 0, rows: 30, dead: 1, missing: 0, duplicated: 0 },
      { topic: "interactions", epoch: 0, partition: 1, rows: 30, dead: 1, missing: 0, duplicated: 0 },
    ];
    expect(await report()).toMatchObject(expected);
    expect((await compact(await openExistingEvents(mixed))).units).toBeGreaterThan(0);
    expect(await report()).toMatchObject(expected);
    expect(await rowsIn(await openExistingEvents(mixed))).toHaveLength(90);
  } finally {
    rmSync(mixed, { recursive: true, force: true });
  }
});
