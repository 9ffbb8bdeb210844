// Messages that nobody can work on, and times that are none: each becomes a dead letter, whatever it breaks, and the
// stream goes on.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import pino from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { prove } from "../../services/commands/table/proof.ts";
import { openInWork } from "../../services/ingest/in-work.ts";
import { createIntake } from "../../services/ingest/intake.ts";
import { createSuspects } from "../../services/ingest/suspects.ts";
import { createWriter, type Writer } from "../../services/ingest/writer.ts";
import { pack, type RawMessage } from "../../shared/kafka/messages.ts";
import { ownIdentity } from "../../shared/runtime/identity.ts";
import { readDeadLetters } from "../../shared/table/dead-letters.ts";
import { readEvents } from "../../shared/table/events.ts";
import { openTables } from "../../shared/table/tables.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-poison-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const [table, dead] = ["table", "dead"];
const event = (offset: number) => `{"user":"u${offset}","item":"i"}`;
const good = (offset: number): RawMessage => ({
  offset: `${offset}`,
  value: Buffer.from(event(offset)),
  timestamp: "1700000000000",
});
/** The death of a process, in a test: what it was at stays on disk as it was. */
const death = () => new WebAssembly.RuntimeError("unreachable");

/** Processes so far: each of them is another one to the next. */
let born = 0;

/** A process. */
async function open(faults: (writer: Writer) => Writer = (writer) => writer) {
  const owner = { ...ownIdentity(), started: `${++born}` };
  const writer = faults(createWriter(await openTables(join(folder, table), join(folder, dead)), "t"));
  let again = false;
  let generation = 0;
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
        tell: () => {},
      },
      limits: { rows: 1000, bytes: 1e9, ageMs: 1e9 },
      inWork: openInWork(join(folder, "in-work"), "t", owner),
      look: async () => null,
      reassign: () => {
        again = true;
      },
    },
    writer,
    pino({ level: "silent" }),
  );
  /** In batches; stops where it is told to begin again. */
  async function read(all: readonly RawMessage[], batch = 40): Promise<void> {
    again = false;
    const starts = await intake.assigned([0], ++generation, {
      id: null,
      isAbsent: false,
      bounds: [{ partition: 0, begin: 0, end: all.length, stable: all.length }],
    });
    for (let from = starts.get(0)!; from < all.length && !again; from += batch) {
      const next = Math.min(all.length, from + batch);
      await intake.fetched({ partition: 0, generation, asked: 0, messages: pack(all.slice(from, next), 0), next });
    }
  }
  async function toEnd(all: readonly RawMessage[], batch?: number): Promise<void> {
    do {
      await read(all, batch);
      if (!again) await intake.drain(0);
    } while (again);
  }
  return { intake, read, toEnd };
}

/** From start to end or death. */
async function live(all: readonly RawMessage[], faults?: (writer: Writer) => Writer, batch?: number): Promise<void> {
  await (await open(faults)).toEnd(all, batch);
}

/** As `up` does it: a process that died is started again. Answers the deaths. */
async function untilDone(
  all: readonly RawMessage[],
  faults?: (writer: Writer) => Writer,
  batch?: number,
): Promise<number> {
  for (let deaths = 0; deaths < 60; deaths++) {
    try {
      await live(all, faults, batch);
      return deaths;
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    }
  }
  throw new Error("it dies for ever");
}

async function held() {
  const { events, deadLetters } = await openTables(join(folder, table), join(folder, dead));
  const rows = (await Promise.all(events.files.map((file) => readEvents(events.store, file)))).flatMap((batch) => [
    ...batch.offset.subarray(0, batch.length),
  ]);
  const letters = (await Promise.all(deadLetters.files.map((file) => readDeadLetters(deadLetters.store, file)))).flat();
  return { rows: rows.sort((a, b) => a - b), letters, proof: await prove(join(folder, table), join(folder, dead)) };
}

/** A writer that breaks on what the buffer holds of these offsets. */
const breaksOn =
  (offsets: readonly number[], how: () => unknown) =>
  (writer: Writer): Writer => ({
    ...writer,
    get committed() {
      return writer.committed;
    },
    encode: (buffer) => {
      const batch = buffer.batch();
      if (batch.offset.subarray(0, batch.length).some((offset) => offsets.includes(offset))) throw how();
      return writer.encode(buffer);
    },
  });

const all = Array.from({ length: 100 }, (_, k) => good(k));
const offsets = (but: readonly number[]) => Array.from(all.keys()).filter((k) => !but.includes(k));

test("a message whose writing throws is a dead letter with its bytes, and all others are rows", async () => {
  expect(
    await untilDone(
      all,
      breaksOn([37, 38, 90], () => new RangeError("Invalid time value")),
    ),
  ).toBe(0);
  const { rows, letters, proof } = await held();
  expect(rows).toEqual(offsets([37, 38, 90]));
  expect(letters.map(({ offset, reason, value }) => [offset, reason, Buffer.from(value!).toString()])).toEqual(
    [37, 38, 90].map((k) => [k, "POISON", event(k)]),
  );
  expect(proof.problems).toEqual([]);
});

test("a message that the process dies of is found by the processes after it, and becomes a dead letter", async () => {
  const deaths = await untilDone(all, breaksOn([61], death));
  expect(deaths).toBeLessThan(6);
  const { rows, letters, proof } = await held();
  expect(rows).toEqual(offsets([61]));
  expect(letters).toMatchObject([{ offset: 61, reason: "POISON" }]);
  expect(proof.problems).toEqual([]);
});

test("what Node says of a value is a message's fault, and no refusal of the disk: with its code it ended ingest at the same message for ever", async () => {
  const invalid = () => Object.assign(new RangeError("The value is out of range"), { code: "ERR_OUT_OF_RANGE" });
  expect(await untilDone(all, breaksOn([37], invalid))).toBe(0);
  const { rows, letters, proof } = await held();
  expect(rows).toEqual(offsets([37]));
  expect(letters).toMatchObject([{ offset: 37, reason: "POISON" }]);
  expect(proof.problems).toEqual([]);
});

test("a condemned message among others whose dead letters were written before is a dead letter too: it was lost", async () => {
  const bad = { ...good(90), value: Buffer.from("?") };
  const messages = [...all.slice(0, 90), bad, ...all.slice(91)];
  const cutOff = (writer: Writer): Writer => ({
    ...writer,
    committed: writer.committed,
    write: async (encoded) => {
      await writer.write({ ...encoded, events: { file: undefined, to: new Map() } });
      throw death();
    },
  });
  await expect(live(messages, cutOff, 100)).rejects.toThrow("unreachable"); // offset 90 is among the dead letters now
  await live(
    messages,
    breaksOn([37], () => new RangeError("Invalid time value")),
  );
  const { rows, letters, proof } = await held();
  expect(rows).toEqual(offsets([37, 90]));
  expect(letters.map(({ offset, reason }) => [offset, reason])).toEqual([
    [90, "NOT_JSON"],
    [37, "POISON"],
  ]);
  expect(proof.problems).toEqual([]);
});

test("who holds a message that another one condemns meanwhile is fenced, and makes a dead letter of it", async () => {
  const holds = await open();
  await holds.read(all);
  const condemns = await open((writer) => ({
    ...breaksOn([37], () => new RangeError("Invalid time value"))(writer),
    write: async (encoded) => {
      if (!encoded.dead) return writer.write(encoded);
      await writer.write({ ...encoded, events: { file: undefined, to: new Map() } });
      throw death(); // its dead letter is written, its progress is not
    },
  }));
  await expect(condemns.toEnd(all)).rejects.toThrow("unreachable");
  await holds.intake.drain(0);
  await holds.toEnd(all);
  const { rows, letters, proof } = await held();
  expect(rows).toEqual(offsets([37]));
  expect(letters).toMatchObject([{ offset: 37, reason: "POISON" }]);
  expect(proof.problems).toEqual([]);
});

test("what a living process is at is nobody's fault: others condemned messages that it was just reading", async () => {
  const inWork = openInWork(join(folder, "in-work"), "t"); // this process lives
  inWork.begin(0, { first: 5, last: 5, failures: 1 });
  await live(all);
  const { rows, letters } = await held();
  expect(rows).toEqual(offsets([]));
  expect(letters).toEqual([]);
  expect(openInWork(join(folder, "in-work"), "t").left(0)).toEqual([]);
});

test("where every write breaks it is no message's fault: the error comes through", async () => {
  await expect(
    live(all, (writer) => ({
      ...writer,
      committed: writer.committed,
      write: () => Promise.reject(new TypeError("a fault of ours")),
    })),
  ).rejects.toThrow("a fault of ours");
});

test("a disk that refuses condemns nobody", async () => {
  let tries = 0;
  const refuses = (writer: Writer): Writer => ({
    ...writer,
    committed: writer.committed,
    write: (encoded) =>
      ++tries < 4 ? Promise.reject(Object.assign(new Error("no space"), { code: "ENOSPC" })) : writer.write(encoded),
  });
  const writing = live(all.slice(0, 5), refuses);
  await expect(writing).rejects.toThrow("no space"); // drain gives up at once here
  await live(all.slice(0, 5));
  const { rows, letters } = await held();
  expect([rows, letters]).toEqual([[0, 1, 2, 3, 4], []]);
});

test("property: whichever message fails, it alone is condemned, after at most six failures among 100,000", () => {
  fc.assert(
    fc.property(fc.nat({ max: 99_999 }), fc.integer({ min: 1, max: 100_000 }), (poison, size) => {
      const suspects = createSuspects();
      let [at, failures] = [0, 0];
      const condemned: number[] = [];
      while (at < 100_000) {
        const { to, failures: before } = suspects.unitAt(0, at);
        const stop = Math.min(to, at + size, 100_000);
        const isCondemned = suspects.verdictOn(0, at) !== null;
        if (isCondemned) condemned.push(at);
        if (!isCondemned && at <= poison && poison < stop) {
          suspects.failed(0, { first: at, last: stop - 1, failures: before });
          failures++;
        } else {
          suspects.passed(0, stop);
          at = stop;
        }
      }
      expect(condemned).toEqual([poison]);
      expect(failures).toBeLessThan(8);
    }),
    { seed: 4, numRuns: 200 },
  );
});

const withTime = (offset: number, timestamp: string, own?: number | string): RawMessage => ({
  offset: `${offset}`,
  timestamp,
  value: Buffer.from(`{"user":"u","item":"i${offset}"${own === undefined ? "" : `,"timestamp":${own}`}}`),
});

test("times that are none make dead letters, Kafka's own too, and no commit ever fails of them", async () => {
  const strange = ["-2", "9223372036854775807", "253402300800000", "8640000000000001", "-9223372036854775808", "NaN"];
  const cases = [
    ...strange.map((timestamp) => ({ timestamp, own: undefined })),
    ...strange.map((timestamp) => ({ timestamp, own: 5 })),
    { timestamp: "-1", own: undefined },
    ...["-1", "1e300", "253402300800000", '"2020"', "1.5"].map((own) => ({ timestamp: "1700000000000", own })),
  ];
  const fine = [
    { timestamp: "-1", own: 7 },
    { timestamp: "0", own: undefined },
    { timestamp: "1700000000000", own: 253402300799999 },
  ];
  await live([...cases, ...fine].map(({ timestamp, own }, k) => withTime(k, timestamp, own)));
  const { rows, letters, proof } = await held();
  expect(rows).toEqual(fine.map((_, k) => cases.length + k));
  expect(letters.map(({ reason }) => reason)).toEqual(cases.map(() => "TIMESTAMP_INVALID"));
  expect(letters[1]!.detail).toContain("Kafka's own is 9223372036854776000");
  expect(proof.problems).toEqual([]);
});

test("a Kafka time ahead of the clock has arrived now: the watermark never stands in the future", async () => {
  const later = Date.now() + 86_400_000;
  await live([withTime(0, `${later}`), withTime(1, "253402300799999", 5)]);
  const { events } = await openTables(join(folder, table), join(folder, dead));
  expect(events.watermark).toBeLessThanOrEqual(Date.now());
  expect(events.watermark).toBeGreaterThan(Date.now() - 60_000);
  expect(events.rows).toBe(2);
});
