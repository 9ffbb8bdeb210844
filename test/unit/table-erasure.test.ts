// Erasure: a user's rows and letters leave in one commit, the offsets stay accounted for, whoever follows the table no
// longer knows them, and no crash leaves a half.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { prove } from "../../services/commands/table/proof.ts";
import { corpusOfTable } from "../../shared/corpus/corpus.ts";
import { openEvents as openServerEvents } from "../../shared/corpus/events.ts";
import { batchOf, eventsOf, type Row } from "../../shared/events/batch.ts";
import { bucketOf } from "../../shared/events/hash.ts";
import { isTarget, partOf } from "../../shared/events/split.ts";
import { heldOut } from "../../shared/judging/held-out.ts";
import { followUsers } from "../../shared/recommending/users.ts";
import { type Disk, realDisk } from "../../shared/storage/disk.ts";
import { excludes } from "../../shared/storage/statistics.ts";
import { folderStore } from "../../shared/storage/store.ts";
import { compact } from "../../shared/table/compaction.ts";
import {
  type DeadLetter,
  deadLettersSchema,
  openDeadLetters,
  readDeadLetters,
  writeDeadLetters,
} from "../../shared/table/dead-letters.ts";
import { openTable } from "../../shared/table/delta.ts";
import { eraseRows } from "../../shared/table/erasure.ts";
import { eventsSchema, openEvents, readEvents, writeEvents } from "../../shared/table/events.ts";
import { filteredSchema, openFiltered, readFiltered } from "../../shared/table/filtered.ts";
import { eraseLetters } from "../../shared/table/letter-erasure.ts";
import { LOG } from "../../shared/table/log.ts";
import type { Tables } from "../../shared/table/tables.ts";
import { afterEveryCrash, memoryDisk } from "./memory-disk.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tributary-erasure-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const open = async (root: string, disk: Disk = realDisk): Promise<Tables> => ({
  events: await openTable(folderStore(join(root, "events"), disk), eventsSchema),
  deadLetters: await openTable(folderStore(join(root, "dead"), disk), deadLettersSchema),
  filtered: await openTable(folderStore(join(root, "filtered"), disk), filteredSchema),
});

const secret = "Zoë from Zürich";
/** Offset 5k is a dead letter; the others are rows of ten users, the secret one among them. */
const userAt = (offset: number) => (offset % 10 === 3 ? secret : `user ${offset % 10}`);
const letter = (offset: number, value: string): DeadLetter => ({
  value: new TextEncoder().encode(value),
  topic: "t",
  partition: 0,
  offset,
  timestamp: 1_700_000_000_000,
  reason: "NOT_JSON",
  detail: "",
});

/** Three files of events of 20 offsets each, one of dead letters. */
async function fill({ events, deadLetters }: Tables): Promise<void> {
  const values = [JSON.stringify({ user: secret, item: [] }), "{", "", "null", '{"user": 17}'];
  const letters = [5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 0].map((offset, k) =>
    letter(offset, values[k % values.length]!),
  );
  await deadLetters.commit({
    add: [await writeDeadLetters(deadLetters.store, letters)],
    txn: [{ appId: "t/0", version: 59 }],
  });
  for (let file = 0; file < 3; file++) {
    const offsets = Array.from({ length: 20 }, (_, k) => 20 * file + k).filter((offset) => offset % 5 !== 0);
    const rows = offsets.map((offset): Row => {
      return { user: userAt(offset), item: `i${offset % 7}`, timestamp: offset, value: null, partition: 0, offset };
    });
    await events.commit({
      add: [await writeEvents(events.store, batchOf(rows))],
      txn: [{ appId: "t/0", version: 20 * file + 19 }],
    });
  }
}

async function rowsIn({ events }: Tables): Promise<Row[]> {
  const rows: Row[] = [];
  for (const file of events.files) rows.push(...eventsOf(await readEvents(events.store, file)));
  return rows.sort((a, b) => a.offset - b.offset);
}

async function lettersIn({ deadLetters }: Tables): Promise<number[]> {
  const letters: DeadLetter[] = [];
  for (const file of deadLetters.files) letters.push(...(await readDeadLetters(deadLetters.store, file)));
  return letters.map(({ offset }) => offset).sort((a, b) => a - b);
}

async function rangesIn({ filtered }: Tables): Promise<[number, number][]> {
  const ranges: [number, number][] = [];
  for (const file of filtered.files)
    for (const { first, last, reason } of await readFiltered(filtered.store, file))
      if (reason === "ERASED") ranges.push([first, last]);
  return ranges.sort(([a], [b]) => a - b);
}

const erase = async (tables: Tables, user: string) => [await eraseRows(tables, user), await eraseLetters(tables, user)];
const erasedRows = [3, 13, 23, 33, 43, 53];
const erasedLetters = [5, 30, 55];

test("an erased user has no row and no letter, every other row stays, and verify accounts for every offset", async () => {
  await fill(await open(dir));
  const before = await rowsIn(await open(dir));
  expect(await erase(await open(dir), secret)).toEqual([
    { erased: 6, files: 3 },
    { erased: 3, files: 1 },
  ]);
  const after = await open(dir);
  expect(await rowsIn(after)).toEqual(before.filter(({ user }) => user !== secret));
  expect(await lettersIn(after)).toEqual([0, 10, 15, 20, 25, 35, 40, 45, 50]);
  expect(await rangesIn(after)).toEqual(
    [...erasedRows, ...erasedLetters].sort((a, b) => a - b).map((offset) => [offset, offset]),
  );
  const report = await prove(dir, join(dir, "dead"));
  expect(report.problems).toEqual([]);
  expect(report.partitions).toMatchObject([{ rows: 42, dead: 9, filtered: 9, read: 60, missing: 0 }]);

  expect(await erase(await open(dir), secret)).toEqual(Array(2).fill({ erased: 0, files: 0 }));
  expect([(await openEvents(dir)).version, (await openFiltered(dir)).version]).toEqual([
    after.events.version,
    after.filtered.version,
  ]);
});

test("a letter whose user is a number is its user's, as in an event", async () => {
  await fill(await open(dir));
  expect((await erase(await open(dir), "17"))[1]).toEqual({ erased: 2, files: 1 });
});

test("neither the new entries of the logs nor the record of the erasure name the user", async () => {
  await fill(await open(dir));
  const { events } = await open(dir);
  const known = new Set(await events.store.list(LOG));
  await erase(await open(dir), secret);
  const { store } = events;
  for (const name of (await store.list(LOG)).filter((each) => !known.has(each)))
    expect(Buffer.from(await store.read(`${LOG}/${name}`)).includes(secret), name).toBe(false);
  const filtered = await openFiltered(dir);
  for (const { path } of filtered.files)
    expect(Buffer.from(await filtered.store.read(path)).includes(secret)).toBe(false);
  for (const { path } of (await openEvents(dir)).files)
    expect(Buffer.from(await store.read(path)).includes(secret)).toBe(false);
});

test("a file that held nothing else is removed, and files that statistics rule out are not read", async () => {
  const { events } = await open(dir);
  const row = (user: string, offset: number): Row => ({
    user,
    item: "i",
    timestamp: 0,
    value: null,
    partition: 0,
    offset,
  });
  const add = [
    await writeEvents(events.store, batchOf([row(secret, 0)])),
    await writeEvents(events.store, batchOf([row("other", 1)])),
  ];
  await events.commit({ add, txn: [{ appId: "t/0", version: 1 }] });
  rmSync(join(dir, "events", add[1]!.path)); // would be TABLE_CORRUPT to read
  expect(await eraseRows(await open(dir), secret)).toEqual({ erased: 1, files: 1 });
  expect((await openEvents(dir)).files.map(({ path }) => path)).toEqual([add[1]!.path]);
});

test("statistics never rule out a user who is there", async () => {
  const { store } = await openEvents(dir);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ minLength: 1, maxLength: 60, unit: "binary" }), { minLength: 1, maxLength: 8 }),
      async (users) => {
        const rows = users.map((user, offset) => ({
          user,
          item: "i",
          timestamp: 0,
          value: null,
          partition: 0,
          offset,
        }));
        const { stats } = await writeEvents(store, batchOf(rows));
        for (const user of users)
          expect([excludes(stats, "user", user), excludes(stats, "bucket", bucketOf(user))]).toEqual([false, false]);
      },
    ),
    { numRuns: 40, seed: 5 },
  );
  expect(excludes('{"numRecords":1}', "user", "a")).toBe(false);
});

test("an erasure starts over where a compaction was faster, and records each offset once", async () => {
  await fill(await open(dir));
  const tables = await open(dir);
  const other = await openEvents(dir);
  let meddled = false;
  const { commit } = tables.events;
  const meddling = {
    ...tables,
    events: Object.assign(Object.create(tables.events), {
      commit: async (draft: Parameters<typeof commit>[0]) => {
        if (!meddled)
          await other.commit({ remove: other.files.slice(0, 1), add: [await copyOf(other)], operation: "OPTIMIZE" });
        meddled = true;
        return commit(draft);
      },
    }) as Tables["events"],
  };
  expect(await eraseRows(meddling, secret)).toEqual({ erased: 6, files: 3 });
  expect(await rangesIn(await open(dir))).toEqual(erasedRows.map((offset) => [offset, offset]));
  expect((await prove(dir, join(dir, "dead"))).problems).toEqual([]);
});

async function copyOf({ store, files }: Tables["events"]) {
  return writeEvents(store, await readEvents(store, files[0]!));
}

test("an erasure that is cut off at any operation leaves all rows or none, and the next one completes it", async () => {
  const disk = memoryDisk();
  await fill(await open("/t", disk));
  const before = (await rowsIn(await open("/t", disk))).length;
  const crashes = await afterEveryCrash(
    disk.files,
    async (failing) => erase(await open("/t", failing), secret),
    async (files) => {
      const left = await open("/t", memoryDisk(files));
      expect([before, before - 6]).toContain((await rowsIn(left)).length);
      expect([12, 9]).toContain((await lettersIn(left)).length);
      await erase(left, secret);
      expect((await rowsIn(left)).length).toBe(before - 6);
      expect(await lettersIn(left)).toHaveLength(9);
      expect(await rangesIn(left)).toHaveLength(9); // none twice
    },
  );
  expect(crashes).toBeGreaterThan(50);
});

test("verify says that an erasure was cut off between its record and its commit", async () => {
  await fill(await open(dir));
  const tables = await open(dir);
  const refusing = Object.assign(Object.create(tables.events), { commit: () => Promise.reject(new Error("killed")) });
  await expect(eraseRows({ ...tables, events: refusing }, secret)).rejects.toThrow("killed");
  const { problems, partitions } = await prove(dir, join(dir, "dead"));
  expect(problems).toEqual([
    "partition 0: an erasure was not completed, 6 of its offsets still stand there: run `tributary forget` again",
  ]);
  expect(partitions).toMatchObject([{ rows: 48, dead: 12, filtered: 0, read: 60, duplicated: 0 }]);
  await erase(await open(dir), secret);
  expect((await prove(dir, join(dir, "dead"))).problems).toEqual([]);
});

test("after an erasure the server, the evaluator and serve no longer have the user, and the others keep their numbers", async () => {
  const salts = Array.from({ length: 50 }, (_, k) => `salt ${k}`);
  const salt = salts.find(
    (each) => partOf(secret, each) === "train" && isTarget(secret, "i3", each) && !isTarget(secret, "i6", each),
  )!;
  await fill(await open(dir));
  const server = openServerEvents(dir, salt, [], { minUsers: 1 });
  const served = followUsers(dir);
  await Promise.all([server.catchUp(), served.refresh()]);
  const { histories } = server;
  const [number, names, trained] = [histories.indexOf(secret)!, [...histories.users], server.trainUsers()];
  const held = heldOut(histories, "train", salt, histories.vocabulary, 100).length;
  expect(trained).toContain(number);
  expect((await served.historyOf(secret)).length).toBeGreaterThan(0);

  await erase(await open(dir), secret);
  await Promise.all([server.catchUp(), served.refresh()]);
  expect(histories.users).toEqual(names);
  expect([histories.lengthOf(number), histories.rowOf(number).length]).toEqual([0, 0]);
  expect(server.trainUsers()).toEqual(trained.filter((user) => user !== number));
  expect(heldOut(histories, "train", salt, histories.vocabulary, 100)).toHaveLength(held - 1);
  await expect(served.historyOf(secret)).rejects.toThrow("USER_UNKNOWN");
  expect((await served.historyOf("user 1")).length).toBeGreaterThan(0);
  const corpus = await corpusOfTable(dir, salt);
  expect(corpus.users).toHaveLength(trained.length - 1);

  const { events } = await open(dir); // the user may come back
  const add = [
    await writeEvents(
      events.store,
      batchOf([{ user: secret, item: "i1", timestamp: 0, value: null, partition: 0, offset: 60 }]),
    ),
  ];
  await events.commit({ add, txn: [{ appId: "t/0", version: 60 }] });
  await server.catchUp();
  expect(server.trainUsers()).toEqual(trained);
  expect(histories.lengthOf(number)).toBe(1);
});

test("an erasure works on compacted files too", async () => {
  await fill(await open(dir));
  const { events } = await open(dir);
  for (let k = 0; k < 9; k++) {
    const row = { user: `more ${k}`, item: "i", timestamp: 0, value: null, partition: 0, offset: 60 + k };
    await events.commit({
      add: [await writeEvents(events.store, batchOf([row]))],
      txn: [{ appId: "t/0", version: 60 + k }],
    });
  }
  expect(await compact(events)).toMatchObject({ units: 1, filesBefore: 12 });
  expect(await eraseRows(await open(dir), secret)).toEqual({ erased: 6, files: 1 });
  expect((await prove(dir, join(dir, "dead"))).problems).toEqual([]);
  expect((await openDeadLetters(join(dir, "dead"))).rows).toBe(12);
});
