// Ingest's writer cut off at every single operation of the disk, by a kill or by the power: what is left is whole, and
// the next one goes on to every offset once.
import pino from "pino";
import { beforeAll, expect, test } from "vitest";
import { openInWork } from "../../services/ingest/in-work.ts";
import { createIntake } from "../../services/ingest/intake.ts";
import { createWriter, type Writer } from "../../services/ingest/writer.ts";
import { pack, type RawMessage } from "../../shared/kafka/messages.ts";
import type { Disk } from "../../shared/storage/disk.ts";
import { folderStore } from "../../shared/storage/store.ts";
import { deadLettersSchema, readDeadLetters } from "../../shared/table/dead-letters.ts";
import { openTable } from "../../shared/table/delta.ts";
import { eventsSchema, readEvents } from "../../shared/table/events.ts";
import { filteredSchema, readFiltered } from "../../shared/table/filtered.ts";
import type { Tables } from "../../shared/table/tables.ts";
import { type Cut, cuts, Killed, type MortalDisk, mortalDisk } from "./mortal-disk.ts";

const FIRST = 40;
const LAST = 52;
/** Every fifth is bad, every seventh is missing. */
const isMissing = (offset: number) => offset % 7 === 3;
const isBad = (offset: number) => !isMissing(offset) && offset % 5 === 0;
const message = (offset: number): RawMessage => ({
  offset: `${offset}`,
  value: Buffer.from(isBad(offset) ? "?" : `{"user":"u${offset % 3}","item":"i${offset}"}`),
  timestamp: `${1_700_000_000_000 + offset}`,
});

const tablesOn = async (disk: Disk): Promise<Tables> => ({
  events: await openTable(folderStore("/table/events", disk), eventsSchema),
  deadLetters: await openTable(folderStore("/dead", disk), deadLettersSchema),
  filtered: await openTable(folderStore("/table/filtered", disk), filteredSchema),
});

/** A writer that breaks on one message, as another one need not. */
const breakingOn = (poison: number, writer: Writer): Writer => ({
  ...writer,
  get committed() {
    return writer.committed;
  },
  encode: (buffer) => {
    const { offset, length } = buffer.batch();
    if (offset.subarray(0, length).includes(poison)) throw new RangeError("Invalid");
    return writer.encode(buffer);
  },
});

/**
 * Reads on from where the tables are to `end`, a commit for every four offsets; each is told once it is done. Throws
 * Killed where the disk is cut.
 */
async function ingest(
  disk: Disk,
  end: number,
  {
    done = () => undefined,
    poison,
    gone = () => false,
    begin = 0,
  }: { done?: (next: number) => void; poison?: number; gone?: (offset: number) => boolean; begin?: number } = {},
): Promise<void> {
  let again = true;
  const committed = (next: ReadonlyMap<number, number>) => done(next.get(0)!);
  const settings = {
    topic: "t",
    inWork: openInWork("/dev/null/none", "t"),
    stopOnBadEvent: false,
    stopOnLost: false,
    stopOnNewTopic: true,
    look: async () => null,
    retryMs: 1,
    ends: null,
    reassign: () => {
      again = true;
    },
    committed,
  };
  const real = createWriter(await tablesOn(disk), "t");
  const writer = poison === undefined ? real : breakingOn(poison, real);
  const limits = { rows: 1, bytes: 1e9, ageMs: 1e9 };
  const intake = createIntake({ ...settings, limits, tell: () => undefined }, writer, pino({ level: "silent" }));
  for (let generation = 1; again; generation++) {
    again = false;
    const starts = await intake.assigned([0], generation, {
      id: null,
      isAbsent: false,
      bounds: [{ partition: 0, begin, end, stable: end }],
    });
    for (let from = starts.get(0)!; from < end && !again; from += 4) {
      const offsets = Array.from({ length: Math.min(4, end - from) }, (_, k) => from + k).filter(
        (offset) => !isMissing(offset) && !gone(offset),
      );
      await intake.fetched({
        partition: 0,
        generation,
        asked: 0,
        messages: pack(offsets.map(message), 0),
        next: Math.min(end, from + 4),
      });
    }
  }
  await intake.drain(0);
}

/** What the tables hold, offset by offset. */
async function held(disk: Disk) {
  const { events, deadLetters, filtered } = await tablesOn(disk);
  const all = async <T>(files: readonly { path: string }[], read: (file: never) => Promise<readonly T[]>) =>
    (await Promise.all(files.map((file) => read(file as never)))).flat();
  const ascending = (offsets: number[]) => offsets.sort((a, b) => a - b);
  return {
    good: ascending(await all(events.files, async (file) => [...(await readEvents(events.store, file)).offset])),
    bad: ascending(
      await all(deadLetters.files, async (file) =>
        (await readDeadLetters(deadLetters.store, file)).map(({ offset }) => offset),
      ),
    ),
    missing: ascending(
      await all(filtered.files, async (file) =>
        (await readFiltered(filtered.store, file)).flatMap(({ first, last }) =>
          Array.from({ length: last - first + 1 }, (_, k) => first + k),
        ),
      ),
    ),
    version: events.version,
  };
}

const offsets = (to: number) => Array.from({ length: to }, (_, offset) => offset);
const expected = (to: number) => ({
  good: offsets(to).filter((offset) => !isBad(offset) && !isMissing(offset)),
  bad: offsets(to).filter(isBad),
  missing: offsets(to).filter(isMissing),
});

let before: MortalDisk;
let operations = 0;
beforeAll(async () => {
  before = mortalDisk();
  await ingest(before, FIRST);
  before.cutAt(before.operations, "killed after");
  await before.list("/").catch(() => undefined);
  const whole = before.survivors();
  await ingest(whole, LAST);
  operations = whole.operations;
  expect(await held(whole)).toMatchObject({ ...expected(LAST), version: 12 }); // past a checkpoint of the log
});

test.each(cuts)(
  "%s: at whichever operation, a reader finds whole commits, and the next process every offset once",
  async (how: Cut) => {
    for (let at = 0; at < operations; at++) {
      const disk = before.survivors();
      disk.cutAt(at, how);
      let told = FIRST;
      const done = (next: number) => {
        told = next;
      };
      const run = ingest(disk, LAST, { done });
      await expect(run, `${how} ${at}`).rejects.toThrow(Killed);
      const left = disk.survivors();
      const { good, version } = await held(left);
      expect(good.length, `${how} ${at}: what was told is there`).toBeGreaterThanOrEqual(expected(told).good.length);
      expect(expected(LAST).good.slice(0, good.length), `${how} ${at}`).toEqual(good);
      expect(version).toBeGreaterThanOrEqual(9);
      await ingest(left, LAST);
      expect(await held(left), `${how} ${at}`).toMatchObject(expected(LAST));
    }
  },
);

/** A good one, among four of which one is bad: its dead letter may be written before the condemned one's. */
const POISON = 46;
const everyOffsetOnce = async (disk: Disk) => {
  const { good, bad, missing } = await held(disk);
  return [...good, ...bad, ...missing].sort((a, b) => a - b);
};

test.each([
  ["the first condemns", { poison: POISON }, {}],
  ["the second condemns", {}, { poison: POISON }],
])(
  "what one condemns and another takes for an event stands once in the tables: it was lost, or twice there (%s)",
  async (_, first, second) => {
    for (const how of ["killed after", "power cut after"] as const) {
      for (let at = 0; ; at++) {
        const disk = before.survivors();
        disk.cutAt(at, how);
        const isKilled = await ingest(disk, LAST, first).then(
          () => false,
          (error) => {
            if (!(error instanceof Killed)) throw error;
            return true;
          },
        );
        if (!isKilled) break;
        const left = disk.survivors();
        await ingest(left, LAST, second);
        expect(await everyOffsetOnce(left), `${how} ${at}`).toEqual(offsets(LAST));
      }
    }
  },
);

test.each([
  ["compacts every message but the last away", { gone: (offset: number) => offset < LAST - 1 }],
  ["compacts every other one away", { gone: (offset: number) => offset % 2 === 0 }],
  ["deletes all but the last three", { begin: LAST - 3 }],
])(
  "between two commits of a batch Kafka %s: what stood on record already stood there twice, or its gap nowhere",
  async (_, later) => {
    for (let at = 0; at < operations; at += 3) {
      const disk = before.survivors();
      disk.cutAt(at, "killed after");
      await expect(ingest(disk, LAST)).rejects.toThrow(Killed);
      const left = disk.survivors();
      left.cutAt(at % 8, "killed after"); // and once more, on the way through the gap
      await ingest(left, LAST, later).catch(() => undefined);
      const last = left.survivors();
      await ingest(last, LAST, later);
      expect(await everyOffsetOnce(last), `cut at ${at}`).toEqual(offsets(LAST));
    }
  },
);

test.each(["ENOSPC", "EIO"])(
  "a disk that answers %s once, at whichever operation, loses and doubles nothing",
  async (code) => {
    for (let at = 0; at < operations; at++) {
      const disk = before.survivors();
      let operation = 0;
      const refusing = Object.fromEntries(
        Object.entries(disk).map(([name, work]) => [
          name,
          typeof work !== "function"
            ? work
            : (...given: never[]) => {
                if (operation++ === at) return Promise.reject(Object.assign(new Error(code), { code }));
                return (work as (...given: never[]) => unknown)(...given);
              },
        ]),
      ) as unknown as Disk;
      // Refused while it opens the tables it ends with the error; later it tries again, or is fenced by its own commit
      // and reads anew.
      await ingest(refusing, LAST).catch(() => undefined);
      await ingest(disk, LAST);
      expect(await held(disk), `${code} ${at}`).toMatchObject(expected(LAST));
    }
  },
);
