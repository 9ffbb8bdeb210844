// The quick way to the rows of a text: what it accepts is what the careful one reads, cell by cell, and what it does
// not know it leaves to it.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { newScanned } from "../../shared/events/scan.ts";
import type { EventFormat } from "../../shared/files/event-file.ts";
import { fingerprint } from "../../shared/files/fingerprint.ts";
import { openEventFile } from "../../shared/files/open-events.ts";

const root = mkdtempSync(join(tmpdir(), "tributary-plain-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Rows of a file as the quick way reads them, null where it leaves them to the other; and as that one does. */
async function bothWays(text: string, format: Partial<EventFormat> = {}) {
  const path = join(root, "rows");
  writeFileSync(path, text);
  const file = await openEventFile(path, { map: {}, unit: "s", ...format });
  const [quick, careful, prints]: [unknown[], unknown[], unknown[]] = [[], [], []];
  const row = newScanned();
  for await (const batch of file.batches(format.unit ?? "s", 0, () => undefined))
    for (let k = 0; k < batch.length; k++) {
      const [first, second] = [fingerprint(), fingerprint()];
      const isKnown = batch.scan(k, row, first);
      batch.mark(k, second);
      const name = (start: number, end: number) => String.fromCharCode(...batch.units.subarray(start, end));
      const orNull = (number: number) => (Number.isNaN(number) ? null : number);
      quick.push(
        isKnown
          ? {
              user: name(row.userStart, row.userEnd),
              item: name(row.itemStart, row.itemEnd),
              timestamp: orNull(row.timestamp),
              value: orNull(row.value),
            }
          : null,
      );
      careful.push(batch.row(k));
      if (isKnown) prints.push([first.state(), second.state()]);
    }
  file.close();
  for (const [first, second] of prints as [unknown, unknown][]) expect(first).toEqual(second);
  return { quick, careful };
}

const name = fc.oneof(
  fc.constantFrom(
    "u1",
    "7",
    "007",
    "1e5",
    "NA",
    "null",
    "NaN",
    "nina",
    "None",
    "",
    " ",
    " x",
    "x y",
    "ü",
    "a\\b",
    "\u007f",
  ),
  fc.stringMatching(/^[a-z0-9]{1,12}$/),
);
const time = fc.oneof(
  fc.constantFrom("", "0", "-1", "1.5", "1e9", "+5", "2020-01-01", "253402300800", "1700000000.123", " 7", "12a", "."),
  fc.nat({ max: 4e9 }).map(String),
);
const value = fc.oneof(
  fc.constantFrom(
    "",
    "4.5",
    "4.0",
    "-7.82",
    "0.1",
    ".5",
    "5.",
    "1.234",
    "1,5",
    "nan",
    "true",
    "0.30000000000000004",
    "-0",
  ),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
);

test.each([";", "\t", "::", "|||"])(
  "any row between %j: what is read quickly is what is read with care",
  async (delimiter) => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, name, time, value), { minLength: 1, maxLength: 20 }), async (rows) => {
        const usual = ["u1", "i1", "1700000000", "3"];
        const lines = [["user", "item", "timestamp", "value"], usual, usual, ...rows].map((row) => row.join(delimiter));
        const { quick, careful } = await bothWays(`${lines.join("\n")}\n`, { delimiter });
        for (const [k, row] of quick.entries()) if (row !== null) expect(row).toEqual(careful[k]);
      }),
      { numRuns: 150, seed: 11 },
    );
  },
);

test("rows as most files have them go the quick way", async () => {
  const { quick } = await bothWays(
    "userId,movieId,rating,timestamp\n1,2,4.0,964982703\n1,3,0.5,964981247\nmax,m-7,,5\n",
  );
  expect(quick).toEqual([
    { user: "1", item: "2", timestamp: 964_982_703_000, value: 4 },
    { user: "1", item: "3", timestamp: 964_981_247_000, value: 0.5 },
    { user: "max", item: "m-7", timestamp: 5000, value: null },
  ]);
});

test.each([
  ["a quote", '"u",i,1,2'],
  ["a cell too many", "u,i,1,2,3"],
  ["a cell too few", "u,i,1"],
  ["letters of two bytes", "ü,i,1,2"],
  ["a name of nobody", "null,i,1,2"],
  ["a day of the calendar", "u,i,2024-01-31,2"],
  ["no time", "u,i,,2"],
])("%s is left to the careful way", async (_, line) => {
  const { quick } = await bothWays(`user,item,timestamp,value\nu,i,1,2\n${line}\nu,i,1,2\n`);
  expect(quick.slice(1, -1)).toEqual(quick.length === 3 ? [null] : []);
});

test("every row of a file of short ones is read, however long the file is: of one in two the rows beyond the 150th were cut anywhere", async () => {
  for (let more = 0; more < 16; more++) {
    const rows = [..."x".repeat(300)].map((name, k) => ({ user: `${name}${k % 10}`, item: "i" }));
    const long = { user: "y".repeat(1 + more), item: "i" };
    const text = ["user,item", ...[...rows, long].map(({ user, item }) => `${user},${item}`)].join("\n");
    const { careful } = await bothWays(text);
    expect(careful).toMatchObject([...rows, long]);
  }
});
