// Replay without Kafka: which column is what, what a row becomes, and the pace.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { fileSource } from "../../services/replay/file.ts";
import { paceOf } from "../../services/replay/pace.ts";
import { positionFile } from "../../services/replay/position.ts";
import { syntheticSource } from "../../services/replay/synthetic.ts";
import { chooseColumns, parseMap } from "../../shared/events/columns.ts";
import { unitBySize } from "../../shared/events/times.ts";
import { readRow } from "../../shared/files/rows.ts";
import { rowsIn } from "./replayed.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-replay-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const choose = (header: string, map = "") => chooseColumns(header.split(","), parseMap(map));

test.each([
  ["user,item,timestamp_ms,session", { user: 0, item: 1, timestamp: 2, value: null, unit: "ms" }],
  ["userId,movieId,rating,timestamp", { user: 0, item: 1, timestamp: 3, value: 2, unit: null }],
  ["uid,sid", { user: 0, item: 1, timestamp: null, value: null }],
  ["ts,article_id,user_id,score", { user: 2, item: 1, timestamp: 0, value: 3 }],
])("the columns of %s are found by their names", (header, expected) => {
  expect(choose(header)).toMatchObject(expected);
});

test("--map names columns, and wins over the guess", () => {
  expect(choose("user,shopper,thing", "user=shopper,item=thing")).toMatchObject({ user: 1, item: 2 });
});

test("a missing column is told with those that exist; a role that does not exist too", () => {
  expect(() => choose("who,what,when")).toThrow(/CSV_MALFORMED.*no column for the user.*who,what,when/);
  expect(() => choose("user,what", "item=thing")).toThrow(/CSV_MALFORMED.*no column "thing".*user,what/);
  expect(() => parseMap("person=x")).toThrow(/USAGE.*user, item, timestamp, value/);
});

test("seconds and milliseconds are told apart by size", () => {
  expect([unitBySize(964_982_703), unitBySize(1_506_826_800_026)]).toEqual(["s", "ms"]);
});

test("a row becomes an event, or says what is wrong with it", () => {
  const columns = choose("user,item,timestamp,value");
  const read = (line: string) =>
    readRow(line.split(","), columns, { unit: "s", decimal: null, integers: { user: false, item: false } });
  expect(read("u1,i1,1600000000.5,3")).toEqual({ user: "u1", item: "i1", timestamp: 1_600_000_000_500, value: 3 });
  expect(read("u1,i1,1600000000,")).toMatchObject({ value: null });
  expect(read("u1,i1,,1")).toMatchObject({ timestamp: null, value: 1 }); // as in a Parquet file: whenever it is sent
  for (const line of ["u1,i1,1600000000", "u1,i1,1,2,3", ",i1,1,1", "u1,,1,1", "u1,i1,soon,1", "u1,i1,1,much"]) {
    expect(read(line)).toHaveProperty("problem");
  }
});

test("a file is read from any position, gzip or not, with any of the usual delimiters", async () => {
  const rows = Array.from({ length: 50 }, (_, k) => `u${k};"i;${k}";${1_600_000_000 + k}`);
  const path = join(folder, "events.csv.gz");
  writeFileSync(path, gzipSync(`\ufeffuser;item;time\n${rows.join("\r\n")}\n`));
  const said: string[] = [];
  const source = await fileSource(path, { map: {}, unit: null }, { say: (text) => said.push(text) });
  const items: string[] = [];
  let next = 0;
  for await (const chunk of source.chunks(20, 7)) {
    items.push(...rowsIn(chunk).map(({ item }) => item));
    next = chunk.next;
  }
  expect(items).toEqual(Array.from({ length: 30 }, (_, k) => `i;${k + 20}`));
  expect(next).toBe(50);
  expect(said).toEqual([expect.stringContaining("seconds")]);
});

test("a truncated gzip file and an empty file are told as such", async () => {
  const cut = join(folder, "cut.csv.gz");
  const whole = gzipSync(
    `user,item\n${Array.from({ length: 5000 }, (_, k) => `u${k},i${(k * 7919) % 4001}`).join("\n")}`,
  );
  writeFileSync(cut, whole.subarray(0, whole.length - 20));
  const open = (path: string) => fileSource(path, { map: {}, unit: null }, { say: () => undefined });
  const source = await open(cut);
  const drain = async () => {
    for await (const _ of source.chunks(0, 100));
  };
  await expect(drain()).rejects.toMatchObject({ code: "FILE_UNREADABLE" });
  writeFileSync(join(folder, "empty.csv"), "");
  await expect(open(join(folder, "empty.csv"))).rejects.toMatchObject({ code: "CSV_MALFORMED" });
  await expect(open(join(folder, "none.csv"))).rejects.toMatchObject({ code: "FILE_MISSING" });
});

test("a preset is a stream that ends, with as many events as were asked for, and keeps a rate that is given", async () => {
  const source = syntheticSource({ seed: 1, drift: "slow", preset: "ml20m", history: 2500 }, 86_400_000, true);
  const chunks: [number, boolean][] = [];
  for await (const chunk of source.chunks(500, 1000)) chunks.push([rowsIn(chunk).length, chunk.paced]);
  expect(chunks).toEqual([
    [1000, true],
    [1000, true],
  ]);
  expect(source).toMatchObject({ total: 2500, identity: "synthetic seed 1 preset ml20m of 2500" });
});

test("the synthetic history is spread over the day before the start; live events carry no time", async () => {
  const day = 24 * 3600_000;
  const chunks = [];
  for await (const chunk of syntheticSource({ seed: 1, history: 6000, drift: "slow" }, day, true).chunks(0, 10)) {
    chunks.push(chunk);
    if (!chunk.paced) continue;
    break;
  }
  const history = chunks.filter(({ paced }) => !paced).flatMap(rowsIn);
  expect(history).toHaveLength(6000);
  expect(history[0]!.timestamp).toBe(0);
  expect(history.at(-1)!.timestamp).toBeLessThan(day);
  expect(chunks.at(-1)).toMatchObject({ next: 6010 });
  expect(rowsIn(chunks.at(-1)!)).toMatchObject(Array.from({ length: 10 }, () => ({ timestamp: null })));
});

test("the pace keeps its rate on average, and does not make up for a pause", () => {
  const pace = paceOf(100);
  let now = 0;
  for (let sent = 0; sent < 1000; sent += 10) now += pace.wait(10, now);
  expect(now).toBeGreaterThan(9000);
  expect(now).toBeLessThan(10_000);
  now += 60_000;
  let burst = 0;
  while (pace.wait(10, now) === 0) burst += 10;
  expect(burst).toBeLessThan(100);
  expect(paceOf(null).wait(1e9, 0)).toBe(0);
});

test("a save that the disk refused is made by the next one: after the first of a resumed replay it wrote to no file", async () => {
  const place = mkdtempSync(join(folder, "refused-"));
  await positionFile(place, "a").save(7, {});
  const [name] = readdirSync(place);
  const resumed = positionFile(place, "a");
  mkdirSync(join(place, `${name}.tmp`));
  expect(() => resumed.save(8, {})).toThrow(/EISDIR/);
  rmSync(join(place, `${name}.tmp`), { recursive: true });
  await resumed.save(9, {});
  expect(positionFile(place, "a").found).toMatchObject({ position: 9 });
});

test("a position is found again by the same stream, and by no other", () => {
  positionFile(folder, "a").save(7, { startedAt: 1 });
  expect(positionFile(folder, "a").found).toMatchObject({ position: 7, memory: { startedAt: 1 } });
  expect(positionFile(folder, "b").found).toBeNull();
});
