// Columns to Parquet and back, and the statistics that go into the log.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rowsOf, type Text, textOf } from "../../shared/events/text.ts";
import { decodeParquet, encodeParquet } from "../../shared/storage/parquet.ts";
import type { Columns, TableSchema } from "../../shared/storage/schema.ts";

const schema = [
  { name: "text", type: "string" },
  { name: "time", type: "timestamp" },
  { name: "double", type: "double" },
  { name: "integer", type: "integer" },
  { name: "long", type: "long" },
  { name: "bytes", type: "binary" },
] as const satisfies TableSchema;

interface Row {
  text: string;
  time: number;
  double: number | null;
  integer: number;
  long: number;
  bytes: Uint8Array | null;
}

const columnsOf = (rows: readonly Row[]): Columns => ({
  text: textOf(rows.map(({ text }) => text)),
  time: Float64Array.from(rows, ({ time }) => time),
  double: Float64Array.from(rows, ({ double }) => double ?? Number.NaN),
  integer: Int32Array.from(rows, ({ integer }) => integer),
  long: Float64Array.from(rows, ({ long }) => long),
  bytes: rows.map(({ bytes }) => bytes),
});

const row = (some: Partial<Row>): Row => ({
  text: "a",
  time: 0,
  double: null,
  integer: 0,
  long: 0,
  bytes: null,
  ...some,
});
const statsOf = (rows: readonly Row[]) => JSON.parse(encodeParquet(schema, columnsOf(rows), rows.length).stats);

const endOfTime = 253_402_300_799_999;
const anyRow: fc.Arbitrary<Row> = fc.record({
  text: fc.oneof(fc.string({ unit: "grapheme", maxLength: 80, size: "max" }), fc.constantFrom("u1", "u2", "u3")),
  time: fc.integer({ min: -endOfTime, max: endOfTime }),
  double: fc.option(fc.double({ noNaN: true })),
  integer: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  long: fc.maxSafeInteger(),
  bytes: fc.option(fc.uint8Array({ maxLength: 40 })),
});

test("every row comes back as it was, in its order", () => {
  fc.assert(
    fc.property(fc.array(anyRow, { minLength: 0, maxLength: 50 }), (rows) => {
      const columns = columnsOf(rows);
      const encoded = encodeParquet(schema, columns, rows.length);
      expect(decodeParquet(schema, encoded.bytes)).toEqual({ rows: rows.length, columns });
    }),
    { numRuns: 60, seed: 5 },
  );
});

test("only the rows in use are written", () => {
  const rows = [row({ text: "used", long: 1 }), row({ text: "used", long: 9 })];
  const encoded = encodeParquet(schema, columnsOf(rows), 1);
  expect(decodeParquet(schema, encoded.bytes).columns).toEqual(columnsOf(rows.slice(0, 1)));
  expect(JSON.parse(encoded.stats)).toMatchObject({ numRecords: 1, maxValues: { text: "used", long: 1 } });
});

test("more different words than one dictionary page holds come back as they were", () => {
  const rows = 120_000;
  const text = Array.from({ length: rows }, (_, k) => `${k}-${"é".repeat(100)}`); // 24 MB of them
  const only = [{ name: "text", type: "string" }] as const satisfies TableSchema;
  const { columns } = decodeParquet(only, encodeParquet(only, { text: textOf(text) }, rows).bytes);
  expect(rowsOf(columns.text as Text, rows).findIndex((word, k) => word !== text[k])).toBe(-1);
});

describe("statistics", () => {
  test("hold the count, least and greatest of each column, and the nulls", () => {
    const rows = [
      row({ text: "b", time: 1_700_000_000_123, double: 2.5, integer: 3, long: -4 }),
      row({ text: "a", time: 1, long: 2 ** 40 }),
    ];
    expect(statsOf(rows)).toEqual({
      numRecords: 2,
      minValues: { text: "a", time: "1970-01-01T00:00:00.001Z", double: 2.5, integer: 0, long: -4 },
      maxValues: { text: "b", time: "2023-11-14T22:13:20.123Z", double: 2.5, integer: 3, long: 2 ** 40 },
      nullCount: { text: 0, time: 0, double: 1, integer: 0, long: 0, bytes: 2 },
    });
  });

  test("leave out the range of a column of nulls", () => {
    expect(statsOf([row({})]).minValues).not.toHaveProperty("double");
  });

  test("bound every text in the order of its bytes, in at most 33 characters", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: "binary", minLength: 1, maxLength: 40, size: "max" }), {
          minLength: 1,
          maxLength: 20,
        }),
        (texts) => {
          const { minValues, maxValues } = statsOf(texts.map((text) => row({ text })));
          for (const text of texts) {
            expect(Buffer.compare(Buffer.from(minValues.text), Buffer.from(text))).toBeLessThanOrEqual(0);
            expect(Buffer.compare(Buffer.from(maxValues.text), Buffer.from(text))).toBeGreaterThanOrEqual(0);
          }
          expect([...maxValues.text].length).toBeLessThanOrEqual(33);
        },
      ),
      { numRuns: 60, seed: 6 },
    );
  });
});

test("bytes that are no Parquet file, or one cut off, throw", () => {
  const { bytes } = encodeParquet(schema, columnsOf([row({})]), 1);
  for (const broken of [new Uint8Array(0), Buffer.from("no parquet file at all"), bytes.slice(0, bytes.length - 9)]) {
    expect(() => decodeParquet(schema, broken)).toThrow();
  }
  expect(() => decodeParquet([{ name: "other", type: "long" }], bytes)).toThrow("no column other");
});
