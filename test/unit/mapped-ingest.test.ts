// A map from the topic to the tables: several rows of one offset, what is left out, what is refused; crashes, readers
// of the same topic beside it, letters sent back, and users who are forgotten.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import pino from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { planOf } from "../../services/commands/dead-letters/plan.ts";
import { prove } from "../../services/commands/table/proof.ts";
import { openInWork } from "../../services/ingest/in-work.ts";
import { createIntake } from "../../services/ingest/intake.ts";
import type { News } from "../../services/ingest/news.ts";
import { createWriter, type Writer } from "../../services/ingest/writer.ts";
import { openAhead } from "../../services/serve/ahead.ts";
import { eventsOf } from "../../shared/events/batch.ts";
import { readerOf } from "../../shared/events/shape/mapped.ts";
import { parseShape, type ShapeText } from "../../shared/events/shape/shape.ts";
import { readShapes, shapeOf } from "../../shared/files/shape-flags.ts";
import { pack, type RawMessage } from "../../shared/kafka/messages.ts";
import { createTail } from "../../shared/recommending/tail.ts";
import { compact } from "../../shared/table/compaction.ts";
import { readDeadLetters } from "../../shared/table/dead-letters.ts";
import { eraseRows } from "../../shared/table/erasure.ts";
import { openEvents, readEvents } from "../../shared/table/events.ts";
import { readFiltered } from "../../shared/table/filtered.ts";
import { eraseLetters } from "../../shared/table/letter-erasure.ts";
import { declareShape, readerIn, shapeIn } from "../../shared/table/shapes.ts";
import { openTables } from "../../shared/table/tables.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-mapped-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const shape: ShapeText = { map: "user=$.lines[*].who,item=$.lines[*].sku,value=$.n", where: "$.type == 'buy'" };
const [table, dead] = ["table", "dead"];
const open = () => openTables(join(folder, table), join(folder, dead));
const proof = () => prove(join(folder, table), join(folder, dead));
const message = (offset: number, value: unknown): RawMessage => ({
  offset: `${offset}`,
  value: value === null ? null : Buffer.from(typeof value === "string" ? value : JSON.stringify(value)),
  timestamp: `${1_700_000_000_000 + offset}`,
});
const buy = (...lines: [who: unknown, sku: unknown][]) => ({
  type: "buy",
  lines: lines.map(([who, sku]) => ({ who, sku })),
});

/** An ingest process with the map; `rows` of a file. */
async function start(rows = 1000, faults: (writer: Writer) => Writer = (writer) => writer, text = shape) {
  const told: News[] = [];
  const intake = createIntake(
    {
      ...{
        topic: "t",
        stopOnBadEvent: false,
        stopOnLost: true,
        stopOnNewTopic: true,
        retryMs: 1,
        ends: null,
        committed: () => {},
        reassign: () => {},
      },
      limits: { rows, bytes: 1e9, ageMs: 1e9 },
      look: async () => null,
      inWork: openInWork(join(folder, "in-work"), "t"),
      reader: readerOf(parseShape(text)),
      tell: (news) => told.push(news),
    },
    faults(createWriter(await open(), "t")),
    pino({ level: "silent" }),
  );
  const read = async (all: readonly RawMessage[], end = all.length) => {
    const from = (
      await intake.assigned([0], 1, {
        id: null,
        isAbsent: false,
        bounds: [{ partition: 0, begin: 0, end, stable: end }],
      })
    ).get(0)!;
    for (let at = from; at < end; at += 7) {
      const next = Math.min(end, at + 7);
      const some = all.filter(({ offset }) => Number(offset) >= at && Number(offset) < next);
      await intake.fetched({ partition: 0, generation: 1, asked: at, messages: pack(some, 0), next });
    }
    await intake.drain(0);
  };
  return { read, told };
}

async function held() {
  const { events, deadLetters, filtered } = await open();
  const rows = (await Promise.all(events.files.map((file) => readEvents(events.store, file)))).flatMap(eventsOf);
  const letters = (await Promise.all(deadLetters.files.map((file) => readDeadLetters(deadLetters.store, file)))).flat();
  const ranges = (await Promise.all(filtered.files.map((file) => readFiltered(filtered.store, file)))).flat();
  return {
    rows: rows.map(({ offset, user, item }) => `${offset} ${user} ${item}`).sort(),
    letters: letters.map(({ offset, reason, detail }) => [offset, reason, detail]),
    ranges: ranges.map(({ first, last, reason }) => [first, last, reason]),
  };
}

test("several rows of one offset, what is left out, what is refused with its path: every offset has one fate, and verify proves it", async () => {
  const { read, told } = await start();
  await read(
    [
      message(0, buy(["a", "x"], ["b", "y"])),
      message(1, { type: "view" }),
      message(2, { type: "view", lines: 7 }),
      message(3, buy(["a", "x"], ["a", null])),
      message(4, buy()),
      message(6, buy(["c", "z"])),
      message(7, "{"),
    ],
    9,
  );
  expect(await held()).toEqual({
    rows: ["0 a x", "0 b y", "6 c z"],
    letters: [
      [3, "ITEM_MISSING", "no item: nothing at $.lines[1].sku"],
      [7, "NOT_JSON", "the value is no JSON"],
    ],
    ranges: [
      [1, 2, "LEFT_OUT"],
      [4, 4, "LEFT_OUT"],
      [5, 5, "NO_MESSAGE"],
      [8, 8, "NO_MESSAGE"],
    ],
  });
  const wrote = told.flatMap((news) => (news.type === "wrote" ? news.brought : []));
  expect(wrote).toMatchObject([{ good: 2, moreRows: 1, dead: 2, filtered: 5, leftOut: 3, next: 9 }]);
  const report = await proof();
  expect(report.problems).toEqual([]);
  expect(report.partitions).toMatchObject([
    { rows: 3, messages: 2, dead: 2, filtered: 5, leftOut: 3, read: 9, missing: 0, duplicated: 0 },
  ]);
});

test("property: whatever messages bring, and wherever files end, rows are those of the map, and every offset is proven", async () => {
  const line = fc.tuple(fc.constantFrom("a", "b", "c", null), fc.constantFrom("x", "y", "z"));
  const value = fc.oneof(
    { weight: 5, arbitrary: fc.array(line, { maxLength: 4 }).map((lines) => buy(...lines)) },
    fc.constantFrom<unknown>("{", null, { type: "view" }, "missing"),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(value, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 20 }),
      async (values, rows) => {
        rmSync(folder, { recursive: true, force: true });
        const all = values.flatMap((each, offset) => (each === "missing" ? [] : [message(offset, each)]));
        await (await start(rows)).read(all, values.length);
        const { read } = readerOf(parseShape(shape));
        const expected = all.flatMap(({ offset, value: bytes }) => {
          const outcome = read({ value: bytes, own: 1, beside: [] });
          return outcome.type === "rows" ? outcome.rows.map(({ user, item }) => `${offset} ${user} ${item}`) : [];
        });
        expect((await held()).rows).toEqual(expected.sort());
        expect((await proof()).problems).toEqual([]);
      },
    ),
    { seed: 8, numRuns: 15 },
  );
}, 60_000);

test("a crash between two commits, and files merged later, double no row of a message", async () => {
  const all = Array.from({ length: 40 }, (_, k) =>
    message(k, k % 9 === 3 ? "{" : buy([`u${k % 4}`, `i${k}`], [`v${k}`, "j"])),
  );
  const dies = (writer: Writer): Writer => ({
    ...writer,
    write: async (encoded) => {
      if (encoded.dead)
        await writer
          .write({ ...encoded, filtered: undefined, events: { file: undefined, to: new Map() } })
          .catch(() => {});
      throw new WebAssembly.RuntimeError("unreachable");
    },
  });
  await expect((await start(10, dies)).read(all)).rejects.toThrow();
  await (await start(9)).read(all);
  const { rows } = await held();
  expect(rows).toHaveLength(2 * all.filter((_, k) => k % 9 !== 3).length);
  await compact((await open()).events);
  expect((await held()).rows).toEqual(rows);
  expect((await proof()).problems).toEqual([]);
});

test("verify tells a doubled row of several, and one that is lost", async () => {
  await (await start()).read([message(0, buy(["a", "x"], ["b", "y"])), message(1, buy(["c", "z"]))]);
  const { events } = await open();
  await events.commit({
    add: [{ ...events.files[0]!, path: events.files[0]!.path }],
    txn: [{ appId: "t/0/more-rows", version: 2 }],
  });
  expect((await proof()).problems).toEqual(["partition 0: 1 rows are missing of messages that are several rows"]);
  await events.commit({ txn: [{ appId: "t/0/erased-rows", version: 2 }] });
  expect((await proof()).problems).toEqual(["partition 0: 1 offsets stand twice"]);
});

test("who is forgotten leaves the rows of others of the same message, and letters by the map's own path", async () => {
  const tables = await open();
  await declareShape(tables.events, "t", shape);
  await (await start()).read([
    message(0, buy(["a", "x"], ["b", "y"])),
    message(1, buy(["a", "x"], ["a", "y"])),
    message(2, buy(["b", "x"])),
    message(3, buy(["a", "x"], ["b", null])),
    message(4, buy(["b", null])),
  ]);
  await compact((await open()).events);
  expect(await eraseRows(await open(), "a")).toMatchObject({ erased: 3 });
  expect(await eraseLetters(await open(), "a")).toMatchObject({ erased: 1 });
  const { rows, letters, ranges } = await held();
  expect([rows, letters.map(([offset]) => offset)]).toEqual([["0 b y", "2 b x"], [4]]);
  expect(ranges.filter(([, , reason]) => reason === "ERASED").map(([first]) => first)).toEqual([1, 3]);
  expect((await proof()).problems).toEqual([]);
  await eraseRows(await open(), "b");
  await eraseLetters(await open(), "b");
  expect((await held()).rows).toEqual([]);
  expect((await proof()).problems).toEqual([]);
});

test("the table keeps the map of each topic, over checkpoints of its log too, and says when it is another one", async () => {
  const { events } = await open();
  expect(await declareShape(events, "t", null)).toBeUndefined();
  expect(events.version).toBe(-1);
  expect(await declareShape(events, "t", shape)).toEqual({ before: null });
  expect(await declareShape(events, "t", shape)).toBeUndefined();
  expect(await declareShape(events, "other", { ...shape, where: "" })).toEqual({ before: null });
  for (let offset = 0; offset < 25; offset++) await events.commit({ txn: [{ appId: "t/0", version: offset }] });
  const again = await openEvents(join(folder, table));
  expect(shapeIn(again.properties, "t")).toEqual(shape);
  expect(await declareShape(again, "t", { map: "debezium", where: "" })).toEqual({ before: shape });
  expect(await declareShape(again, "t", null)).toEqual({ before: { map: "debezium", where: "" } });
  expect(Object.keys(again.properties)).toEqual(["tributary.shape.other"]);
  expect((await proof()).problems).toEqual([expect.stringContaining("no row or dead letter was found")]);
});

test("serve reads ahead by the same map: every row of a message, and nothing of one that is left out", () => {
  const tail = createTail();
  const ahead = openAhead(
    tail,
    (item) => item !== "new",
    () => undefined,
  );
  const reader = readerOf(parseShape({ map: "user=$key,item=$.skus[*]", where: "$headers.kind == 'buy'" }));
  const of = (offset: number, key: string, kind: string, ...skus: unknown[]): RawMessage => ({
    ...message(offset, { skus }),
    key: Buffer.from(key),
    headers: { kind: [Buffer.from("x"), Buffer.from(kind)] },
  });
  const all = [
    of(0, "a", "buy", "x", "new", "x"),
    of(1, "b", "view", "y"),
    of(2, "b", "buy", "y"),
    of(3, "", "buy", "z"),
  ];
  const batch = { partition: 0, generation: 0, asked: 0, messages: pack(all, 0, reader.beside), next: 4 };
  ahead.take(batch, 0, Date.now(), reader);
  expect([tail.itemsOf("a"), tail.itemsOf("b")]).toEqual([["x", "new"], ["y"]]);
  expect(ahead.counts).toEqual({ taken: 4, unknown: 1, old: 0, refused: 1, filtered: 1 });
  expect(tail.pairs()).toHaveLength(3);
  ahead.take(batch, 0, Date.now(), reader);
  expect(ahead.counts).toMatchObject({ taken: 4, old: 2 });
  tail.reached(new Map([[0, 0]]));
  expect(tail.itemsOf("a")).toEqual([]);
});

test("a letter is sent back by the map of its topic, not by our own shape", async () => {
  const { events } = await open();
  await declareShape(events, "t", { map: "user=$.u,item=$.i", where: "" });
  await declareShape(events, "k", { map: "user=$key,item=$.i", where: "" });
  const plan = (topic: string, value: unknown) => {
    const place = { topic, partition: 0, offset: 1 };
    const correction = { line: 1, place, value: Buffer.from(JSON.stringify(value)) };
    return planOf({ corrections: [correction], problems: [] }, new Map([[`${topic}/0/1`, 5]]), new Map(), (name) =>
      readerIn(events.properties, name),
    );
  };
  expect(plan("t", { u: 7, i: "x" })).toMatchObject({ send: [{ key: "7" }], problems: [] });
  expect(String(plan("t", { u: 7, i: "x" }).send[0]!.value)).toBe('{"u":7,"i":"x"}');
  expect(plan("t", { user: 7, item: "x" }).problems).toEqual([
    expect.stringContaining("USER_MISSING, no user: nothing at $.u"),
  ]);
  expect(plan("k", { i: "x" }).problems).toEqual([expect.stringContaining("a letter keeps neither key nor headers")]);
  expect(plan("other", { user: 7, item: "x" }).send).toMatchObject([{ key: "7" }]);
});

test("a file holds a map for each topic, and for all others; what is wrong in it is named with its topic", () => {
  const path = join(folder, "maps.json");
  const write = (content: unknown) =>
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  const flags = { map: "", where: "", mapFile: path };
  write({ a: { map: "user=$.u,item=$.i" }, "*": { where: "$.x" } });
  const shapes = readShapes(flags);
  expect(shapeOf(shapes, "a")).toEqual({ map: "user=$.u,item=$.i", where: "" });
  expect(shapeOf(shapes, "b")).toEqual({ map: "", where: "$.x" });
  expect(shapeOf({}, "b")).toBeNull();
  expect(shapeOf(shapes, "constructor")).toEqual({ map: "", where: "$.x" });
  for (const [content, problem] of [
    ["{", "it is no JSON"],
    ["[]", "no {"],
    [{ a: { maps: "" } }, "maps"],
    [{ a: { map: "user=$.u,item=$[" } }, "map of a"],
  ] as const) {
    write(content);
    expect(() => readShapes(flags), problem).toThrow(problem);
  }
  expect(() => readShapes({ ...flags, where: "$.x" })).toThrow("USAGE");
  expect(() => readShapes({ ...flags, mapFile: join(folder, "none") })).toThrow("FILE_MISSING");
});
