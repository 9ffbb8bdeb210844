// Replay of Parquet files without Kafka: which columns are read and how, from any row, and what is told of files that
// cannot be.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as arrow from "apache-arrow";
import fc from "fast-check";
import { Table, WriterPropertiesBuilder, writeParquet } from "parquet-wasm";
import { afterAll, expect, test } from "vitest";
import { fileSource } from "../../services/replay/file.ts";
import type { Row } from "../../shared/events/columns.ts";
import { textOf } from "../../shared/events/text.ts";
import { encodeParquet } from "../../shared/storage/parquet.ts";
import { isParquet } from "../../shared/storage/parquet-file.ts";
import { eventsSchema } from "../../shared/table/events.ts";
import { rowsIn } from "./replayed.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-parquet-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(bytes: Uint8Array, name = "events.parquet"): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

function encode(columns: Record<string, arrow.Vector>, rowGroup = 1 << 20): Uint8Array {
  const properties = new WriterPropertiesBuilder().setMaxRowGroupSize(rowGroup).build();
  return writeParquet(Table.fromIPCStream(arrow.tableToIPC(new arrow.Table(columns), "stream")), properties);
}

const column = (values: readonly unknown[], type: arrow.DataType) => arrow.vectorFromArray(values, type);
const text = (...values: (string | null)[]) => column(values, new arrow.Utf8());

interface Read {
  readonly rows: readonly Row[];
  readonly next: number;
  readonly said: readonly string[];
  readonly skipped: number;
}

async function replay(
  path: string,
  { from = 0, size = 1000, map = {}, unit = null as "s" | "ms" | null } = {},
): Promise<Read> {
  const said: string[] = [];
  const source = await fileSource(path, { map, unit }, { say: (line) => said.push(line) });
  const rows: Row[] = [];
  let next = from;
  for await (const chunk of source.chunks(from, size)) {
    expect(rowsIn(chunk).length).toBeLessThanOrEqual(size);
    rows.push(...rowsIn(chunk));
    next = chunk.next;
  }
  expect(source.fraction(next)).toBe(1);
  expect(source.total).toBe(next);
  return { rows, next, said, skipped: source.skipped };
}

test("a file of our own table needs no --map", async () => {
  const { bytes } = encodeParquet(
    eventsSchema,
    {
      user: textOf(["u1", "ü2"]),
      item: textOf(["i1", "i1"]),
      timestamp: Float64Array.of(1_600_000_000_123, 0),
      value: Float64Array.of(Number.NaN, 2.5),
      bucket: Int32Array.of(1, 2),
      kafka_partition: Int32Array.of(0, 3),
      kafka_offset: Float64Array.of(7, 8),
      topic: textOf(["interactions", "interactions"]),
    },
    2,
  );
  expect((await replay(write(bytes))).rows).toEqual([
    { user: "u1", item: "i1", timestamp: 1_600_000_000_123, value: null },
    { user: "ü2", item: "i1", timestamp: 0, value: 2.5 },
  ]);
});

test.each([
  ["text", ["a", "é", "a"], () => new arrow.Utf8(), ["a", "é", "a"]],
  ["large text", ["a", "é", "a"], () => new arrow.LargeUtf8(), ["a", "é", "a"]],
  [
    "a dictionary of text",
    ["a", "é", "a"],
    () => new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32()),
    ["a", "é", "a"],
  ],
  ["32-bit integers", [1, -2, 3], () => new arrow.Int32(), ["1", "-2", "3"]],
  ["unsigned bytes", [1, 255, 3], () => new arrow.Uint8(), ["1", "255", "3"]],
  ["64-bit integers", [2n ** 62n + 1n, -1n, 0n], () => new arrow.Int64(), ["4611686018427387905", "-1", "0"]],
  ["unsigned 64-bit integers", [2n ** 64n - 1n, 1n, 0n], () => new arrow.Uint64(), ["18446744073709551615", "1", "0"]],
])("users and items may be %s, and lose no digit", async (_, names, type, expected) => {
  const { rows } = await replay(write(encode({ user: column(names, type()), item: column(names, type()) })));
  expect(rows.map(({ user }) => user)).toEqual(expected);
  expect(rows.map(({ item }) => item)).toEqual(expected);
});

const ms = 1_600_000_000_123;
test.each([
  ["seconds", column([ms - 123, null], new arrow.TimestampSecond()), ms - 123],
  ["milliseconds with a zone", column([ms, null], new arrow.TimestampMillisecond("Europe/Berlin")), ms],
  ["microseconds", column([ms + 0.25, null], new arrow.TimestampMicrosecond()), ms],
  ["nanoseconds", column([ms, null], new arrow.TimestampNanosecond("UTC")), ms],
  ["days", column([new Date("2020-09-13"), null], new arrow.DateDay()), Date.UTC(2020, 8, 13)],
])(
  "a column of times in %s becomes milliseconds, whatever the flag says, and Kafka's own time where it is null",
  async (_, times, expected) => {
    const { rows, said } = await replay(write(encode({ user: text("a", "b"), item: text("x", "y"), time: times })), {
      unit: "s",
    });
    expect(rows.map(({ timestamp }) => timestamp)).toEqual([expected, null]);
    expect(said).toEqual([]);
  },
);

test.each([
  ["time", new arrow.Int64(), [null, 1_600_000_000n], null, 1_600_000_000_000],
  ["time", new arrow.Float64(), [null, 1_600_000_000.5], null, 1_600_000_000_500],
  ["timestamp_ms", new arrow.Int64(), [null, 5n], null, 5],
  ["timestamp_s", new arrow.Int32(), [null, 5], null, 5000],
  ["ts", new arrow.Int64(), [null, 5n], "ms", 5],
] as const)(
  "plain numbers in a column %s of %s are times by flag, name or size",
  async (name, type, times, unit, expected) => {
    const path = write(encode({ user: text("a", "b"), item: text("x", "y"), [name]: column(times, type) }));
    const { rows, said } = await replay(path, { unit });
    expect(rows.map(({ timestamp }) => timestamp)).toEqual([null, expected]);
    expect(said).toEqual(name === "time" ? [expect.stringContaining("taken as seconds")] : []);
  },
);

test("a file whose times are of two units is refused before one of them is sent, wherever the replay goes on", async () => {
  const times = column([1_600_000_000n, 1_600_000_000_000n], new arrow.Int64());
  const path = write(encode({ user: text("a", "b"), item: text("x", "y"), time: times }));
  await expect(replay(path, { from: 1 })).rejects.toThrow(
    /PARQUET_MALFORMED: the times disagree: 1 look like seconds.*at 1.*1 look like milliseconds.*at 2/,
  );
});

test("rows that are no events are counted, told with their number and passed over", async () => {
  const path = write(
    encode({
      userId: text("a", null, "c", "d", "e"),
      movieId: text("x", "y", "", "z", "z"),
      rating: column([Number.NaN, 1, 2, Number.POSITIVE_INFINITY, 4.5], new arrow.Float64()),
    }),
  );
  expect(await replay(path, { size: 1 })).toEqual({
    rows: [
      { user: "a", item: "x", timestamp: null, value: null },
      { user: "e", item: "z", timestamp: null, value: 4.5 },
    ],
    next: 5,
    skipped: 3,
    said: [
      expect.stringContaining("no time"),
      "row 2 skipped: the user is empty",
      "row 3 skipped: the item is empty",
      "row 4 skipped: the value Infinity is no number",
    ],
  });
});

test("--map names columns; a missing one is told with those that exist, one of another type with its type", async () => {
  const path = write(
    encode({
      who: text("a"),
      what: text("x"),
      much: column([1n], new arrow.Int64()),
      user: column([true], new arrow.Bool()),
    }),
  );
  const { rows } = await replay(path, { map: { user: "who", item: "what", value: "much" } });
  expect(rows).toEqual([{ user: "a", item: "x", timestamp: null, value: 1 }]);
  await expect(replay(path)).rejects.toThrow(/PARQUET_MALFORMED: no column for the item.*who,what,much,user.*--map/);
  await expect(replay(path, { map: { item: "what" } })).rejects.toThrow(/PARQUET_MALFORMED.*"user" is Bool, not text/);
  await expect(replay(path, { map: { user: "who", item: "what", timestamp: "user" } })).rejects.toThrow(
    /"user" is Bool, not a time/,
  );
});

test("rows come in their order from any row on, whatever the row groups and the chunks", async () => {
  const rows = 300;
  const numbers = Array.from({ length: rows }, (_, k) => k);
  const plan = fc.record({
    rowGroup: fc.integer({ min: 1, max: 400 }),
    from: fc.nat(rows),
    size: fc.integer({ min: 1, max: 400 }),
  });
  await fc.assert(
    fc.asyncProperty(plan, async ({ rowGroup, from, size }) => {
      const path = write(
        encode({ user: text(...numbers.map((k) => `u${k % 7}`)), item: column(numbers, new arrow.Int32()) }, rowGroup),
      );
      const read = await replay(path, { from, size });
      expect(read.rows.map(({ item }) => Number(item))).toEqual(numbers.slice(from));
    }),
    { numRuns: 40, seed: 11 },
  );
});

test("a file of more rows than are decoded at once keeps its order across the borders", async () => {
  const numbers = Int32Array.from({ length: 300_000 }, (_, k) => k);
  const path = write(encode({ user: arrow.makeVector(numbers), item: arrow.makeVector(numbers.slice()) }, 100_000));
  const { rows } = await replay(path, { from: 131_071 });
  expect(rows).toHaveLength(300_000 - 131_071);
  expect(rows.findIndex(({ user }, k) => Number(user) !== k + 131_071)).toBe(-1);
});

test("a Parquet file is known by its content or its name", async () => {
  const bytes = encode({ user: text("a"), item: text("b") });
  expect(await isParquet(write(bytes, "no-ending"))).toBe(true);
  expect(await isParquet(write(Buffer.from("user,item\n"), "named.parquet"))).toBe(true);
  expect(await isParquet(write(Buffer.from("user,item\n"), "named.csv"))).toBe(false);
  await expect(isParquet(join(folder, "none"))).rejects.toMatchObject({ code: "FILE_MISSING" });
  await expect(isParquet(folder)).rejects.toMatchObject({ code: "FILE_UNREADABLE" });
});

test("a file that is none, is cut off, or is damaged is told as such", async () => {
  const names = text(...Array.from({ length: 2000 }, (_, k) => `name ${k}`));
  const bytes = encode({ user: names, item: names });
  const damaged = Uint8Array.from(bytes).fill(0xff, 4, 500);
  for (const [broken, what] of [
    [Buffer.from("user,item\n1,2\n"), /no Parquet file, or a damaged one/],
    [Buffer.from("PAR1"), /no Parquet file, or a damaged one/],
    [bytes.subarray(0, bytes.length - 9), /no Parquet file, or a damaged one/],
    [damaged, /rows after 0 are damaged/],
  ] as const) {
    await expect(replay(write(broken, "broken.parquet"))).rejects.toMatchObject({
      code: "FILE_UNREADABLE",
      message: expect.stringMatching(what),
    });
  }
});
