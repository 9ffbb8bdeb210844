// A Kafka that tells no ids of topics: a topic is known again by the last message of it that is in the table.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { prove } from "../../services/commands/table/proof.ts";
import { openInWork } from "../../services/ingest/in-work.ts";
import { createIntake } from "../../services/ingest/intake.ts";
import { printOf } from "../../services/ingest/prints.ts";
import { createWriter } from "../../services/ingest/writer.ts";
import { pack, type RawMessage } from "../../shared/kafka/messages.ts";
import { openTables } from "../../shared/table/tables.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-prints-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What Kafka holds under the name now. `run`: which of the topics that had it. */
const topic = (run: number, from: number, to: number): RawMessage[] =>
  Array.from({ length: to - from }, (_, k) => ({
    key: Buffer.from(`k${run}`),
    offset: `${from + k}`,
    value: Buffer.from(`{"user":"u${from + k}","item":"i"}`),
    timestamp: "1700000000000",
  }));

interface Options {
  readonly stopOnNewTopic?: boolean;
  /** Questions that Kafka leaves without an answer. */
  readonly silent?: number;
}

/** A process, and a topic that may become another one under it. */
async function open(messages: RawMessage[], { stopOnNewTopic = true, silent = 0 }: Options = {}) {
  const state = { messages, reassigned: 0, asked: 0 };
  let generation = 0;
  const intake = createIntake(
    {
      ...{ topic: "t", stopOnBadEvent: false, stopOnLost: true, stopOnNewTopic, retryMs: 1, ends: null },
      takesPrints: true,
      limits: { rows: 1000, bytes: 1e9, ageMs: 1e9 },
      inWork: openInWork(join(folder, "in-work"), "t"),
      look: async () => null,
      printAt: async (_, offset) => {
        if (state.asked++ < silent) return undefined;
        const found = state.messages.find((each) => each.offset === `${offset}`);
        return found ? printOf({ key: null, ...found, timestamp: Number(found.timestamp) }) : null;
      },
      reassign: () => {
        state.reassigned++;
      },
      committed: () => undefined,
      tell: () => undefined,
    },
    createWriter(await openTables(join(folder, "table"), join(folder, "dead")), "t"),
    pino({ level: "silent" }),
  );
  const assign = () => {
    const begin = Number(state.messages[0]?.offset ?? 0);
    const end = Number(state.messages.at(-1)?.offset ?? -1) + 1;
    const bounds = [{ partition: 0, begin, end, stable: end }];
    return intake.assigned([0], ++generation, { id: null, isAbsent: false, bounds });
  };
  const fetch = (from: number, to: number) => {
    const some = state.messages.filter(({ offset }) => Number(offset) >= from && Number(offset) < to);
    const packed = pack(some, 0, [{ type: "key" }]);
    return intake.fetched({ partition: 0, generation, asked: from, messages: packed, next: to });
  };
  return { intake, state, assign, fetch };
}

/** Reads a topic of ten messages to its end. */
async function fill(): Promise<void> {
  const { assign, fetch, intake } = await open(topic(0, 0, 10));
  await assign();
  await fetch(0, 6);
  await fetch(6, 10);
  await intake.drain(0);
}
const proof = async () => {
  const { problems, partitions } = await prove(join(folder, "table"), join(folder, "dead"));
  expect(problems).toEqual([]);
  return partitions.map(({ epoch, rows, filtered }) => [epoch, rows, filtered]);
};

test.each([
  ["as many", 10],
  ["more", 25],
])(
  "a topic made anew with %s messages, and no id of it, was read on from the old offset: ingest stops",
  async (_, end) => {
    await fill();
    const again = await open(topic(0, 0, 12));
    expect(await again.assign()).toEqual(new Map([[0, 10]]));
    const other = await open(topic(1, 0, end));
    await expect(other.assign()).rejects.toMatchObject({
      code: "OFFSETS_LOST",
      message: expect.stringContaining("offset 9 of partition 0 holds another message"),
    });
  },
);

test("told to, it reads the new topic from its beginning, as an epoch of its own", async () => {
  await fill();
  const { assign, fetch, intake } = await open(topic(1, 0, 12), { stopOnNewTopic: false });
  expect(await assign()).toEqual(new Map([[0, 0]]));
  await fetch(0, 12);
  await intake.drain(0);
  expect(await proof()).toEqual([
    [0, 10, 0],
    [1, 12, 0],
  ]);
});

test("a message that retention or compaction took away contradicts nothing: it is taken for the same topic", async () => {
  await fill();
  const compacted = await open(topic(0, 0, 14).filter(({ offset }) => offset !== "9"));
  expect(await compacted.assign()).toEqual(new Map([[0, 10]]));
  await compacted.fetch(10, 14);
  await compacted.intake.drain(0);
  const retained = await open(topic(0, 14, 20));
  expect(await retained.assign()).toEqual(new Map([[0, 14]]));
  expect(await proof()).toEqual([[0, 14, 0]]);
});

test("while it runs it is asked before each commit: nothing of the new topic gets among what is of the old one", async () => {
  await fill();
  const { assign, fetch, intake, state } = await open(topic(0, 0, 14), { stopOnNewTopic: false });
  await assign();
  state.messages = topic(1, 0, 20);
  await fetch(10, 14);
  await intake.rebalancing();
  expect(state.reassigned).toBe(1);
  expect(await proof()).toEqual([[0, 10, 0]]);
  expect(await assign()).toEqual(new Map([[0, 0]]));
});

test("a Kafka that does not answer is asked again; at the end of a drain nothing is written that nobody vouches for", async () => {
  await fill();
  const { assign, fetch, intake, state } = await open(topic(0, 0, 14), { silent: 3 });
  expect(await assign()).toEqual(new Map([[0, 10]]));
  expect(state.asked).toBe(4);
  await fetch(10, 12);
  state.asked = Number.NEGATIVE_INFINITY;
  await intake.drain(0);
  expect(await proof()).toEqual([[0, 10, 0]]);
});

test("the fingerprint is of key, value and time, and a message without one of them is another than one whose is empty", () => {
  const message = { key: Buffer.from("k"), value: Buffer.from("v"), timestamp: 7 };
  const others = [
    { ...message, key: null },
    { ...message, key: Buffer.from("") },
    { ...message, value: null },
    { ...message, key: Buffer.from("kv"), value: Buffer.from("") },
    { ...message, timestamp: 8 },
  ];
  const prints = [message, ...others].map(printOf);
  expect(new Set(prints).size).toBe(prints.length);
  expect(prints.every((print) => Number.isSafeInteger(print) && print >= 0)).toBe(true);
});
