// Vacuum: nothing that a version within the retention needs, nothing that may be being written, and all of the rest.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { batchOf } from "../../shared/events/batch.ts";
import type { Disk } from "../../shared/storage/disk.ts";
import { folderStore } from "../../shared/storage/store.ts";
import { type DeltaTable, openTable } from "../../shared/table/delta.ts";
import { eventsSchema, openEvents, readEvents, writeEvents } from "../../shared/table/events.ts";
import { followTable } from "../../shared/table/follow.ts";
import { entryPath } from "../../shared/table/log.ts";
import { checkpointPath } from "../../shared/table/log-checkpoint.ts";
import { vacuum } from "../../shared/table/vacuum.ts";
import { oldestToKeep, planVacuum } from "../../shared/table/vacuum-plan.ts";
import { afterEveryCrash, memoryDisk } from "./memory-disk.ts";

const HOUR = 3_600e3;
const open = (disk: Disk, upTo?: number) => openTable(folderStore("/table", disk), eventsSchema, upTo);
const all = { retentionMs: 0, clock: Date.now(), dryRun: false };

async function append(table: DeltaTable, offset: number): Promise<void> {
  const row = { user: "u", item: `i${offset}`, timestamp: 0, value: null, partition: 0, offset };
  await table.commit({
    add: [await writeEvents(table.store, batchOf([row]))],
    txn: [{ appId: "t/0", version: offset }],
  });
}

/** The oldest live file again, under another name. */
async function rewrite(table: DeltaTable): Promise<void> {
  const [file] = table.files;
  await table.commit({
    remove: [file!],
    add: [await writeEvents(table.store, await readEvents(table.store, file!))],
    operation: "OPTIMIZE",
  });
}

async function offsets(table: DeltaTable): Promise<number[]> {
  const rows = await Promise.all(table.files.map(async (file) => [...(await readEvents(table.store, file)).offset]));
  return rows.flat().sort((a, b) => a - b);
}

test("a file is deleted when it was removed a retention ago, an orphan when it is as old, a live file never", async () => {
  let now = 1_000 * HOUR;
  const disk = memoryDisk(undefined, undefined, () => now);
  const table = await open(disk);
  const at = async (hours: number, change: () => Promise<void>) => {
    now = hours * HOUR;
    await change();
  };
  await at(1000, () => append(table, 0));
  const names = async () => (await table.store.list(".")).filter((name) => name.endsWith(".parquet"));
  await at(1001, async () => void (await writeEvents(table.store, batchOf([]))));
  const orphan = (await names()).find((name) => name !== table.files[0]!.path)!;
  await table.store.put("notes.txt", Uint8Array.of(1));
  await at(1200, () => append(table, 1));
  const plan = (clock: number, retention: number, removed = new Map<string, number>()) =>
    table.store.leftovers(".").then((data) => {
      const live = new Set(table.files.map(({ path }) => path).filter((path) => !removed.has(path)));
      return planVacuum(
        { data, log: [], live, removed, base: -1 },
        { now: clock * HOUR, clock: clock * HOUR },
        retention * HOUR,
      );
    });
  expect((await plan(1168, 168)).orphans).toEqual([]);
  expect((await plan(1170, 168)).orphans).toEqual([orphan]);
  expect((await plan(9999, 0)).orphans).toEqual([orphan]);
  const removed = new Map([[table.files[0]!.path, 1100 * HOUR]]);
  expect((await plan(1267, 168, removed)).removed).toEqual([]);
  expect((await plan(1268, 168, removed)).removed).toEqual([table.files[0]!.path]);
});

test("a file that no commit names is left for 15 minutes, whatever the retention, unless it is 0", () => {
  const found = { path: "part-x.zstd.parquet", modifiedAt: 1_000_000 };
  const temporary = { path: "_delta_log/.00000000000000000004.json.0b1c.tmp", modifiedAt: 1_000_000 };
  const folder = { data: [found], log: [temporary], live: new Set<string>(), removed: new Map(), base: -1 };
  const orphans = (after: number, retention: number) =>
    planVacuum(folder, { now: 1_000_000 + after, clock: 1_000_000 + after }, retention).orphans;
  expect(orphans(14 * 60e3, 1000)).toEqual([]);
  expect(orphans(15 * 60e3, 1000)).toEqual([found.path, temporary.path]);
  expect(orphans(1, 0)).toEqual([found.path, temporary.path]);
});

test("a clock that jumped forward deletes nothing, and it is told how much waits", async () => {
  const disk = memoryDisk();
  const table = await open(disk);
  await append(table, 0);
  await rewrite(table);
  const before = [...disk.files.keys()];
  const { table: plan } = await vacuum(
    { table },
    { retentionMs: 168 * HOUR, clock: Date.now() + 5000 * HOUR, dryRun: false },
  );
  expect(plan).toEqual({ removed: [], orphans: [], entries: [], waiting: 1 });
  expect([...disk.files.keys()]).toEqual(before);
});

test("any log opens at every version that was the newest within the retention, and at none that is older than what is kept", async () => {
  const disk = memoryDisk();
  const table = await open(disk);
  for (let k = 0; k < 34; k++) await (k % 5 === 4 ? rewrite(table) : append(table, k));
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 40 }), async (age) => {
      // version v was committed in hour v
      const files = new Map(disk.files);
      for (let v = 0; v <= table.version; v++) {
        const path = `/table/${entryPath(v)}`;
        files.set(path, { bytes: files.get(path)!.bytes, at: v * HOUR });
      }
      const copy = await open(memoryDisk(files));
      const log = await copy.store.leftovers("_delta_log");
      const now = table.version * HOUR;
      const base = Math.floor(oldestToKeep(log, now - age * HOUR - 1) / 10) * 10;
      const folder = {
        data: [],
        log,
        live: new Set<string>(),
        removed: new Map<string, number>(),
        base: base > 0 ? base : -1,
      };
      const { entries } = planVacuum(folder, { now, clock: now }, age * HOUR + 1);
      for (const path of entries) await copy.store.remove(path);
      for (let v = Math.max(0, table.version - age - 1); v <= table.version; v++)
        expect((await open(memoryDisk(files), v)).version).toBe(v);
      const kept = entries.length === 0 ? 0 : Math.floor(Math.max(0, table.version - age - 1) / 10) * 10;
      for (let v = 0; v < kept; v++) await expect(open(memoryDisk(files), v)).rejects.toThrow("VERSION_GONE");
    }),
    { numRuns: 25, seed: 6 },
  );
});

test("with a retention of 0 what the newest version needs is left, and it opens and goes on", async () => {
  const disk = memoryDisk();
  const table = await open(disk);
  for (let k = 0; k < 23; k++) await append(table, k);
  await rewrite(table);
  await writeEvents(table.store, batchOf([]));
  await table.store.put("_delta_log/.x.json.1.tmp", Uint8Array.of(1));
  const { table: deleted } = await vacuum({ table }, all);
  expect(deleted).toMatchObject({
    removed: [expect.any(String)],
    orphans: [expect.any(String), "_delta_log/.x.json.1.tmp"],
  });
  expect(deleted!.entries).toEqual([
    ...Array.from({ length: 11 }, (_, v) => (v === 10 ? [entryPath(10), checkpointPath(10)] : [entryPath(v)])).flat(),
    ...Array.from({ length: 9 }, (_, k) => entryPath(11 + k)),
  ]);
  const after = await open(disk);
  expect([after.version, await offsets(after)]).toEqual([23, Array.from({ length: 23 }, (_, k) => k)]);
  await append(after, 23);
  await expect(open(disk, 19)).rejects.toThrow("VERSION_GONE");
  expect((await open(disk, 20)).version).toBe(20);
  expect((await vacuum({ table: after }, all)).table).toEqual({ removed: [], orphans: [], entries: [], waiting: 0 });
});

test("a dry run says the same and deletes nothing", async () => {
  const disk = memoryDisk();
  const table = await open(disk);
  for (let k = 0; k < 12; k++) await append(table, k);
  await rewrite(table);
  const before = [...disk.files.keys()];
  const told = await vacuum({ table }, { ...all, dryRun: true });
  expect([...disk.files.keys()]).toEqual(before);
  expect(await vacuum({ table }, all)).toEqual(told);
});

test("entries stay where the checkpoint that would stand for them cannot be read, or where readers are not yet pointed to it", async () => {
  const disk = memoryDisk();
  const table = await open(disk);
  for (let k = 0; k < 22; k++) await append(table, k);
  await table.store.put(checkpointPath(20), Uint8Array.of(1));
  expect((await vacuum({ table }, { ...all, dryRun: true })).table!.entries.at(-1)).toBe(entryPath(9));
  await table.store.put("_delta_log/_last_checkpoint", Buffer.from('{"version":9}'));
  expect((await vacuum({ table }, { ...all, dryRun: true })).table!.entries).toEqual([]);
});

test("a vacuum that is cut off at any operation leaves a table that reads the same, and the next one completes it", async () => {
  const disk = memoryDisk();
  const table = await open(disk);
  for (let k = 0; k < 12; k++) await append(table, k);
  await rewrite(table);
  await writeEvents(table.store, batchOf([]));
  const before = await offsets(table);
  const left = new Set<string>();
  const crashes = await afterEveryCrash(
    disk.files,
    async (failing) => vacuum({ table: await open(failing) }, all),
    async (files) => {
      const after = await open(memoryDisk(files));
      expect(await offsets(after)).toEqual(before);
      await vacuum({ table: after }, all);
      expect(await offsets(await open(memoryDisk(files)))).toEqual(before);
      left.add([...files.keys()].sort().join());
    },
  );
  expect(crashes).toBeGreaterThan(20);
  expect(left.size).toBe(1);
});

test("following a version whose files were vacuumed says VERSION_GONE, and the newest is read", async () => {
  const dir = mkdtempSync(join(tmpdir(), "tributary-vacuum-"));
  try {
    const table = await openEvents(dir);
    for (let k = 0; k < 3; k++) await append(table, k);
    await rewrite(table);
    await vacuum({ table }, all);
    const target = { append: () => undefined, clear: () => undefined };
    await expect(followTable(dir, target).catchUp(2)).rejects.toThrow("VERSION_GONE: version 2 is no longer kept");
    expect(await followTable(dir, target).catchUp()).toMatchObject({ version: 3, rows: 3 });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
