// Ingest without Kafka: when a buffer becomes a file, and what the real tables hold after crashes, fences and full disks.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import pino from "pino";
import { afterEach, expect, test } from "vitest";
import { createFigures } from "../../services/ingest/figures.ts";
import { createIntake, type Intake } from "../../services/ingest/intake.ts";
import { type Limits, seal, startOf } from "../../services/ingest/sealer.ts";
import { openWriter, type Writer } from "../../services/ingest/writer.ts";
import { pack, type RawMessage } from "../../shared/kafka/messages.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";
import { openDeadLetters, readDeadLetters, writeDeadLetters } from "../../shared/table/dead-letters.ts";
import { openEvents, readEvents } from "../../shared/table/events.ts";

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
  Array.from({ length: to - from }, (_, k) => message(from + k, (from + k) % 5 === 0 ? "broken" : `{"user":"u${from + k}","item":"i1"}`));

const eager: Limits = { rows: 1, bytes: 1e9, ageMs: 0 };
const patient: Limits = { rows: 1000, bytes: 1e9, ageMs: 60_000 };

interface Rig {
  readonly intake: Intake;
  readonly told: Map<number, number>[];
  reassigned: number;
  assign(partitions?: readonly number[]): Promise<ReadonlyMap<number, number>>;
  fetch(batch: { partition: number; messages: readonly RawMessage[]; next: number }): Promise<void>;
  status(): Record<string, unknown>;
  metric(name: string): Promise<string[]>;
}

interface Options {
  readonly end?: number;
  readonly stopOnBadEvent?: boolean;
  readonly faults?: (writer: Writer) => Writer;
}

async function rig(folder: string, limits: Limits, { end, stopOnBadEvent = false, faults }: Options = {}): Promise<Rig> {
  const real = await openWriter(join(folder, "table"), join(folder, "dead"), TOPIC);
  const metrics = createMetrics("test");
  const figures = createFigures(metrics);
  const told: Map<number, number>[] = [];
  let generation = 0;
  const bounds = [0, 1].map((partition) => ({ partition, begin: 0, end: 1000 }));
  const made: Rig = {
    told,
    reassigned: 0,
    assign: (partitions = [0]) => made.intake.assigned(partitions, ++generation, bounds),
    fetch: ({ messages, ...rest }) => made.intake.fetched({ ...rest, generation, messages: pack(messages, 0) }),
    status: () => figures.status() as Record<string, unknown>,
    metric: async (name) => (await metrics.text()).split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `)),
    intake: createIntake(
      {
        topic: TOPIC,
        limits,
        stopOnBadEvent,
        retryMs: 1,
        ends: end === undefined ? null : new Map([[0, end]]),
        reassign: () => {
          made.reassigned++;
        },
        committed: (next) => told.push(new Map(next)),
        tell: figures.hear,
      },
      faults?.(real) ?? real,
      pino({ level: "silent" }),
    ),
  };
  return made;
}

async function held(folder: string) {
  const events = await openEvents(join(folder, "table"));
  const good = (await Promise.all(events.files.map((file) => readEvents(events.store, file)))).flatMap((batch) => [...batch.offset]);
  const dead = await openDeadLetters(join(folder, "dead"));
  const bad = (await Promise.all(dead.files.map((file) => readDeadLetters(dead.store, file)))).flat().map(({ offset }) => offset);
  return { good: good.sort((a, b) => a - b), bad: bad.sort((a, b) => a - b), events, dead };
}

const good = (from: number, to: number) => Array.from({ length: to - from }, (_, k) => from + k).filter((k) => k % 5 !== 0);
const bad = (from: number, to: number) => Array.from({ length: to - from }, (_, k) => from + k).filter((k) => k % 5 === 0);

test("property: a buffer is sealed when it is full, old enough or the last, and never when it is empty", () => {
  const limits = { rows: 100, bytes: 1000, ageMs: 5000 };
  fc.assert(
    fc.property(fc.nat({ max: 200 }), fc.nat({ max: 2000 }), fc.nat({ max: 10_000 }), fc.boolean(), (rows, bytes, age, ended) => {
      const cause = seal({ rows, bytes, since: 1000 }, ended, limits, 1000 + age);
      expect(cause !== null).toBe(rows >= 100 || bytes >= 1000 || age >= 5000 || ended);
      expect(seal({ rows: 0, bytes: 0, since: null }, ended, limits, 1000 + age)).toBeNull();
    }),
    { seed: 5 },
  );
});

test("reading starts after the table's last offset, and what the topic no longer holds is told", () => {
  expect(startOf(undefined, { begin: 7, end: 9 })).toEqual({ offset: 7 });
  expect(startOf(6, { begin: 0, end: 7 })).toEqual({ offset: 7 });
  expect(startOf(6, { begin: 8, end: 20 })).toHaveProperty("lost");
  expect(startOf(6, { begin: 0, end: 6 })).toHaveProperty("lost");
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
  await dead.commit({ add: [await writeDeadLetters(dead.store, bad(0, 20).map(letter))], txn: [{ appId: "t/0", version: 19 }] });
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
      refusals-- > 0 ? Promise.reject(Object.assign(new Error("no space left on device"), { code: "ENOSPC" })) : writer.write(buffer),
  });
  const { intake, assign, fetch, status } = await rig(folder, eager, { faults });
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
