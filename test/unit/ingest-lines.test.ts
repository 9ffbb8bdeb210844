// Several ingest processes shown as one, and what `status` writes of them in a terminal.
import { expect, test } from "vitest";
import { type Answer, flowOf } from "../../shared/health/facts/flow.ts";
import type { Ingest } from "../../shared/health/facts/ingest.ts";
import { ingestLines } from "../../shared/health/views/ingest-lines.ts";
import { printable, printableBytes } from "../../shared/runtime/printable.ts";

const now = 1_700_000_000_000;
const partition = (number: number, lag: number, more: object = {}) => ({
  topic: "interactions",
  epoch: 0,
  partition: number,
  offset: 1000 + lag,
  lag,
  lagSeconds: lag / 10,
  written: 990,
  dead: 7,
  filtered: 3,
  lost: 0,
  openTransaction: null,
  leftOut: 2,
  paused: false,
  ...more,
});

const first = {
  state: "consuming",
  reason: null,
  read: 1000,
  written: 900,
  dead: 10,
  filtered: 40,
  lost: 0,
  leftOut: 30,
  buffered: 50,
  lag: { messages: 100, seconds: 4 },
  partitions: [partition(2, 60), partition(0, 40)],
  flushes: { rows: 3, age: 2 },
  lastCommit: { at: now - 9000, seconds: 0.2, rows: 500, bytes: 4000 },
  rebalances: 2,
  fenced: 1,
  unknownFields: { page: 4 },
  table: { version: 7, files: 3, rows: 5000 },
  lastCommitAt: now - 9000,
  newestArrival: now - 1000,
  commits: [],
  freshness: { p50: 2, p95: 3, max: 3, events: 40 },
  eventsPerSecond: 10,
};
const second = {
  ...first,
  state: "stalled",
  stalledBy: "kafka",
  reason: "no broker",
  lag: { messages: 5, seconds: 9 },
  partitions: [partition(1, 5)],
  flushes: { age: 1 },
  lastCommit: { at: now - 2000, seconds: 0.1, rows: 20, bytes: 300 },
  unknownFields: { page: 1, tab: 2 },
  table: { version: 9, files: 1, rows: 5100 },
  lastCommitAt: now - 2000,
  newestArrival: now - 5000,
  freshness: { p50: 1.5, p95: 8, max: 9, events: 4 },
};

/** Answers of ingest processes, the eldest first. */
const flow = (statuses: readonly unknown[], silence = 0) =>
  flowOf(
    statuses.map(
      (status, k): Answer => ({
        service: "ingest",
        pid: 100 + k,
        url: `http://127.0.0.1:${5000 + k}`,
        startedAt: now - 3_600_000 + k,
        status,
        answeredAt: k === 0 ? now - silence : now,
      }),
    ),
    now,
  ).ingest!;

test("two ingest processes are one: counts added up, partitions side by side, newest table and commit, worst state", () => {
  expect(flow([first, second]).status).toEqual({
    state: "stalled",
    stalledBy: "kafka",
    reason: "no broker",
    commits: [],
    read: 2000,
    written: 1800,
    dead: 20,
    filtered: 80,
    lost: 0,
    leftOut: 60,
    buffered: 100,
    lag: { messages: 105, seconds: 9 },
    partitions: [partition(0, 40), partition(1, 5), partition(2, 60)],
    flushes: { rows: 3, age: 3 },
    lastCommit: second.lastCommit,
    rebalances: 4,
    fenced: 2,
    unknownFields: { page: 5, tab: 2 },
    warnings: [],
    maps: [],
    table: second.table,
    lastCommitAt: now - 2000,
    newestArrival: now - 1000,
    freshness: second.freshness, // of the slower one
    eventsPerSecond: 20,
  });
});

test("a process that has no partitions yet, or says nothing, takes nothing away from the others", () => {
  const early = {
    state: "consuming",
    reason: null,
    read: 0,
    lag: null,
    table: null,
    lastCommit: null,
    lastCommitAt: null,
  };
  const { status } = flow([first, early, null]);
  expect(status).toMatchObject({
    lag: first.lag,
    read: 1000,
    table: first.table,
    lastCommitAt: first.lastCommitAt,
    lastCommit: first.lastCommit,
  });
  expect(flow([early]).status).toMatchObject({ lag: null, partitions: [] });
  expect(flow([null]).status).toBeNull();
});

test.each([
  ["stalled", "draining"],
  ["draining", "consuming"],
])("%s is worse than %s, whichever is older", (worse, better) => {
  expect(flow([{ state: worse }, { state: better }]).status?.state).toBe(worse);
  expect(flow([{ state: better }, { state: worse }]).status?.state).toBe(worse);
});

test("the process that has been silent for longest is the one that is named", () => {
  expect(flow([first, second], 8000)).toMatchObject({ silence: 8000, process: { pid: 100 } });
});

const status = (change: object): Ingest => flow([{ ...first, ...change }]).status!;

test("status writes a line for each partition, the one furthest behind first, and one of the commits", () => {
  const partitions = [partition(0, 40), partition(1, 1234, { paused: true }), partition(12, 0, { lagSeconds: null })];
  expect(ingestLines(status({ partitions }))).toEqual([
    "  partition  offset    lag  behind  written  dead  filtered",
    "  1           2,234  1,234   2 min      990     7         3  paused",
    "  0           1,040     40     4 s      990     7         3",
    "  12          1,000      0       –      990     7         3",
    "  5 flushes (rows 3, age 2) · last file 500 rows, 4.0 kB, committed in 200 ms · 2 rebalances · 1 commit " +
      "fenced · unknown fields: page 4",
  ]);
});

test("of many partitions the eight furthest behind are shown, of many unknown fields the five most frequent", () => {
  const partitions = Array.from({ length: 20 }, (_, k) => partition(k, k));
  const unknownFields = Object.fromEntries(Array.from({ length: 7 }, (_, k) => [`f${k}`, k + 1]));
  const lines = ingestLines(status({ partitions, unknownFields }));
  expect(lines.slice(1, 9).map((line) => line.trim().split(" ")[0])).toEqual([
    "19",
    "18",
    "17",
    "16",
    "15",
    "14",
    "13",
    "12",
  ]);
  expect(lines[9]).toBe("  ... and 12 more");
  expect(lines[10]).toMatch(/unknown fields: f6 7, f5 6, f4 5, f3 4, f2 3 and 2 more$/);
});

test("an ingest that has done nothing yet has a line that says so", () => {
  const fresh = {
    partitions: [],
    flushes: { rows: 0, age: 0 },
    lastCommit: null,
    rebalances: 0,
    fenced: 0,
    unknownFields: {},
  };
  expect(ingestLines(status(fresh))).toEqual(["  0 flushes · 0 rebalances · 0 commits fenced"]);
});

test("the words of strangers cannot steer a terminal", () => {
  expect(printable("a\u001b[2Jb\nc\u202ed", 99)).toBe("a\\u{1b}[2Jb\\nc\\u{202e}d");
  expect(printable("größer 🎈🎈", 8)).toBe("größer …");
  expect(printable("four", 4)).toBe("four");
  expect(printableBytes(Buffer.from("é{}"), 99)).toBe("é{}");
  expect(printableBytes(Buffer.from([0x7b, 0xff, 0x00, 0x61]), 99)).toBe("{\\xff\\x00a");
  expect(ingestLines(status({ unknownFields: { "\u001b]0;x": 1 } })).at(-1)).toContain("unknown fields: \\u{1b}]0;x 1");
});

const maps = [
  { topic: "clicks", map: "user=$.u,item=$.i", where: "$.ok", registry: null, changedAt: now, before: null },
  { topic: "views", map: "", where: "", registry: null, changedAt: null, before: null },
];

test("the map that a topic is read by is said once, and since when where it took the place of another", () => {
  const said = flow([first, second].map((each) => ({ ...each, maps }))).status!.maps;
  expect(said).toEqual(maps);
  expect(ingestLines(status({ maps: said })).filter((line) => line.includes("is read as"))).toEqual([
    '  clicks is read as --map "user=$.u,item=$.i" --where "$.ok", since 2023-11-14T22:13:20.000Z',
  ]);
  const back = { ...maps[1]!, changedAt: now, before: '--map "user=$.u,item=$.i"' };
  expect(ingestLines(status({ maps: [back] })).at(-1)).toBe(
    '  views is read as events of our own shape, since 2023-11-14T22:13:20.000Z; before: --map "user=$.u,item=$.i"',
  );
});
