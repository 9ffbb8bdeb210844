// Following a table in a folder: events in, the same events out, once and in order; the vocabulary; the folder store
// itself.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { batchOf, type Interactions, type Row } from "../../shared/events/batch.ts";
import { rowsOf } from "../../shared/events/text.ts";
import { folderStore } from "../../shared/storage/store.ts";
import {
  type DeadLetter,
  openDeadLetters,
  readDeadLetters,
  writeDeadLetters,
} from "../../shared/table/dead-letters.ts";
import { openEvents, openExistingEvents, readEvents, writeEvents } from "../../shared/table/events.ts";
import { followTable } from "../../shared/table/follow.ts";
import { appendItems, readItems } from "../../shared/table/items.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tributary-table-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** `count` events of a partition from an offset on. */
const events = (partition: number, from: number, count: number): Row[] =>
  Array.from({ length: count }, (_, k) => ({
    user: `u${(from + k) % 7}`,
    item: `ï${from + k}`,
    timestamp: 1_700_000_000_000 + k,
    value: k % 2 ? null : k / 4,
    partition,
    offset: from + k,
  }));

async function write(...files: Row[][]): Promise<number> {
  const table = await openEvents(dir);
  const add = [];
  for (const rows of files) add.push(await writeEvents(table.store, batchOf(rows)));
  return table.commit({ add, txn: [], newestArrival: 1000 + table.version });
}

function recorder() {
  const seen: [number, string][] = [];
  return {
    seen,
    append: ({ item, length }: Interactions, version: number) =>
      void seen.push(...rowsOf(item, length).map((name): [number, string] => [version, name])),
    clear: () => void seen.splice(0),
  };
}

test("a batch of events is read back as it was", async () => {
  await write(events(3, 100, 20));
  const table = await openExistingEvents(dir);
  expect(await readEvents(table.store, table.files[0]!)).toEqual(batchOf(events(3, 100, 20)));
});

test("a follower takes in each version once, in order of versions and files, and stops where it is told to", async () => {
  const histories = recorder();
  const follower = followTable(dir, histories);
  expect(await follower.catchUp()).toEqual({ version: -1, rows: 0, watermark: 0, marks: [] });
  await write(events(1, 0, 2), events(0, 10, 1));
  await write(events(0, 11, 1));
  await write(events(1, 2, 1));
  expect(await follower.catchUp(1)).toEqual({ version: 1, rows: 4, watermark: 1000, marks: [] });
  expect(await follower.catchUp(1)).toEqual({ version: 1, rows: 0, watermark: 1000, marks: [] });
  await Promise.all([follower.catchUp(), follower.catchUp()]);
  expect(histories.seen).toEqual([
    [1, "ï0"], // all that the first version read holds counts as of that version
    [1, "ï1"],
    [1, "ï10"],
    [1, "ï11"],
    [2, "ï2"],
  ]);
});

test("a version with a file that cannot be read is not taken in by half, and is taken in whole once it can", async () => {
  await write(events(0, 0, 2), events(0, 2, 2));
  const table = await openExistingEvents(dir);
  const second = table.files[1]!.path;
  const bytes = await table.store.read(second);
  truncateSync(join(dir, "events", second), bytes.length - 1);
  const histories = recorder();
  const follower = followTable(dir, histories);
  await expect(follower.catchUp()).rejects.toThrow(new RegExp(`TABLE_CORRUPT.*${second}`));
  expect(histories.seen).toEqual([]);
  await table.store.put(second, bytes);
  expect(await follower.catchUp()).toMatchObject({ version: 0, rows: 4 });
  expect(histories.seen).toHaveLength(4);
});

test("a data file that is gone, or that is no Parquet file, is named", async () => {
  await write(events(0, 0, 2));
  const { store, files } = await openExistingEvents(dir);
  const file = files[0]!;
  await store.put(file.path, new Uint8Array(file.size));
  await expect(readEvents(store, file)).rejects.toThrow(
    new RegExp(`TABLE_CORRUPT: the file's bytes are not those that were committed.*${file.path}`),
  );
  // of other writers, whose files have no hash in the log
  const bare = { ...file, sha256: undefined };
  await expect(readEvents(store, bare)).rejects.toThrow(
    new RegExp(`TABLE_CORRUPT: the Parquet file cannot be read.*${file.path}`),
  );
  rmSync(join(dir, "events", file.path));
  await expect(readEvents(store, file)).rejects.toThrow(
    new RegExp(`TABLE_CORRUPT: a data file is missing.*${file.path}`),
  );
});

test("items come back in the order of their columns, and a second parameter server is fenced", async () => {
  expect(await readItems(dir)).toEqual([]);
  await appendItems(dir, ["i9", "i1"], 0);
  await appendItems(dir, [], 2);
  await appendItems(dir, ["i5"], 2);
  expect(await readItems(dir)).toEqual(["i9", "i1", "i5"]);
  await expect(appendItems(dir, ["i7", "i8"], 2)).rejects.toThrow("WRITER_FENCED");
  await expect(appendItems(dir, ["i7", "i8"], 4)).rejects.toThrow("WRITER_FENCED");
  await expect(appendItems(dir, ["i7"], 0)).rejects.toThrow("WRITER_FENCED");
  expect(await readItems(dir)).toEqual(["i9", "i1", "i5"]);
});

test("dead letters keep the message's bytes, or that it had none", async () => {
  const letter = (offset: number, value: Uint8Array | null): DeadLetter => ({
    value,
    topic: "interactions",
    partition: 2,
    offset,
    timestamp: 1_700_000_000_000,
    reason: "NOT_JSON",
    detail: "no JSON",
  });
  const letters = [letter(1, Uint8Array.of(0xff, 0, 1)), letter(2, null), letter(3, new Uint8Array(0))];
  const table = await openDeadLetters(dir);
  await table.commit({ add: [await writeDeadLetters(table.store, letters)], txn: [] });
  expect(await readDeadLetters(table.store, table.files[0]!)).toEqual(letters);
});

test("the folder store gives a name to one of all who want it, and lists no unfinished file", async () => {
  const store = folderStore(dir);
  const created = await Promise.all(
    Array.from({ length: 8 }, (_, k) => store.putIfAbsent("log/1.json", Uint8Array.of(k))),
  );
  expect(created.filter(Boolean)).toHaveLength(1);
  expect((await store.read("log/1.json"))[0]).toBe(created.indexOf(true));
  expect(readdirSync(join(dir, "log"))).toEqual(["1.json"]);
  expect(await store.list("log")).toEqual(["1.json"]);
  expect(await store.list("nothing")).toEqual([]);
  await expect(store.read("nothing")).rejects.toThrow("FILE_MISSING");
});

test("a put that fails leaves no temporary file and what was there before", async () => {
  const store = folderStore(dir);
  mkdirSync(join(dir, "taken"));
  await expect(store.put("taken", Uint8Array.of(1))).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
  expect(readdirSync(dir)).toEqual(["taken"]);
});
