// The Delta log: commits of many writers, fencing, versions, and what a damaged or foreign log says.
import fc from "fast-check";
import { expect, test } from "vitest";
import type { TableSchema } from "../../shared/storage/schema.ts";
import { type DeltaTable, openExisting, openTable } from "../../shared/table/delta.ts";
import { type DataFile, entryPath } from "../../shared/table/log.ts";
import { type MemoryStore, memoryStore } from "./memory-store.ts";

const schema = [{ name: "kafka_offset", type: "long" }] as const satisfies TableSchema;

const file = (path: string, rows = 1): DataFile => ({
  path,
  size: 10,
  rows,
  modificationTime: 1,
  stats: JSON.stringify({ numRecords: rows }),
});
const entry = (store: MemoryStore, version: number) => Buffer.from(store.files.get(entryPath(version))!).toString();
const write = (store: MemoryStore, version: number, text: string) =>
  store.files.set(entryPath(version), Buffer.from(text));

const brought = (commits: Awaited<ReturnType<DeltaTable["refresh"]>>) =>
  commits === "jumped" ? commits : commits.map(({ version, fresh }) => [version, fresh.map(({ path }) => path)]);

/** Three commits of one writer. */
async function threeCommits(): Promise<{ store: MemoryStore; table: DeltaTable }> {
  const store = memoryStore();
  const table = await openTable(store, schema);
  for (let k = 0; k < 3; k++) {
    await table.commit({
      add: [file(`part-${k}`, k + 1)],
      txn: [{ appId: "topic/0", version: 10 * k }],
      newestArrival: 100 + k,
    });
  }
  return { store, table };
}

test("a table is created by its first commit, with protocol, columns, txn and file in one entry", async () => {
  const { store } = await threeCommits();
  const kinds = entry(store, 0)
    .trimEnd()
    .split("\n")
    .map((line) => Object.keys(JSON.parse(line))[0]);
  expect(kinds).toEqual(["commitInfo", "protocol", "metaData", "txn", "txn", "add"]);
  expect(entry(store, 1)).not.toContain("metaData");
});

test("a table read back knows its files, rows, offsets and watermark, and each of its versions", async () => {
  const { store } = await threeCommits();
  const table = await openExisting(store, schema);
  expect([table.version, table.rows, table.watermark, table.offsets.get("topic/0")]).toEqual([2, 6, 102, 20]);
  expect(table.files.map(({ path }) => path)).toEqual(["part-0", "part-1", "part-2"]);
  const before = await openTable(store, schema, 1);
  expect([before.version, before.rows, before.watermark, before.offsets.get("topic/0")]).toEqual([1, 3, 101, 10]);
  expect(brought(await before.refresh())).toEqual([[2, ["part-2"]]]);
  expect([before.version, before.rows]).toEqual([2, 6]);
});

test("opening what must exist and does not says TABLE_MISSING", async () => {
  await expect(openExisting(memoryStore(), schema)).rejects.toThrow("TABLE_MISSING");
});

test("any interleaving of writers commits every offset of every partition once", async () => {
  const partitions = 2;
  const end = 6;
  let fenced = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 2, maxLength: 4 }),
      async (scheduler, strides) => {
        const files = new Map<string, Uint8Array>();
        const store = () => memoryStore(() => scheduler.schedule(Promise.resolve()), files);
        /** What ingest does: read where the table is, append from there, start over when somebody was faster. */
        const writer = async (stride: number) => {
          const table = await openTable(store(), schema);
          for (;;) {
            await table.refresh();
            const at = Array.from({ length: partitions }, (_, p) => table.offsets.get(`topic/${p}`) ?? -1);
            const p = at.indexOf(Math.min(...at));
            if (at[p] === end) return;
            const to = Math.min(at[p]! + stride, end);
            const draft = {
              add: [file(`${p}/${at[p]! + 1}-${to}`)],
              txn: [{ appId: `topic/${p}`, version: to, after: at[p]! }],
            };
            // a look in between, as /status takes, must not make us believe that what came meanwhile is ours
            await table.refresh();
            await table.commit(draft).catch((error: Error) => {
              if (!error.message.startsWith("WRITER_FENCED")) throw error;
              fenced++;
            });
          }
        };
        await scheduler.waitFor(Promise.all(strides.map(writer)));
        const table = await openExisting(memoryStore(undefined, files), schema);
        for (let p = 0; p < partitions; p++) {
          const offsets = table.files
            .filter(({ path }) => path.startsWith(`${p}/`))
            .flatMap(({ path }) => {
              const [from, to] = path.slice(2).split("-").map(Number);
              return Array.from({ length: to! - from! + 1 }, (_, k) => from! + k);
            });
          expect(offsets).toEqual(Array.from({ length: end + 1 }, (_, k) => k));
        }
        expect(table.files).toHaveLength(table.version + 1);
      },
    ),
    { numRuns: 60, seed: 3 },
  );
  expect(fenced).toBeGreaterThan(0); // or the writers never met
});

test("two writers of different partitions that meet at a version both get through", async () => {
  const store = memoryStore();
  const [a, b] = [await openTable(store, schema), await openTable(store, schema)];
  expect(await a.commit({ add: [file("a")], txn: [{ appId: "topic/0", version: 5 }] })).toBe(0);
  expect(await b.commit({ add: [file("b")], txn: [{ appId: "topic/1", version: 7 }] })).toBe(1);
  expect(b.files.map(({ path }) => path)).toEqual(["a", "b"]);
  expect(entry(store, 1)).not.toContain("metaData"); // one of them created the table
});

test("a partition taken over by another writer refuses the old one's commit, even one that reaches further", async () => {
  const store = memoryStore();
  const [old, young] = [await openTable(store, schema), await openTable(store, schema)];
  await young.commit({ add: [file("young")], txn: [{ appId: "topic/0", version: 5 }] });
  await expect(old.commit({ add: [file("old")], txn: [{ appId: "topic/0", version: 9 }] })).rejects.toThrow(
    "WRITER_FENCED",
  );
  await old.refresh();
  await expect(old.commit({ add: [file("old")], txn: [{ appId: "topic/0", version: 9, after: -1 }] })).rejects.toThrow(
    "WRITER_FENCED",
  );
  await expect(old.commit({ add: [file("old")], txn: [{ appId: "topic/0", version: 5, after: 5 }] })).rejects.toThrow(
    "WRITER_FENCED",
  );
  expect(store.files.size).toBe(1);
});

test("a log entry cut off anywhere is corrupt, and the message names it", async () => {
  const { store } = await threeCommits();
  const whole = entry(store, 1);
  for (let length = 0; length < whole.length - 1; length++) {
    write(store, 1, whole.slice(0, length));
    await expect(openTable(store, schema), `cut after ${length} characters`).rejects.toThrow(
      /TABLE_CORRUPT.*00000000000000000001\.json/,
    );
  }
  write(store, 1, whole.slice(0, -1)); // only the last line's end is gone: nothing is lost
  expect((await openTable(store, schema)).rows).toBe(6);
});

test("a log entry missing in the middle is corrupt, and so is a log whose end has disappeared", async () => {
  const { store, table } = await threeCommits();
  const last = store.files.get(entryPath(2))!;
  store.files.delete(entryPath(2));
  await expect(table.refresh()).rejects.toThrow("log entries have disappeared");
  store.files.set(entryPath(2), last);
  store.files.delete(entryPath(1));
  await expect(openTable(store, schema)).rejects.toThrow(
    /TABLE_CORRUPT: a log entry is missing: file .*00000000000000000001\.json/,
  );
});

test("a commit goes into no hole of the log: not into one that a vacuum left while the writer was idle, nor into one of an accident", async () => {
  const { store, table: idle } = await threeCommits();
  const other = await openTable(store, schema);
  for (let k = 3; k < 6; k++) await other.commit({ add: [file(`part-${k}`)], txn: [{ appId: "topic/1", version: k }] });
  await other.commit({ remove: [other.files[0]!], operation: "DELETE" }); // with a checkpoint of the log
  for (let version = 0; version < 6; version++) store.files.delete(entryPath(version)); // as vacuum does
  expect(await idle.commit({ add: [file("late")], txn: [{ appId: "topic/0", version: 30 }] })).toBe(7);
  expect([...(await openTable(store, schema)).offsets]).toEqual([...idle.offsets]);

  const reader = await openTable(store, schema);
  await other.refresh();
  for (let k = 8; k < 10; k++)
    await other.commit({ add: [file(`part-${k}`)], txn: [{ appId: "topic/1", version: k }] });
  store.files.delete(entryPath(8));
  expect(await reader.refresh()).toEqual([]); // late, and never wrong
  await expect(reader.commit({ add: [file("lost")], txn: [{ appId: "topic/0", version: 40 }] })).rejects.toThrow(
    "a log entry is missing",
  );
  expect(store.files.has(entryPath(8))).toBe(false);
});

test("another writer's entry may have a field sha256 of its own", async () => {
  const { store } = await threeCommits();
  const { path, size, stats } = file("foreign");
  const add = { path, size, stats, partitionValues: {}, modificationTime: 1, dataChange: true, tags: { sha256: "ab" } };
  const commitInfo = { timestamp: 1, operation: "WRITE", engineInfo: "another", sha256: "cd" };
  write(store, 3, `${JSON.stringify({ add })}\n${JSON.stringify({ commitInfo })}\n`);
  write(store, 4, `${JSON.stringify({ commitInfo })}\n${JSON.stringify({ add: { ...add, path: "second" } })}\n`);
  expect((await openTable(store, schema)).files.map((each) => each.path)).toContain("second");
});

test("refresh after an error goes on where it stopped, without taking anything twice", async () => {
  const { store } = await threeCommits();
  const whole = entry(store, 2);
  const table = await openTable(memoryStore(undefined, new Map([...store.files].slice(0, 1))), schema);
  const shared = (table.store as MemoryStore).files;
  shared.set(entryPath(1), store.files.get(entryPath(1))!);
  shared.set(entryPath(2), Buffer.from(whole.slice(0, 40)));
  await expect(table.refresh()).rejects.toThrow("TABLE_CORRUPT");
  shared.set(entryPath(2), Buffer.from(whole));
  await table.refresh();
  expect([table.version, table.rows]).toEqual([2, 6]);
});

test("a table of a newer protocol, or partitioned by columns, is refused as unsupported", async () => {
  const { store } = await threeCommits();
  const whole = entry(store, 0);
  for (const [from, to] of [
    ['"minReaderVersion":1', '"minReaderVersion":3'],
    ['"minWriterVersion":2', '"minWriterVersion":7'],
    ['"partitionColumns":[]', '"partitionColumns":["day"]'],
  ] as const) {
    write(store, 0, whole.replace(from, to));
    await expect(openTable(store, schema), to).rejects.toThrow("TABLE_UNSUPPORTED");
  }
});

/** An entry as another writer would have it: without our hash. */
const byAnother = (text: string) => text.replace("Tributary/2", "another").replace(/,"sha256":"[0-9a-f]{64}"/, "");

test("a table of other columns is refused, one with more columns is read", async () => {
  const { store } = await threeCommits();
  await expect(openTable(store, [{ name: "user", type: "string" }])).rejects.toThrow("the table lacks user string");
  write(
    store,
    0,
    byAnother(entry(store, 0)).replace(
      '\\"fields\\":[',
      '\\"fields\\":[{\\"name\\":\\"more\\",\\"type\\":{\\"type\\":\\"map\\"}},',
    ),
  );
  expect((await openTable(store, schema)).rows).toBe(6);
});

test("actions that others write are understood: remove, compaction, unknown ones, escaped paths", async () => {
  const { store, table } = await threeCommits();
  write(
    store,
    3,
    [
      { commitInfo: { timestamp: 5, operation: "OPTIMIZE" } },
      { domainMetadata: { domain: "x" } },
      { remove: { path: "part-0", dataChange: false } },
      { remove: { path: "part-1", dataChange: false } },
      {
        add: {
          path: "part%2001",
          partitionValues: {},
          size: 9,
          modificationTime: 5,
          dataChange: false,
          stats: '{"numRecords":3}',
        },
      },
    ]
      .map((action) => JSON.stringify(action))
      .join("\n"),
  );
  expect(brought(await table.refresh())).toEqual([[3, []]]); // rewritten rows are not new ones
  expect(table.files.map(({ path }) => path)).toEqual(["part-2", "part 01"]);
  expect((await openTable(store, schema, 2)).files).toHaveLength(3);
  expect(table.watermark).toBe(102);
});

test("refreshes and commits of one table at the same time take in each entry once", async () => {
  const { store } = await threeCommits();
  const table = await openTable(store, schema);
  const other = await openTable(store, schema);
  await other.commit({ add: [file("other")], txn: [] });
  const [first, , ...others] = await Promise.all([
    table.refresh(),
    table.commit({ add: [file("mine")], txn: [] }),
    table.refresh(),
    table.refresh(),
  ]);
  expect([table.version, table.files.length, table.rows]).toEqual([4, 5, 8]);
  expect([brought(first), ...others]).toEqual([[[3, ["other"]]], [], []]);
});

test("a look at the log lists no folder, however many entries it has: one in 64 does", async () => {
  const { store } = await threeCommits();
  let lists = 0;
  const counted = { ...store, list: (folder: string) => store.list(folder).finally(() => lists++) };
  const table = await openTable(counted, schema);
  const writer = await openTable(store, schema);
  lists = 0;
  for (let k = 0; k < 128; k++) {
    if (k % 4 === 0) await writer.commit({ add: [file(`look-${k}`)], txn: [] });
    const news = await table.refresh();
    expect(news).toHaveLength(k % 4 === 0 ? 1 : 0);
  }
  expect(lists).toBe(2);
  expect([table.version, table.rows, table.logFiles]).toEqual([writer.version, writer.rows, 3 + 32 + 3]);
});

test("a reader that fell behind reads all that came, and one whose versions were vacuumed jumps", async () => {
  const { store } = await threeCommits();
  const [reader, late, writer] = [
    await openTable(store, schema),
    await openTable(store, schema),
    await openTable(store, schema),
  ];
  for (let k = 0; k < 40; k++) await writer.commit({ add: [file(`more-${k}`)], txn: [] });
  expect(await reader.refresh()).toHaveLength(40);
  expect(reader.rows).toBe(writer.rows);
  for (let version = 0; version < 40; version++) store.files.delete(entryPath(version));
  expect(await late.refresh()).toBe("jumped");
  expect(late.rows).toBe(writer.rows);
});
