// Readers that share no code with us, delta-rs and DuckDB, open what we write and see the same rows, nulls, types and
// versions.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { batchOf, type Row } from "../../shared/events/batch.ts";
import { keepEpoch } from "../../shared/judging/per-user.ts";
import { openDeadLetters, writeDeadLetters } from "../../shared/table/dead-letters.ts";
import { openEvents, writeEvents } from "../../shared/table/events.ts";
import { appendItems } from "../../shared/table/items.ts";
import { ask as askPython } from "./python.ts";

const dir = mkdtempSync(join(tmpdir(), "tributary-readers-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const ask = (script: string) => askPython(dir, script);

const long = "ü".repeat(120);
const rows: Row[] = Array.from({ length: 1000 }, (_, k) => ({
  user: k === 7 ? long : `user ${k % 90}`,
  item: k === 8 ? "日本語 😀" : `item ${k % 33}`,
  timestamp: k === 0 ? 0 : k === 1 ? 253_402_300_799_999 : 1_700_000_000_000 + k,
  value: k % 4 === 0 ? null : k / 8,
  partition: k % 4,
  offset: 5_000_000_000 + Math.floor(k / 4),
}));

beforeAll(async () => {
  const table = await openEvents(dir);
  for (const [from, to] of [
    [0, 600],
    [600, 1000],
  ] as const) {
    const part = rows.slice(from, to);
    const txn = [0, 1, 2, 3].map((p) => ({
      appId: `interactions/${p}`,
      version: Math.max(...part.filter(({ partition }) => partition === p).map(({ offset }) => offset)),
    }));
    await table.commit({ add: [await writeEvents(table.store, batchOf(part))], txn, newestArrival: 1_700_000_000_999 });
  }
  await appendItems(dir, ["i1", "ï2"], 0);
  const dead = await openDeadLetters(join(dir, "dead"));
  const letter = {
    value: Uint8Array.of(0xff, 0x00),
    topic: "interactions",
    partition: 0,
    offset: 3,
    timestamp: 1_700_000_000_000,
    reason: "NOT_UTF8",
    detail: "bytes",
  } as const;
  await dead.commit({
    add: [await writeDeadLetters(dead.store, [letter, { ...letter, offset: 4, value: null }])],
    txn: [{ appId: "interactions/0", version: 4 }],
  });
  // A writer that died here left this behind; readers must not mind.
  writeFileSync(join(dir, "events", "_delta_log", ".00000000000000000002.json.0b1c.tmp"), '{"add":');
});

const expected = rows.map(({ user, item, timestamp, value, partition, offset }) => [
  user,
  item,
  timestamp * 1000,
  value,
  partition,
  offset,
]);

test("delta-rs reads every row as it was", () => {
  const got = ask(`
import pyarrow as pa
t = DeltaTable("events").to_pyarrow_table()
assert t.schema.field("timestamp").type == pa.timestamp("us", tz="UTC"), t.schema
t = t.set_column(2, "timestamp", t["timestamp"].cast(pa.int64())).sort_by(
  [("kafka_offset", "ascending"), ("kafka_partition", "ascending")])
print(json.dumps([list(r) for r in zip(*[t[c].to_pylist() for c in [
  "user", "item", "timestamp", "value", "kafka_partition", "kafka_offset"]])]))`);
  expect(got).toEqual(expected);
});

test("delta-rs sees schema, protocol, progress, versions and file statistics", () => {
  const got = ask(`
t = DeltaTable("events")
a = t.get_add_actions(flatten=True)
import pyarrow as pa
a = pa.table(a)
print(json.dumps({
  "schema": [[f["name"], f["type"], f["nullable"]] for f in json.loads(t.schema().to_json())["fields"]],
  "protocol": [t.protocol().min_reader_version, t.protocol().min_writer_version],
  "txn": [t.transaction_version("interactions/%d" % p) for p in range(4)],
  "rows": [DeltaTable("events", version=v).to_pyarrow_table().num_rows for v in (0, 1)],
  "records": sorted(a["num_records"].to_pylist()),
  "offsets": [min(a["min.kafka_offset"].to_pylist()), max(a["max.kafka_offset"].to_pylist())],
  "nulls": sum(a["null_count.value"].to_pylist()),
}))`);
  expect(got).toEqual({
    schema: [
      ["user", "string", false],
      ["item", "string", false],
      ["timestamp", "timestamp", false],
      ["value", "double", true],
      ["bucket", "integer", false],
      ["kafka_partition", "integer", false],
      ["kafka_offset", "long", false],
      ["topic", "string", true],
    ],
    protocol: [1, 2],
    txn: Array(4).fill(5_000_000_249),
    rows: [600, 1000],
    records: [400, 600],
    offsets: [5_000_000_000, 5_000_000_249],
    nulls: 250,
  });
});

test("delta-rs skips by our statistics without losing a row, the longest name included", () => {
  const got = ask(`
t = DeltaTable("events")
count = lambda column, value: t.to_pyarrow_table(filters=[(column, "=", value)]).num_rows
print(json.dumps([count("user", ${JSON.stringify(long)}), count("item", "日本語 😀"),
  count("user", "nobody"), count("kafka_offset", 5000000249)]))`);
  expect(got).toEqual([1, 1, 0, 4]);
});

test("DuckDB reads the same rows from the files that the log names", () => {
  const got = ask(`
import duckdb
duckdb.sql("set timezone = 'UTC'")
files = DeltaTable("events").file_uris()
columns = '"user", item, epoch_us(timestamp), value, kafka_partition, kafka_offset'
query = f'select {columns} from read_parquet($1) order by kafka_offset, kafka_partition'
print(json.dumps([list(r) for r in duckdb.sql(query, params=[files]).fetchall()]))`);
  expect(got).toEqual(expected);
});

test("delta-rs reads the vocabulary and the dead letters, bytes and all", () => {
  const got = ask(`
items = DeltaTable("items").to_pyarrow_table().to_pylist()
dead = DeltaTable("dead").to_pyarrow_table().to_pylist()
print(json.dumps([items, [
  [d["value"] and d["value"].hex(), d["topic"], d["kafka_partition"], d["kafka_offset"], d["reason"]]
  for d in dead]]))`);
  expect(got).toEqual([
    [
      { item: "i1", column: 0 },
      { item: "ï2", column: 1 },
    ],
    [
      ["ff00", "interactions", 0, 3, "NOT_UTF8"],
      [null, "interactions", 0, 4, "NOT_UTF8"],
    ],
  ]);
});

test("delta-rs can write beside us, and we read on", async () => {
  const table = await openEvents(dir);
  ask(`
from deltalake import write_deltalake
t = DeltaTable("events").to_pyarrow_table(filters=[("kafka_offset", "=", 5000000000)])
write_deltalake("events", t.set_column(5, "kafka_partition", [[9] * t.num_rows]).cast(t.schema), mode="append")
print("null")`);
  await table.refresh();
  expect([table.version, table.rows]).toEqual([2, 1004]);
  expect(await table.commit({ add: [], txn: [{ appId: "interactions/9", version: 5_000_000_000 }] })).toBe(3);
});

test("DuckDB reads every user's figures of several epochs by the query that docs/concepts/held-out-users.md shows", async () => {
  for (const epoch of [1, 2]) {
    const metrics = { "ndcg@100": [epoch / 4, Number.NaN, 0.25], "recall@20": [0, 1, 0.5] };
    await keepEpoch(join(dir, "evaluations"), { epoch, step: 100 * epoch }, [
      { part: "validation", scorer: "model", users: ["u1", "日本", "u3"], metrics },
    ]);
  }
  const got = ask(`
import duckdb
files = "'evaluations/*.parquet'"
print(json.dumps([
  duckdb.sql(f'select epoch, avg("ndcg@100") from {files} group by epoch order by epoch').fetchall(),
  duckdb.sql(f'select part, scorer, "user", step, "recall@20" from {files} where "ndcg@100" is null').fetchall(),
]))`);
  expect(got).toEqual([
    [
      [1, 0.25],
      [2, 0.375],
    ],
    [
      ["validation", "model", "日本", 100, 1],
      ["validation", "model", "日本", 200, 1],
    ],
  ]);
});
