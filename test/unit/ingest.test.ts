// Ingest without Kafka: when a buffer becomes a file, and what the real tables hold after crashes, fences and full
// disks.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import pino from "pino";
import { afterEach, expect, test } from "vitest";
import { prove } from "../../services/commands/table/proof.ts";
import { openInWork } from "../../services/ingest/in-work.ts";
import { createIntake, type Intake } from "../../services/ingest/intake.ts";
import { createProgress } from "../../services/ingest/progress.ts";
import { type Limits, seal } from "../../services/ingest/sealer.ts";
import { createWriter, type Writer } from "../../services/ingest/writer.ts";
import { eventsOf } from "../../shared/events/batch.ts";
import { pack, type RawMessage } from "../../shared/kafka/messages.ts";
import type { Bounds } from "../../shared/kafka/port.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";
import { openDeadLetters, readDeadLetters, writeDeadLetters } from "../../shared/table/dead-letters.ts";
import { openEvents, readEvents } from "../../shared/table/events.ts";
import { openFiltered, readFiltered } from "../../shared/table/filtered.ts";
import { startOf } from "../../shared/table/progress.ts";
import { openTables } from "../../shared/table/tables.ts";

const TOPIC = "t";
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tributary-intake-"));
  folders.push(folder);
  return folder;
}

const message = (offset: number, text: string | null): RawMessage => ({
  offset: `${offset}`,
  value: text === null ? null : Buffer.from(text),
  timestamp: `${1_700_000_000_000 + offset}`,
});
/** Good but for every fifth. */
const messages = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, k) =>
    message(from + k, (from + k) % 5 === 0 ? "broken" : `{"user":"u${from + k}","item":"i1"}`),
  );

const eager: Limits = { rows: 1, bytes: 1e9, ageMs: 0 };
const patient: Limits = { rows: 1000, bytes: 1e9, ageMs: 60_000 };

interface Rig {
  readonly intake: Intake;
  readonly told: Map<number, number>[];
  reassigned: number;
  assign(partitions?: readonly number[]): Promise<ReadonlyMap<number, number>>;
  fetch(batch: { partition: number; messages: readonly RawMessage[]; next: number; asked?: number }): Promise<void>;
  /** Kafka deletes what lies before. */
  deleteTo(offset: number): void;
  /** Another topic has the name from now on; null: none is told. */
  makeAnew(id: string | null, end?: number): void;
  status(): Record<string, unknown>;
  metric(name: string): Promise<string[]>;
}

type Mutable = { id: string | null; isAbsent: boolean; bounds: { -readonly [K in keyof Bounds]: Bounds[K] }[] };

interface Options {
  readonly end?: number;
  readonly stopOnBadEvent?: boolean;
  readonly stopOnLost?: boolean;
  readonly stopOnNewTopic?: boolean;
  readonly topic?: string;
  readonly faults?: (writer: Writer) => Writer;
}

async function rig(
  folder: string,
  limits: Limits,
  { end, stopOnBadEvent = false, stopOnLost = true, stopOnNewTopic = true, topic = TOPIC, faults }: Options = {},
): Promise<Rig> {
  const real = createWriter(await openTables(join(folder, "table"), join(folder, "dead")), topic);
  const metrics = createMetrics("test");
  const progress = createProgress(metrics);
  const told: Map<number, number>[] = [];
  let generation = 0;
  const seen: Mutable = {
    id: null,
    isAbsent: false,
    bounds: [0, 1].map((partition) => ({ partition, begin: 0, end: 1000, stable: 1000 })),
  };
  const made: Rig = {
    told,
    makeAnew: (id, end = 1000) => {
      seen.id = id;
      for (const bound of seen.bounds) Object.assign(bound, { begin: 0, end, stable: end });
    },
    deleteTo: (offset) => {
      for (const bound of seen.bounds) bound.begin = offset;
    },
    reassigned: 0,
    assign: (partitions = [0]) => made.intake.assigned(partitions, ++generation, seen),
    fetch: ({ messages, ...rest }) =>
      made.intake.fetched({ asked: 0, ...rest, generation, messages: pack(messages, 0) }),
    status: () => progress.status() as Record<string, unknown>,
    metric: async (name) =>
      (await metrics.text()).split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `)),
    intake: createIntake(
      {
        topic,
        limits,
        inWork: openInWork(join(folder, "table", "in-work"), TOPIC),
        stopOnBadEvent,
        stopOnLost,
        stopOnNewTopic,
        look: async () => seen,
        retryMs: 1,
        ends: end === undefined ? null : new Map([[0, end]]),
        reassign: () => {
          made.reassigned++;
        },
        committed: (next) => told.push(new Map(next)),
        tell: (news) => progress.hear(news, TOPIC),
      },
      faults?.(real) ?? real,
      pino({ level: "silent" }),
    ),
  };
  return made;
}

async function held(folder: string) {
  const events = await openEvents(join(folder, "table"));
  const good = (await Promise.all(events.files.map((file) => readEvents(events.store, file)))).flatMap((batch) => [
    ...batch.offset,
  ]);
  const dead = await openDeadLetters(join(folder, "dead"));
  const bad = (await Promise.all(dead.files.map((file) => readDeadLetters(dead.store, file))))
    .flat()
    .map(({ offset }) => offset);
  return { good: good.sort((a, b) => a - b), bad: bad.sort((a, b) => a - b), events, dead };
}

const good = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, k) => from + k).filter((k) => k % 5 !== 0);
const bad = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, k) => from + k).filter((k) => k % 5 === 0);

test("property: a buffer is sealed when it is full, old enough or the last, and never when it is empty", () => {
  const limits = { rows: 100, bytes: 1000, ageMs: 5000 };
  fc.assert(
    fc.property(
      fc.nat({ max: 200 }),
      fc.nat({ max: 2000 }),
      fc.nat({ max: 10_000 }),
      fc.constantFrom(null, "end" as const, "rebalance" as const),
      (rows, bytes, age, asked) => {
        const cause = seal({ rows, bytes, since: 1000 }, asked, limits, 1000 + age);
        expect(cause !== null).toBe(rows >= 100 || bytes >= 1000 || age >= 5000 || asked !== null);
        expect(seal({ rows: 0, bytes: 0, since: null }, asked, limits, 1000 + age)).toBeNull();
      },
    ),
    { seed: 5 },
  );
});

test("reading starts after the table's last offset, and what the topic no longer holds is told", () => {
  expect(startOf(undefined, { begin: 7, end: 9 })).toEqual({ offset: 7 });
  expect(startOf(6, { begin: 0, end: 7 })).toEqual({ offset: 7 });
  expect(startOf(6, { begin: 8, end: 20 })).toEqual({ offset: 8, lostFrom: 7 });
  expect(startOf(6, { begin: 0, end: 6 })).toHaveProperty("anew");
});

test("good rows and dead letters are committed with their offsets, and the group is told afterwards", async () => {
  const folder = newFolder();
  const { assign, fetch, told, status } = await rig(folder, eager);
  expect(await assign()).toEqual(new Map([[0, 0]]));
  await fetch({ partition: 0, messages: messages(0, 20), next: 20 });
  const { events, dead, ...offsets } = await held(folder);
  expect(offsets).toEqual({ good: good(0, 20), bad: bad(0, 20) });
  expect([events.offsets.get("t/0"), dead.offsets.get("t/0")]).toEqual([19, 19]);
  expect(events.watermark).toBe(1_700_000_000_019);
  expect(told).toEqual([new Map([[0, 20]])]);
  expect(status()).toMatchObject({ read: 20, written: 16, dead: 4, filtered: 0, buffered: 0 });
});

test("a batch of dead letters alone moves the table on too", async () => {
  const folder = newFolder();
  const { assign, fetch } = await rig(folder, eager);
  await assign();
  await fetch({ partition: 0, messages: [message(0, "x"), message(1, "y")], next: 2 });
  expect((await held(folder)).events.offsets.get("t/0")).toBe(1);
});

test("messages at and after the end that was asked for are left alone, and the end is told once all before it is written", async () => {
  const folder = newFolder();
  const { intake, assign, fetch } = await rig(folder, patient, { end: 13 });
  await assign();
  await fetch({ partition: 0, messages: messages(0, 20), next: 20 });
  await intake.ended;
  expect(await held(folder)).toMatchObject({ good: good(0, 13), bad: bad(0, 13) });
});

test("a crash between the dead letters' commit and the events' doubles no letter, wherever the next buffer ends", async () => {
  const folder = newFolder();
  const dead = await openDeadLetters(join(folder, "dead"));
  const letter = (offset: number) =>
    ({ value: null, topic: TOPIC, partition: 0, offset, timestamp: 1, reason: "NOT_JSON", detail: "" }) as const;
  await dead.commit({
    add: [await writeDeadLetters(dead.store, bad(0, 20).map(letter))],
    txn: [{ appId: "t/0", version: 19 }],
  });
  const { assign, fetch } = await rig(folder, eager);
  expect(await assign()).toEqual(new Map([[0, 0]]));
  for (const [from, to] of [
    [0, 8],
    [8, 23],
    [23, 40],
  ] as const)
    await fetch({ partition: 0, messages: messages(from, to), next: to });
  expect(await held(folder)).toMatchObject({ good: good(0, 40), bad: bad(0, 40) });
});

test.each(["has not seen it", "has seen it"])(
  "a writer whose partition was taken over, and that %s, drops what it holds and asks to read again",
  async (seen) => {
    const folder = newFolder();
    let look = async (): Promise<void> => undefined;
    const faults = (writer: Writer): Writer => {
      look = writer.look;
      return writer;
    };
    const slow = await rig(folder, patient, { faults });
    const fast = await rig(folder, eager);
    for (const each of [slow, fast]) await each.assign();
    await slow.fetch({ partition: 0, messages: messages(0, 30), next: 30 });
    await fast.fetch({ partition: 0, messages: messages(0, 10), next: 10 });
    if (seen === "has seen it") await look();
    await slow.intake.drain(1000);
    expect(slow.reassigned).toBe(1);
    expect(slow.status()).toMatchObject({ read: 0, buffered: 0 });
    expect(await slow.assign()).toEqual(new Map([[0, 10]]));
    expect(await held(folder)).toMatchObject({ good: good(0, 10), bad: bad(0, 10) });
  },
);

test("a new assignment drops what was read under the old one", async () => {
  const folder = newFolder();
  const { intake, assign, fetch, status } = await rig(folder, patient);
  await assign();
  await fetch({ partition: 0, messages: messages(0, 9), next: 9 });
  expect(await assign()).toEqual(new Map([[0, 0]]));
  await fetch({ partition: 0, messages: messages(0, 4), next: 4 });
  expect(status()).toMatchObject({ read: 4, buffered: 4 });
  await intake.drain(1000);
  expect(await held(folder)).toMatchObject({ good: good(0, 4), bad: bad(0, 4) });
});

test("a full disk holds everything up and loses nothing: the same rows are written when there is space again", async () => {
  const folder = newFolder();
  let refusals = 3;
  const faults = (writer: Writer): Writer => ({
    ...writer,
    get committed() {
      return writer.committed;
    },
    write: (buffer) =>
      refusals-- > 0
        ? Promise.reject(Object.assign(new Error("no space left on device"), { code: "ENOSPC" }))
        : writer.write(buffer),
  });
  const { assign, fetch, status } = await rig(folder, eager, { faults });
  await assign();
  await fetch({ partition: 0, messages: messages(0, 12), next: 12 });
  expect(await held(folder)).toMatchObject({ good: good(0, 12), bad: bad(0, 12) });
  expect(status()).toMatchObject({ state: "consuming", written: good(0, 12).length });
});

test("a disk that stays full ends a drain with the disk's error, and the table keeps its place", async () => {
  const folder = newFolder();
  const full = () => Promise.reject(Object.assign(new Error("no space left on device"), { code: "ENOSPC" }));
  const { intake, assign, fetch } = await rig(folder, patient, { faults: (writer) => ({ ...writer, write: full }) });
  await assign();
  await fetch({ partition: 0, messages: messages(0, 12), next: 12 });
  await expect(intake.drain(5)).rejects.toMatchObject({ code: "ENOSPC" });
  expect((await held(folder)).events.version).toBe(-1);
});

test("offsets at which Kafka has no message are filtered: in the table of ranges, and in the sum", async () => {
  const folder = newFolder();
  const { assign, fetch, status, metric } = await rig(folder, eager);
  await assign();
  await fetch({
    partition: 0,
    messages: [message(2, "x"), message(3, `{"user":"u","item":"i"}`), message(7, `{"user":"u","item":"i"}`)],
    next: 10,
  });
  await fetch({ partition: 0, messages: [], next: 12 });
  const filtered = await openFiltered(join(folder, "table"));
  const ranges = (await Promise.all(filtered.files.map((file) => readFiltered(filtered.store, file)))).flat();
  expect(ranges.map(({ first, last, reason }) => [first, last, reason])).toEqual([
    [0, 1, "NO_MESSAGE"],
    [4, 6, "NO_MESSAGE"],
    [8, 9, "NO_MESSAGE"],
    [10, 11, "NO_MESSAGE"],
  ]);
  expect(await held(folder)).toMatchObject({ good: [3, 7], bad: [2] });
  expect(status()).toMatchObject({ read: 12, written: 2, dead: 1, filtered: 9, buffered: 0 });
  expect(await metric("tributary_events_read_total")).toEqual([
    'tributary_events_read_total{topic="t",partition="0",service="test"} 12',
  ]);
  expect((await held(folder)).events.offsets.get("t/0")).toBe(11);
});

test("property: however messages are cut into batches, whatever is missing or bad, read = written + dead + filtered in every partition", async () => {
  const kinds = fc.constantFrom("good" as const, "slow" as const, "bad" as const, "missing" as const);
  const topics = fc.array(fc.array(kinds, { maxLength: 40 }), { minLength: 1, maxLength: 2 });
  const cuts = fc.array(fc.tuple(fc.nat({ max: 1 }), fc.integer({ min: 1, max: 9 })), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(topics, cuts, fc.integer({ min: 1, max: 30 }), async (partitions, batches, rows) => {
      const folder = newFolder();
      const { intake, assign, fetch, status } = await rig(folder, { rows, bytes: 1e9, ageMs: 1e9 });
      await assign(partitions.map((_, partition) => partition));
      const next = partitions.map(() => 0);
      const text = { good: `{"user":"u","item":"i"}`, slow: `{"user":"\\u00fc","item":"i","more":1}`, bad: "?" };
      const give = async (partition: number, count: number) => {
        const from = next[partition]!;
        const to = Math.min(partitions[partition]!.length, from + count);
        const found = partitions[partition]!.slice(from, to).flatMap((kind, k) =>
          kind === "missing" ? [] : [message(from + k, text[kind])],
        );
        next[partition] = to;
        await fetch({ partition, messages: found, next: to });
      };
      for (const [partition, count] of batches) if (partition < partitions.length) await give(partition, count);
      for (const partition of partitions.keys()) await give(partition, 40);
      await intake.drain(1000);
      const expected = (...of: string[]) => partitions.flat().filter((kind) => of.includes(kind)).length;
      const [written, dead, filtered] = [expected("good", "slow"), expected("bad"), expected("missing")];
      expect(status()).toMatchObject({ read: partitions.flat().length, written, dead, filtered, buffered: 0 });
      const { good, bad } = await held(folder);
      expect([good.length, bad.length]).toEqual([written, dead]);
    }),
    { seed: 9, numRuns: 25 },
  );
});

test("what was fetched under an earlier assignment is ignored: a hole in it would be taken for one of Kafka's", async () => {
  const folder = newFolder();
  const { intake, assign, fetch, status } = await rig(folder, eager);
  await assign();
  await fetch({ partition: 0, messages: messages(0, 4), next: 4 });
  await assign();
  await intake.fetched({ partition: 0, generation: 1, asked: 0, messages: pack(messages(8, 12), 0), next: 12 });
  expect(status()).toMatchObject({ read: 4 });
  await fetch({ partition: 0, messages: messages(4, 12), next: 12 });
  expect(await held(folder)).toMatchObject({ good: good(0, 12), bad: bad(0, 12) });
});

test("asked to stop at a bad event, everything before it is in the table and nothing after it, and the message names it", async () => {
  const folder = newFolder();
  const { assign, fetch } = await rig(folder, patient, { stopOnBadEvent: true });
  await assign();
  await expect(fetch({ partition: 0, messages: messages(1, 9), next: 9 })).rejects.toThrow(
    "BAD_EVENT: NOT_JSON, the value is no JSON: topic t, partition 0, offset 5.",
  );
  const { events, ...offsets } = await held(folder);
  expect(offsets).toMatchObject({ good: [1, 2, 3, 4], bad: [] });
  expect(events.offsets.get("t/0")).toBe(4);
});

test("unknown fields are counted by name, null and missing optional ones are null, a type that changed is a dead letter, and one file holds it all", async () => {
  const folder = newFolder();
  const { intake, assign, fetch, status } = await rig(folder, patient);
  await assign();
  const lines = [
    `{"user":"a","item":"b","session":"s","page":{"x":1}}`,
    `{"user":"a","item":"b","session":null,"timestamp":null,"value":null}`,
    `{"user":7,"item":"b","value":"4.5"}`,
    `{"user":7,"item":"b","value":4.5}`,
  ];
  await fetch({ partition: 0, messages: lines.map((line, k) => message(k, line)), next: 4 });
  await intake.drain(1000);
  expect(status()).toMatchObject({
    unknownFields: { session: 2, page: 1 },
    flushes: { end: 1 },
    table: { files: 1, rows: 3 },
  });
  const { events, bad } = await held(folder);
  expect(bad).toEqual([2]);
  const rows = eventsOf(await readEvents(events.store, events.files[0]!));
  expect(rows.map(({ user, timestamp, value }) => [user, timestamp, value])).toEqual([
    ["a", 1_700_000_000_000, null],
    ["a", 1_700_000_000_001, null],
    ["7", 1_700_000_000_003, 4.5],
  ]);
});

test("a producer that makes up field names fills no memory: the rest count as others", async () => {
  const folder = newFolder();
  const { intake, assign, fetch, status } = await rig(folder, patient);
  await assign();
  await fetch({
    partition: 0,
    messages: Array.from({ length: 80 }, (_, k) => message(k, `{"user":"a","item":"b","f${k}":1}`)),
    next: 80,
  });
  await intake.drain(1000);
  const { unknownFields } = status() as { unknownFields: Record<string, number> };
  expect(Object.keys(unknownFields)).toHaveLength(51);
  expect(status()).toMatchObject({ warnings: [expect.stringContaining("more kinds of unknown fields")] });
  expect(unknownFields["(others)"]).toBe(30);
});

test("health: a consumer that reads nothing while messages wait, or whose disk refuses, turns red, and one that is up to date stays green", () => {
  let now = 0;
  const progress = createProgress(createMetrics("test"), () => now);
  const table = { version: 0, files: 0, rows: 0, watermark: 0, logFiles: 0, compactionDue: false };
  progress.hear(
    { type: "assigned", positions: new Map([[0, 5]]), committed: new Map([[0, 4]]), epoch: 0, table },
    TOPIC,
  );
  const look = (end: number) => progress.looked([{ partition: 0, begin: 0, end, stable: end }], new Set(), TOPIC);
  for (; now < 200_000; now += 1000) look(5);
  expect(progress.healthy(60_000)).toBe(true);
  for (const since = now; now < since + 61_000; now += 1000) look(9);
  expect(progress.healthy(60_000)).toBe(false);
  progress.hear({ type: "read", partition: 0, offsets: 4, next: 9 }, TOPIC);
  expect(progress.healthy(60_000)).toBe(true);
  progress.stalled({ by: "disk", reason: "cannot write" });
  now += 59_000;
  expect(progress.healthy(60_000)).toBe(true);
  now += 2_000;
  expect(progress.healthy(60_000)).toBe(false);
});

test("lag is told of the partitions that are ours, in messages and in seconds", async () => {
  const folder = newFolder();
  const { intake, assign, fetch, status } = await rig(folder, patient);
  expect(status()).toMatchObject({ lag: null });
  await assign([0]);
  await fetch({ partition: 0, messages: messages(0, 4), next: 4 });
  await intake.drain(1000);
  expect(status()).toMatchObject({ lag: { messages: 0, seconds: 0 } });
});

test("what is held is written as soon as a rebalance begins: one that comes often must not make us read the same again and again", async () => {
  const folder = newFolder();
  const { intake, assign, fetch, status } = await rig(folder, patient);
  await assign();
  await fetch({ partition: 0, messages: messages(0, 9), next: 9 });
  await intake.rebalancing();
  expect(await assign()).toEqual(new Map([[0, 9]]));
  expect(status()).toMatchObject({ flushes: { rebalance: 1 }, buffered: 0 });
});

async function lostIn(folder: string) {
  const { files, store } = await openFiltered(join(folder, "table"));
  const ranges = (await Promise.all(files.map((file) => readFiltered(store, file)))).flat();
  return ranges.map(({ first, last, reason }) => [first, last, reason]);
}

test("what Kafka deleted before it was read was booked as no message: ingest stops before it, what it holds committed", async () => {
  const folder = newFolder();
  const { assign, fetch, deleteTo } = await rig(folder, patient);
  await assign();
  await fetch({ partition: 0, messages: messages(0, 7), next: 7 });
  deleteTo(20);
  await expect(fetch({ partition: 0, messages: messages(22, 30), next: 30, asked: 20 })).rejects.toMatchObject({
    code: "OFFSETS_LOST",
    message: expect.stringContaining("13 messages were deleted before they were read: the table ends at 6"),
  });
  expect(await held(folder)).toMatchObject({ good: good(0, 7), bad: bad(0, 7) });
  expect(await lostIn(folder)).toEqual([]);
});

test("told to go on, it books what was deleted as LOST, apart from what was compacted away behind it", async () => {
  const folder = newFolder();
  const { assign, fetch, deleteTo, intake, status, metric } = await rig(folder, patient, { stopOnLost: false });
  await assign();
  await fetch({ partition: 0, messages: messages(0, 7), next: 7 });
  deleteTo(20);
  await fetch({ partition: 0, messages: messages(22, 30), next: 30, asked: 20 });
  deleteTo(50); // and again, where nothing is fetched in between
  await intake.recheck();
  await assign();
  await intake.drain(0);
  expect(await held(folder)).toMatchObject({ good: [...good(0, 7), ...good(22, 30)] });
  expect(await lostIn(folder)).toEqual([
    [7, 19, "LOST"],
    [20, 21, "NO_MESSAGE"],
    [30, 49, "LOST"],
  ]);
  expect(status()).toMatchObject({ read: 17, written: 12, dead: 3, filtered: 2, lost: 33, buffered: 0 });
  expect(await metric("tributary_events_lost_total")).toEqual([
    'tributary_events_lost_total{topic="t",partition="0",service="test"} 33',
  ]);
});

test("a gap that Kafka was asked for, and not behind it, is none that was deleted, whatever was deleted since", async () => {
  const folder = newFolder();
  const { assign, fetch, deleteTo, intake } = await rig(folder, patient);
  await assign();
  await fetch({ partition: 0, messages: messages(0, 7), next: 7 });
  deleteTo(11);
  await fetch({ partition: 0, messages: messages(11, 20), next: 20, asked: 7 });
  await intake.drain(0);
  expect(await lostIn(folder)).toEqual([[7, 10, "NO_MESSAGE"]]);
});

test("an open transaction hid the lag: it counts to the end of the log, is told, and after a minute it is red", () => {
  let now = 0;
  const progress = createProgress(createMetrics("test"), () => now);
  const table = { version: 0, files: 0, rows: 0, watermark: 0, logFiles: 0, compactionDue: false };
  const both = new Map([0, 1].map((partition) => [partition, 10]));
  progress.hear(
    { type: "assigned", positions: both, committed: new Map([0, 1].map((each) => [each, 9])), epoch: 0, table },
    TOPIC,
  );
  const look = (stable: number) => {
    progress.looked(
      [
        { partition: 0, begin: 0, end: 23, stable },
        { partition: 1, begin: 0, end: now, stable: now },
      ],
      new Set(),
      TOPIC,
    );
    progress.hear({ type: "read", partition: 1, offsets: 1, next: now }, TOPIC); // the other one goes on
    now += 1000;
  };
  for (let k = 0; k < 5; k++) look(10);
  expect(progress.status()).toMatchObject({ state: "consuming", reason: null });
  expect(progress.status().partitions[0]).toMatchObject({ lag: 13, openTransaction: { offset: 10, seconds: 5 } });
  for (let k = 0; k < 15; k++) look(10);
  expect(progress.status()).toMatchObject({
    state: "stalled",
    stalledBy: "transaction",
    reason: expect.stringContaining("13 from offset 10 of partition 0 of t on"),
  });
  expect(progress.healthy(60_000)).toBe(true);
  for (let k = 0; k < 50; k++) look(10);
  expect(progress.healthy(60_000)).toBe(false);
  look(23);
  expect(progress.healthy(60_000)).toBe(true);
  expect(progress.status()).toMatchObject({ state: "consuming", reason: null });
});

const sourcesIn = async (folder: string) => {
  const { files, store } = await openEvents(join(folder, "table"));
  const rows = (await Promise.all(files.map((file) => readEvents(store, file)))).flatMap(eventsOf);
  return rows.map(({ source, offset }) => `${source}:${offset}`).sort();
};

test("a topic that was made anew with as many messages was read on from the old offset: ingest stops", async () => {
  const folder = newFolder();
  const first = await rig(folder, patient);
  first.makeAnew("one");
  await first.assign();
  await first.fetch({ partition: 0, messages: messages(0, 4), next: 4 });
  await first.intake.drain(0);
  const again = await rig(folder, patient);
  again.makeAnew("one");
  expect(await again.assign()).toEqual(new Map([[0, 4]]));
  const second = await rig(folder, patient);
  second.makeAnew("two", 4);
  await expect(second.assign()).rejects.toMatchObject({
    code: "OFFSETS_LOST",
    message: expect.stringContaining("it is two now, and the table has read one"),
  });
});

test("a table of before there were ids learns that of its topic when it is read on, and tells another one from then on", async () => {
  const folder = newFolder();
  const before = await rig(folder, eager);
  await before.assign();
  await before.fetch({ partition: 0, messages: messages(0, 4), next: 4 });
  const first = await rig(folder, patient);
  first.makeAnew("one");
  expect(await first.assign()).toEqual(new Map([[0, 4]]));
  const second = await rig(folder, patient);
  second.makeAnew("two");
  await expect(second.assign()).rejects.toMatchObject({ code: "OFFSETS_LOST" });
});

test("told to, it reads the new topic from its beginning, as an epoch of its own, and what it cannot vouch for is in neither", async () => {
  const folder = newFolder();
  const { assign, fetch, makeAnew, intake, ...made } = await rig(folder, patient, { stopOnNewTopic: false });
  makeAnew("one");
  await assign();
  await fetch({ partition: 0, messages: messages(0, 4), next: 4 });
  const { asking, answered } = intake;
  asking();
  answered({ id: "one", isAbsent: false, bounds: [] }); // vouched for
  await fetch({ partition: 0, messages: messages(4, 8), next: 8 });
  makeAnew("two");
  await fetch({ partition: 0, messages: messages(8, 12), next: 12 }); // of the new one, at the old offset
  await intake.rebalancing();
  expect(made.status()).toMatchObject({ read: 4, buffered: 0 });
  expect(await sourcesIn(folder)).toEqual(["t:1", "t:2", "t:3"]);
  expect(await assign()).toEqual(new Map([[0, 0]]));
  await fetch({ partition: 0, messages: messages(0, 3), next: 3 });
  await intake.drain(0);
  expect(await sourcesIn(folder)).toEqual(["t:1", "t:2", "t:3", "t@1:1", "t@1:2"]);
  const other = await rig(folder, patient, { stopOnNewTopic: false });
  other.makeAnew("two");
  expect(await other.assign()).toEqual(new Map([[0, 3]]));
  const report = await prove(join(folder, "table"), join(folder, "dead"));
  expect(report).toMatchObject({
    ok: true,
    partitions: [
      { topic: "t", epoch: 0, partition: 0, rows: 3, dead: 1, read: 4 },
      { topic: "t", epoch: 1, partition: 0, rows: 2, dead: 1, read: 3 },
    ],
  });
});

test("two topics into one table stood twice in it: rows, dead letters and the proof are of each", async () => {
  const folder = newFolder();
  const first = await rig(folder, eager);
  await first.assign();
  await first.fetch({ partition: 0, messages: messages(0, 4), next: 4 });
  const second = await rig(folder, eager, { topic: "u" });
  expect(await second.assign()).toEqual(new Map([[0, 0]]));
  await second.fetch({ partition: 0, messages: messages(0, 7), next: 9 });
  expect(await prove(join(folder, "table"), join(folder, "dead"))).toMatchObject({
    ok: true,
    partitions: [
      { topic: "t", rows: 3, dead: 1, filtered: 0, read: 4, duplicated: 0 },
      { topic: "u", rows: 5, dead: 2, filtered: 2, read: 9, duplicated: 0 },
    ],
  });
});

test("a hundred thousand empty messages sent together ended ingest: a fetch is written while it is taken in", async () => {
  const folder = newFolder();
  const most: number[] = [];
  const faults = (writer: Writer): Writer => ({
    ...writer,
    encode: (buffer) => {
      most.push(buffer.messages);
      return writer.encode(buffer);
    },
  });
  const { intake, assign, fetch } = await rig(folder, { ...patient, bytes: 1e6 }, { end: 100_000, faults });
  await assign();
  const empty = Array.from({ length: 100_000 }, (_, offset) => message(offset, ""));
  await fetch({ partition: 0, messages: empty, next: 100_000 });
  await intake.ended;
  expect(Math.max(...most)).toBeLessThan(20_000);
  expect((await held(folder)).bad).toEqual(empty.map((_, offset) => offset));
});

test("behind the last of very many messages a batch may end in markers: none is taken in twice", async () => {
  const folder = newFolder();
  const { intake, assign, fetch, status } = await rig(folder, patient, { end: 20_010 });
  await assign();
  const many = Array.from({ length: 20_000 }, (_, offset) => message(offset, `{"user":"u${offset % 9}","item":"i"}`));
  await fetch({ partition: 0, messages: many, next: 20_000 });
  await fetch({ partition: 0, messages: many, next: 20_010, asked: 0 });
  await intake.ended;
  expect((await held(folder)).good).toEqual(many.map((_, offset) => offset));
  expect(status()).toMatchObject({ read: 20_010, written: 20_000, filtered: 10 });
});
