// Files of events beyond single examples: any rows in any dialect come back as they are, wherever pieces end; what
// would grow without bound is refused; what was sent is known again.
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { fileSource } from "../../services/replay/file.ts";
import { positionFile, wasSentBefore } from "../../services/replay/position.ts";
import { instantOf } from "../../shared/events/times.ts";
import { decoderOf, encodingOf } from "../../shared/files/encoding.ts";
import { layoutOf, objectReader } from "../../shared/files/objects.ts";
import { recordReader } from "../../shared/files/records.ts";
import { recordsIn } from "../../shared/files/row-batch.ts";
import { openText } from "../../shared/files/text-file.ts";
import { rowsIn } from "./replayed.ts";

const root = mkdtempSync(join(tmpdir(), "tributary-files-"));
afterAll(() => rmSync(root, { recursive: true }));

const name = fc
  .oneof(
    fc.string({
      unit: fc.constantFrom("a", "1", " ", ",", ";", "\t", '"', "é", "東", "😀", "|", ":"),
      minLength: 1,
      maxLength: 9,
    }),
    fc.stringMatching(/^[a-z0-9]{1,12}$/),
  )
  .map((text) => `x${text}x`);
const rowsOf = fc.array(fc.tuple(name, name, fc.integer({ min: 1_500_000_000, max: 1_700_000_000 })), {
  minLength: 1,
  maxLength: 30,
});
const dialect = fc.record({
  delimiter: fc.constantFrom(",", ";", "\t", "|"),
  end: fc.constantFrom("\n", "\r\n", "\r"),
  quoted: fc.constantFrom("always", "needed"),
  encoding: fc.constantFrom("utf-8", "utf-8 with a mark", "utf-16le", "utf-16be"),
  isEnded: fc.boolean(),
});

function written(
  rows: readonly (readonly [string, string, number])[],
  { delimiter, end, quoted, encoding, isEnded }: typeof dialect extends fc.Arbitrary<infer D> ? D : never,
) {
  const cell = (text: string) =>
    quoted === "always" || /["\r\n]/.test(text) || text.includes(delimiter) ? `"${text.replaceAll('"', '""')}"` : text;
  const lines = [["user", "item", "timestamp"], ...rows].map((row) =>
    row.map((each) => cell(String(each))).join(delimiter),
  );
  const text = lines.join(end) + (isEnded ? end : "");
  if (encoding === "utf-16le") return Buffer.from(`\ufeff${text}`, "utf16le");
  if (encoding === "utf-16be") return Buffer.from(`\ufeff${text}`, "utf16le").swap16();
  return Buffer.from(encoding === "utf-8" ? text : `\ufeff${text}`);
}

test("any rows in any dialect, encoding and line end come back as they were written", async () => {
  let serial = 0;
  await fc.assert(
    fc.asyncProperty(rowsOf, dialect, async (rows, how) => {
      const path = join(root, `any-${serial++}`);
      writeFileSync(path, written(rows, how));
      const source = await fileSource(path, { map: {}, unit: "s" }, { say: () => undefined });
      const found: unknown[] = [];
      for await (const chunk of source.chunks(0, 7))
        found.push(...rowsIn(chunk).map(({ user, item, timestamp }) => [user, item, timestamp! / 1000]));
      source.close();
      expect(found).toEqual(rows);
      expect(source.skipped).toBe(0);
    }),
    { numRuns: 80, seed: 5 },
  );
});

/** Cuts at the given places. */
const pieces = <T extends { slice(from: number, to?: number): T; length: number }>(
  whole: T,
  cuts: readonly number[],
): T[] => {
  const at = [0, ...cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b), whole.length];
  return at.slice(1).map((to, k) => whole.slice(at[k]!, to));
};
const cuts = fc.array(fc.nat(400), { maxLength: 12 });
const messy = fc.string({
  unit: fc.constantFrom("a", "1", ",", '"', '""', "\n", "\r", "\r\n", " ", ',"', '",'),
  maxLength: 60,
});

test("where pieces of a text end changes no record, no line and no refusal", () => {
  fc.assert(
    fc.property(messy, cuts, fc.boolean(), (text, at, isQuoted) => {
      const read = (parts: readonly string[]) => {
        const refused: unknown[] = [];
        const reader = recordReader(
          { delimiter: ",", quote: isQuoted ? '"' : null, isPadded: false, shape: null },
          (...what) => refused.push(what),
        );
        const batches = [...parts.map((part) => reader.read(part, false)), reader.read("", true)];
        return {
          records: batches.flatMap(recordsIn),
          lines: batches.flatMap(({ lines }) => lines),
          refused,
        };
      };
      expect(read(pieces(text, at))).toEqual(read([text]));
    }),
    { numRuns: 1500, seed: 7 },
  );
});

test("where pieces of bytes end changes no character, in any encoding", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme", maxLength: 60 }),
      cuts,
      fc.constantFrom("utf-8", "utf-16le"),
      (text, at, encoding) => {
        const decoder = decoderOf(encoding);
        const parts = pieces(Buffer.from(text, encoding === "utf-8" ? "utf8" : "utf16le"), at);
        const decoded = [...parts.map((part) => decoder.decode(part, false)), decoder.decode(Buffer.alloc(0), true)];
        expect(decoded.map(({ text: each }) => each).join("")).toBe(text.replace(/^\ufeff/, ""));
        expect(decoded.some(({ isDamaged }) => isDamaged)).toBe(false);
      },
    ),
    { numRuns: 500, seed: 3 },
  );
});

test("objects of JSON are found wherever pieces of the text end", () => {
  const objects = fc.array(
    fc.record({ user: fc.string({ maxLength: 8 }), item: fc.stringMatching(/^[{}"\\[\],a]{0,6}$/) }),
    {
      minLength: 1,
      maxLength: 8,
    },
  );
  fc.assert(
    fc.property(objects, cuts, fc.constantFrom("lines", "array", "pretty"), (list, at, how) => {
      const text =
        how === "lines"
          ? list.map((each) => JSON.stringify(each)).join("\n")
          : JSON.stringify(list, null, how === "pretty" ? 1 : 0);
      const layout = layoutOf(text)!;
      const reader = objectReader(layout, ["user", "item"], [0, 1], () => expect.unreachable());
      const found = [...pieces(text, at).map((part) => reader.read(part, false)), reader.read("", true)].flatMap(
        recordsIn,
      );
      expect(found).toEqual(list.map(({ user, item }) => [user, item]));
    }),
    { numRuns: 500, seed: 9 },
  );
});

test.each([
  ["a line", "", "a"],
  ["a quote that is never closed", '"', "\n"],
  ["zeros", "", "\0"],
])("%s of 20 MiB is refused with its line, by a file of 20 kB", async (_, opening, filling) => {
  const path = join(root, "bomb.csv.gz");
  writeFileSync(path, gzipSync(`user,item,timestamp\nu1,i1,5\nu2,${opening}${filling.repeat(20 << 20)}`));
  const file = await openText(path);
  const read = async () => {
    for await (const _ of file.batches([0, 1], () => undefined));
  };
  await expect(read()).rejects.toThrow(/CSV_MALFORMED: line 3 is longer than 16 MiB/);
  file.close();
});

test("three million blank lines are passed over as fast as they come", async () => {
  const path = join(root, "blank.csv.gz");
  writeFileSync(path, gzipSync(`user,item\nu1,i1\n${"\n".repeat(3e6)}u2,i2`));
  const file = await openText(path);
  const lines: number[] = [];
  for await (const batch of file.batches([0, 1], () => undefined)) lines.push(...batch.lines);
  expect(lines).toEqual([2, 3_000_003]);
  file.close();
});

async function open(
  path: string,
  found: { position: number; memory: Readonly<Record<string, number>> } | null,
  flags = {},
) {
  const said: string[] = [];
  const source = await fileSource(path, { map: {}, unit: null, ...flags }, { say: (text) => said.push(text) });
  const from = await source.goesOnFrom(found);
  let position = from;
  const items: string[] = [];
  for await (const chunk of source.chunks(from, 2)) {
    items.push(...rowsIn(chunk).map(({ item }) => item));
    position = chunk.next;
  }
  source.close();
  return { from, items, said, saved: { position, memory: source.memory } };
}

test("a file that grew is gone on with, one that was touched is the same, one that changed is sent anew and that is said", async () => {
  const path = join(root, "grew.csv");
  writeFileSync(path, "user,item,timestamp\nu1,i1,1700000000\nu2,i2,1700000001\n");
  const first = await open(path, null);
  expect(first.items).toEqual(["i1", "i2"]);
  utimesSync(path, 1, 1);
  expect(await open(path, first.saved)).toMatchObject({ from: 2, items: [] });
  appendFileSync(path, "u9,i9,1700000999\n");
  const grown = await open(path, first.saved);
  expect(grown).toMatchObject({ from: 2, items: ["i9"], saved: { position: 3 } });
  writeFileSync(`${path}.gz`, gzipSync("user,item,timestamp\nu1,i1,1700000000\nu2,i2,1700000001\nu9,i9,1700000999\n"));
  expect(await open(`${path}.gz`, grown.saved)).toMatchObject({ from: 3, items: [] }); // packed, it holds the same rows
  const settled = await open(path, grown.saved, { unit: "ms" });
  expect(settled).toMatchObject({ from: 0, said: [expect.stringContaining("all of it is sent")] });
  writeFileSync(path, "user,item,timestamp\nu1,iX,1700000000\nu2,i2,1700000001\nu9,i9,1700000999\n");
  const other = await open(path, grown.saved);
  expect(other).toMatchObject({ from: 0, items: ["iX", "i2", "i9"] });
  expect(other.said.join()).toContain("no longer begins with the 3 rows that were sent from it");
});

test("a replay of refused rows that is begun again does not end as done", async () => {
  const path = join(root, "refused.csv");
  writeFileSync(path, "user,item\nu1,i1\n,i2\n");
  const run = async (found: Parameters<typeof open>[1]) => {
    const source = await fileSource(path, { map: {}, unit: null }, { isStrict: true, say: () => undefined });
    const from = await source.goesOnFrom(found);
    let position = from;
    for await (const chunk of source.chunks(from, 10)) position = chunk.next;
    expect(() => source.conclude(from, position - from)).toThrow(/ROWS_REFUSED/);
    source.close();
    return { position, memory: source.memory };
  };
  await run(await run(null));
});

test("a folder, a file that is not there and a name too long are told as such", async () => {
  mkdirSync(join(root, "folder"));
  await expect(openText(join(root, "folder"))).rejects.toMatchObject({ code: "FILE_UNREADABLE" });
  await expect(openText(join(root, "nowhere"))).rejects.toMatchObject({ code: "FILE_MISSING" });
  await expect(openText(join(root, "x".repeat(300)))).rejects.toMatchObject({ code: "FILE_UNREADABLE" });
});

test("UTF-16 is known without a mark, and plain text is not taken for it", () => {
  expect(encodingOf(Buffer.from("user,item", "utf16le"), undefined)).toBe("utf-16le");
  expect(encodingOf(Buffer.from("user,item", "utf16le").swap16(), undefined)).toBe("utf-16be");
  expect(encodingOf(Buffer.from("user,item\0"), undefined)).toBe("utf-8");
});

test.each([
  ["2024-02-29", Date.UTC(2024, 1, 29)],
  ["2023-11-14 22:13", Date.UTC(2023, 10, 14, 22, 13)],
  ["2023-11-14T22:13:20,5-0330", Date.UTC(2023, 10, 15, 1, 43, 20, 500)],
  ["2023-11-14 22:13:20 +00:00", Date.UTC(2023, 10, 14, 22, 13, 20)],
  ["2023-02-29", undefined],
  ["2023-13-01", undefined],
  ["2023-11-14T24:00", undefined],
  ["1700000000", undefined],
])("%s is that moment, or none", (text, ms) => {
  expect(instantOf(text)?.ms).toBe(ms);
});

test("a JSON field that first comes behind the first MiB is no time lost without a word", async () => {
  const path = join(root, "late.jsonl");
  writeFileSync(path, `${'{"user":"u","item":"i"}\n'.repeat(50_000)}{"user":"v","item":"i","timestamp":1700000000}\n`);
  const said: string[] = [];
  const source = await fileSource(path, { map: {}, unit: null }, { say: (text) => said.push(text) });
  let rows = 0;
  for await (const chunk of source.chunks(0, 4000)) rows += rowsIn(chunk).length;
  source.close();
  expect([rows, source.skipped]).toEqual([50_000, 1]);
  expect(said.join()).toMatch(/line 50001 skipped: "timestamp" stands in no object of the file's first MiB/);
});

test("a position that an earlier release kept of a file is known for one", () => {
  const folder = join(root, "positions");
  mkdirSync(folder);
  const memory = {};
  positionFile(folder, "/a/f.csv 120 1700000000000 to events").save(7, memory);
  writeFileSync(join(folder, "torn.json"), "{");
  expect(wasSentBefore(folder, "/a/f.csv", "events")).toBe(true);
  expect(wasSentBefore(folder, "/a/f.csv", "others")).toBe(false);
  expect(wasSentBefore(folder, "/a/f", "events")).toBe(false);
  positionFile(folder, "/a/g.csv to events").save(7, memory);
  expect(wasSentBefore(folder, "/a/g.csv", "events")).toBe(false);
  expect(wasSentBefore(join(root, "none"), "/a/f.csv", "events")).toBe(false);
});
