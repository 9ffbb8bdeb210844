// Two processes that judge the same messages differently, by another map, or by a schema registry that knows more or
// less by then: one dies at any operation of the disk and the other reads on, or both live and write in any order.
// Every offset stands once in the tables.
import fc from "fast-check";
import pino from "pino";
import { expect, test } from "vitest";
import { openInWork } from "../../services/ingest/in-work.ts";
import { createIntake } from "../../services/ingest/intake.ts";
import type { News } from "../../services/ingest/news.ts";
import { createWriter } from "../../services/ingest/writer.ts";
import { type MessageReader, type Outcome, refusal } from "../../shared/events/shape/mapped.ts";
import { pack } from "../../shared/kafka/messages.ts";
import type { Disk } from "../../shared/storage/disk.ts";
import { folderStore } from "../../shared/storage/store.ts";
import { deadLettersSchema, readDeadLetters } from "../../shared/table/dead-letters.ts";
import { openTable } from "../../shared/table/delta.ts";
import { eventsSchema, readEvents } from "../../shared/table/events.ts";
import { filteredSchema, readFiltered } from "../../shared/table/filtered.ts";
import { moreRowsOf } from "../../shared/table/progress.ts";
import type { Tables } from "../../shared/table/tables.ts";
import { type Cut, Killed, type MortalDisk, mortalDisk } from "./mortal-disk.ts";

/** What a process makes of the message at an offset. */
type Fate = "row" | "rows" | "letter" | "left out";
type Judge = (offset: number) => Fate;

const BATCH = 4;
const END = 10;
const isMissing = (offset: number) => offset % 7 === 3;

const tablesOn = async (disk: Disk): Promise<Tables> => ({
  events: await openTable(folderStore("/table/events", disk), eventsSchema),
  deadLetters: await openTable(folderStore("/dead", disk), deadLettersSchema),
  filtered: await openTable(folderStore("/table/filtered", disk), filteredSchema),
});

/** The message's value is its offset. */
function readerBy(judge: Judge): MessageReader {
  const outcomes: Record<Fate, (offset: number) => Outcome> = {
    row: (offset) => ({ type: "rows", rows: [{ user: "u", item: `i${offset}`, timestamp: 1, value: null }] }),
    rows: (offset) => ({
      type: "rows",
      rows: ["a", "b", "c"].map((user) => ({ user, item: `i${offset}`, timestamp: 1, value: null })),
    }),
    letter: () => refusal("SCHEMA_UNKNOWN"),
    "left out": () => ({ type: "left-out" }),
  };
  return {
    beside: [],
    names: () => false,
    read: ({ value }) => {
      const offset = Number(Buffer.from(value!).toString());
      return outcomes[judge(offset)](offset);
    },
  };
}

/** A process that reads to `end`, a commit for each batch. Throws Killed where its disk is cut. */
async function ingest(disk: Disk, judge: Judge, end = END, begin = 0): Promise<News[]> {
  const told: News[] = [];
  let again = true;
  const intake = createIntake(
    {
      ...{ topic: "t", stopOnBadEvent: false, stopOnLost: false, stopOnNewTopic: true, retryMs: 1, ends: null },
      limits: { rows: 1, bytes: 1e9, ageMs: -1 },
      inWork: openInWork("/dev/null/none", "t"),
      look: async () => null,
      reader: readerBy(judge),
      reassign: () => {
        again = true;
      },
      committed: () => undefined,
      tell: (news) => told.push(news),
    },
    createWriter(await tablesOn(disk), "t", { isContested: true }),
    pino({ level: "silent" }),
  );
  for (let generation = 1; again; generation++) {
    again = false;
    const seen = { id: null, isAbsent: false, bounds: [{ partition: 0, begin, end, stable: end }] };
    const starts = await intake.assigned([0], generation, seen);
    for (let from = starts.get(0)!; from < end && !again; from += BATCH) {
      const next = Math.min(end, from + BATCH);
      const offsets = Array.from({ length: next - from }, (_, k) => from + k).filter((offset) => !isMissing(offset));
      const messages = offsets.map((offset) => ({
        ...{ offset: `${offset}`, value: Buffer.from(`${offset}`), timestamp: "1700000000000" },
      }));
      await intake.fetched({ partition: 0, generation, asked: 0, messages: pack(messages, 0), next });
    }
    if (!again) await intake.drain(1000);
  }
  return told;
}

/** Offsets in the tables, as often as they stand there; rows of one message once, where all of them are there. */
async function held(disk: Disk): Promise<number[]> {
  const { events, deadLetters, filtered } = await tablesOn(disk);
  const rows = (
    await Promise.all(events.files.map(async (file) => [...(await readEvents(events.store, file)).offset]))
  ).flat();
  const letters = (await Promise.all(deadLetters.files.map((file) => readDeadLetters(deadLetters.store, file)))).flat();
  const ranges = (await Promise.all(filtered.files.map((file) => readFiltered(filtered.store, file)))).flat();
  const messages = [...new Set(rows)];
  expect(rows.length - messages.length, "rows beyond one a message").toBe(moreRowsOf(events.offsets, "t", 0));
  return [
    ...messages,
    ...letters.map(({ offset }) => offset),
    ...ranges.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, k) => first + k)),
  ].sort((a, b) => a - b);
}

const once = (end = END) => Array.from({ length: end }, (_, offset) => offset);

/** Answers what the next process finds; undefined where it was done before. */
async function diesAt(disk: MortalDisk, at: number, how: Cut, judge: Judge): Promise<MortalDisk | undefined> {
  disk.cutAt(at, how);
  try {
    await ingest(disk, judge);
    disk.cutAt(Number.POSITIVE_INFINITY, how);
    return undefined;
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
    return disk.survivors();
  }
}

const all =
  (fate: Fate): Judge =>
  () =>
    fate;
const every =
  (n: number, rest: number, fate: Fate, others: Fate): Judge =>
  (offset) =>
    offset % n === rest ? fate : others;
const pairs: [name: string, first: Judge, second: Judge][] = [
  ["one map refuses what the next takes", every(2, 0, "letter", "row"), every(3, 0, "letter", "rows")],
  ["one map takes what the next refuses", every(3, 0, "letter", "rows"), every(2, 0, "letter", "row")],
  ["one --where leaves out what the next takes", every(2, 1, "left out", "row"), all("row")],
  ["one --where takes what the next leaves out, or refuses", all("row"), every(2, 1, "left out", "letter")],
  ["the registry knows the schema by now", all("letter"), all("row")],
  ["the registry does not know the schema any more", all("row"), all("letter")],
];

test.each(pairs)(
  "it died between the dead letters and the events, %s: an offset stood twice, or nowhere",
  async (_, first, second) => {
    for (const how of ["killed after", "power cut before"] as const) {
      for (let at = 0; ; at += how === "killed after" ? 2 : 5) {
        const left = await diesAt(mortalDisk(), at, how, first);
        if (left === undefined) break;
        // now and then the second dies as well, at another place each time, and the third judges as the first did
        const again = at % 3 === 0 ? await diesAt(left, (at * 5) % 40, how, second) : undefined;
        await ingest(again ?? left, again ? first : second);
        expect(await held(again ?? left), `${how} ${at}`).toEqual(once());
      }
    }
  },
);

test("what is honoured is counted as what it is: read = written + dead + filtered, whoever wrote it", async () => {
  for (let at = 0; ; at += 2) {
    const left = await diesAt(mortalDisk(), at, "killed after", every(2, 1, "left out", "letter"));
    if (left === undefined) break;
    const { events } = await tablesOn(left);
    const from = (events.offsets.get("t/0") ?? -1) + 1;
    const brought = (await ingest(left, all("rows"))).flatMap((news) => (news.type === "wrote" ? news.brought : []));
    const sum = brought.reduce((total, { good, dead, filtered }) => total + good + dead + filtered, 0);
    expect(sum, `cut at ${at}`).toBe(END - from);
  }
});

test("Kafka deletes what is on record and what is not: none of it is booked as lost twice", async () => {
  for (let at = 0; ; at += 3) {
    const left = await diesAt(mortalDisk(), at, "killed after", every(2, 1, "left out", "letter"));
    if (left === undefined) break;
    await ingest(left, all("row"), END, END - 3);
    const found = await held(left);
    expect(found, `cut at ${at}`).toEqual(once().slice(found[0])); // where nothing was on record it begins later
  }
});

/** Each operation waits until it is let. */
const gated = (disk: Disk, scheduler: fc.Scheduler): Disk =>
  Object.fromEntries(
    Object.entries(disk)
      .filter(([, work]) => typeof work === "function")
      .map(([name, work]) => [
        name,
        async (...given: never[]) => {
          await scheduler.schedule(Promise.resolve());
          return (work as (...given: never[]) => unknown)(...given);
        },
      ]),
  ) as unknown as Disk;

test("property: processes that live and judge differently, in whatever order their writes reach the disk, make one thing of each offset", async () => {
  const judge = fc
    .array(fc.constantFrom<Fate>("row", "rows", "letter", "left out"), { minLength: END, maxLength: END })
    .map((fates) => Object.assign((offset: number) => fates[offset]!, { toString: () => fates.join() }));
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.array(judge, { minLength: 2, maxLength: 3 }), async (scheduler, judges) => {
      const disk = mortalDisk();
      await scheduler.waitFor(Promise.all(judges.map((each) => ingest(gated(disk, scheduler), each))));
      expect(await held(disk)).toEqual(once());
    }),
    { seed: 22, numRuns: 25 },
  );
}, 120_000);
