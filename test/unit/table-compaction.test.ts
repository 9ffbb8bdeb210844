// Compaction: which files, in what order and pieces, at what cost; and that no crash, reader or second compaction sees
// anything but before or after.
import fc from "fast-check";
import { expect, test } from "vitest";
import { gather, orderOf, rowsAt } from "../../shared/events/arrange.ts";
import { batchOf, type EventBatch, eventsOf, type Row } from "../../shared/events/batch.ts";
import { bucketOf } from "../../shared/events/hash.ts";
import { stringsOf } from "../../shared/events/text.ts";
import type { Disk } from "../../shared/storage/disk.ts";
import { folderStore } from "../../shared/storage/store.ts";
import { compact } from "../../shared/table/compaction.ts";
import { cutsOf, isCompactionDue, planCompaction, UNIT_ROWS } from "../../shared/table/compaction-plan.ts";
import { type DeltaTable, openTable } from "../../shared/table/delta.ts";
import { eventsSchema, readEvents, writeEvents } from "../../shared/table/events.ts";
import type { DataFile } from "../../shared/table/log.ts";
import { afterEveryCrash, memoryDisk } from "./memory-disk.ts";

const MB = 1e6;
const target = 32 * MB;
const sized = (path: string, size: number, rows: number) => ({ path, size, rows });
type Sized = ReturnType<typeof sized>;

const anyFiles = fc
  .array(fc.record({ size: fc.integer({ min: 100, max: 40 * MB }), rows: fc.integer({ min: 1, max: UNIT_ROWS }) }), {
    maxLength: 60,
  })
  .map((files) => files.map(({ size, rows }, k) => sized(`f${k}`, size, rows)));

test("a plan takes each file at most once, oldest first, in units that are bounded in rows and bytes", () => {
  fc.assert(
    fc.property(anyFiles, (files) => {
      const units = planCompaction(files, target);
      const numbers = units.flat().map((file) => files.indexOf(file));
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
      for (const unit of units) {
        expect(unit.length).toBeGreaterThan(1);
        expect(unit.reduce((sum, { rows }) => sum + rows, 0)).toBeLessThanOrEqual(UNIT_ROWS);
        expect(unit.reduce((sum, { size }) => sum + size, 0)).toBeLessThanOrEqual(4 * target);
      }
    }),
    { numRuns: 300, seed: 1 },
  );
});

test("whatever sizes ingest writes, few small files are left and a row is rewritten once for every doubling of its file", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 20, maxLength: 400 }), (sizes) => {
      let files: (Sized & { rewritten: number })[] = [];
      for (const [k, tenths] of sizes.entries()) {
        files.push({ ...sized(`f${k}`, tenths * 1e4, tenths * 1e3), rewritten: 0 });
        for (const unit of planCompaction(files, target)) {
          const sum = (of: "size" | "rows") => unit.reduce((total, file) => total + file[of], 0);
          const rewritten = 1 + Math.max(...unit.map((file) => file.rewritten));
          files = [
            ...files.filter((file) => !unit.includes(file)),
            { ...sized(`m${k}`, sum("size"), sum("rows")), rewritten },
          ];
        }
        expect(isCompactionDue(files, target)).toBe(false);
      }
      expect(Math.max(...files.map(({ rewritten }) => rewritten))).toBeLessThanOrEqual(Math.log2(target / 1e4) + 1);
      expect(files.filter(({ size, rows }) => size < target / 2 && rows < UNIT_ROWS / 2).length).toBeLessThan(
        8 + Math.log2(target / 1e4),
      );
    }),
    { numRuns: 30, seed: 2 },
  );
});

const anyRow = fc.record({
  user: fc.oneof(
    fc.constantFrom("a", "b", "ü", "😀", "Z"),
    fc.string({ minLength: 1, maxLength: 4, unit: "grapheme" }),
  ),
  item: fc.constantFrom("i1", "i2", "ï3"),
  timestamp: fc.integer({ min: 0, max: 2e12 }),
  value: fc.option(fc.integer({ min: 0, max: 9 })),
  partition: fc.integer({ min: 0, max: 2 }),
  offset: fc.integer({ min: 0, max: 5e9 }),
});
const anyBatches = fc.array(fc.array(anyRow, { maxLength: 30 }).map(batchOf), { minLength: 1, maxLength: 6 });

function gathered(batches: readonly EventBatch[]): EventBatch {
  const all = gather(batches.reduce((sum, { length }) => sum + length, 0));
  for (const batch of batches) all.add(batch);
  return all.batch();
}

const inOrder = (a: Row, b: Row) =>
  bucketOf(a.user) - bucketOf(b.user) ||
  Buffer.compare(Buffer.from(a.user), Buffer.from(b.user)) ||
  a.partition - b.partition ||
  a.offset - b.offset;
const place = ({ user, partition, offset }: Row) => [bucketOf(user), user, partition, offset];

test("rows put together and in order are the same rows, by bucket, bytes of the user, partition and offset", () => {
  fc.assert(
    fc.property(anyBatches, (batches) => {
      const batch = gathered(batches);
      const rows = eventsOf(rowsAt(batch, orderOf(batch)));
      const before = batches.flatMap(eventsOf);
      expect(rows.map(place)).toEqual([...before].sort(inOrder).map(place));
      const texts = (all: Row[]) => all.map((row) => JSON.stringify(row)).sort();
      expect(texts(rows)).toEqual(texts(before));
    }),
    { numRuns: 200, seed: 3 },
  );
});

test("pieces hold every row once and no word without a row; only a user who is longer than a piece is in two", () => {
  fc.assert(
    fc.property(anyBatches, fc.integer({ min: 1, max: 5 }), (batches, wanted) => {
      const batch = gathered(batches);
      const rows = orderOf(batch);
      fc.pre(rows.length > 0);
      const ends = cutsOf(batch, rows, wanted);
      expect(ends.at(-1)).toBe(rows.length);
      const pieces = ends.map((end, k) => rowsAt(batch, rows.subarray(ends[k - 1] ?? 0, end)));
      expect(pieces.reduce((sum, { length }) => sum + length, 0)).toBe(rows.length);
      const share = rows.length / wanted;
      const usersOf = pieces.map((piece) => new Set(eventsOf(piece).map(({ user }) => user)));
      pieces.forEach((piece, k) => {
        expect(piece.length).toBeGreaterThan(0);
        expect(new Set(stringsOf(piece.user.words))).toEqual(usersOf[k]);
        if (k === 0) return;
        for (const user of usersOf[k]!) {
          const own = eventsOf(batch).filter((row) => row.user === user).length;
          if (usersOf[k - 1]!.has(user)) expect(own).toBeGreaterThanOrEqual(Math.floor(share) - 1);
        }
      });
    }),
    { numRuns: 200, seed: 4 },
  );
});

const open = (disk: Disk) => openTable(folderStore("/table", disk), eventsSchema);

/** `count` small files of `per` rows. */
async function fill(table: DeltaTable, count: number, per: number): Promise<void> {
  for (let k = 0; k < count; k++) {
    const from = table.rows;
    const rows = Array.from({ length: per }, (_, j) => ({
      user: `user ${(7 * (from + j)) % 23}`,
      item: `item ${j % 5}`,
      timestamp: 1_700_000_000_000 + from + j,
      value: null,
      partition: 0,
      offset: from + j,
    }));
    const add = [await writeEvents(table.store, batchOf(rows))];
    await table.commit({ add, txn: [{ appId: "t/0", version: from + per - 1 }] });
  }
}

async function rowsIn(table: DeltaTable, files: readonly DataFile[] = table.files): Promise<Row[]> {
  const rows: Row[] = [];
  for (const file of files) rows.push(...eventsOf(await readEvents(table.store, file)));
  return rows.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}

test("compacted files hold disjoint ranges of buckets, and a second compaction finds nothing to do", async () => {
  const table = await open(memoryDisk());
  await fill(table, 12, 300);
  const before = await rowsIn(table);
  const done = await compact(table, { targetBytes: 12_000 });
  expect(done).toMatchObject({ units: 1, filesBefore: 12, rows: 3600, version: 12, filesAfter: table.files.length });
  expect(done.filesAfter).toBeGreaterThan(2);
  const ranges = table.files
    .map(({ stats }) => JSON.parse(stats))
    .map(({ minValues, maxValues }) => [minValues.bucket, maxValues.bucket]);
  for (let k = 1; k < ranges.length; k++) expect(ranges[k]![0]).toBeGreaterThan(ranges[k - 1]![1]);
  expect(await rowsIn(table)).toEqual(before);
  expect(await compact(table, { targetBytes: 12_000 })).toMatchObject({ units: 0, version: 12 });
});

test("rows that come during a compaction stay; a unit that another compaction was faster to merge is left to it", async () => {
  const disk = memoryDisk();
  const [ours, theirs, writer] = [await open(disk), await open(disk), await open(disk)];
  await fill(writer, 9, 50);
  await Promise.all([ours, theirs].map((table) => table.refresh()));
  const lost: boolean[] = [];
  const onUnit = (unit: { lost: boolean }) => void lost.push(unit.lost);
  const ended = await Promise.all([compact(ours, { onUnit }), compact(theirs, { onUnit }), fill(writer, 3, 50)]);
  expect(lost.sort()).toEqual([false, true]);
  expect([ended[0].units, ended[1].units].sort()).toEqual([0, 1]);
  const table = await open(disk);
  expect(table.files).toHaveLength(4);
  expect((await rowsIn(table)).map(({ offset }) => offset)).toEqual(Array.from({ length: 600 }, (_, k) => k));
});

test("a compaction that is cut off at any operation leaves the same rows, and the next one completes it", async () => {
  const disk = memoryDisk();
  const table = await open(disk);
  await fill(table, 9, 40);
  const before = await rowsIn(table);
  const crashes = await afterEveryCrash(
    disk.files,
    async (failing) => compact(await open(failing), { targetBytes: 8_000 }),
    async (files) => {
      const left = await open(memoryDisk(files));
      expect([9, 10]).toContain(left.version + 1);
      expect(await rowsIn(left)).toEqual(before);
      await compact(left, { targetBytes: 8_000 });
      expect(left.version).toBe(9);
      expect(await rowsIn(left)).toEqual(before);
    },
  );
  expect(crashes).toBeGreaterThan(30);
});
