// Prequential evaluation: which events are scored, with what history, by which model; that nothing a model has learned
// from ever counts; what the curve is made of.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openLines } from "../../services/evaluator/lines.ts";
import { openStream, type Stream } from "../../services/evaluator/stream.ts";
import { uniform } from "../../shared/compute/draws.ts";
import { batchOf } from "../../shared/events/batch.ts";
import { Histories } from "../../shared/events/histories.ts";
import { Vocabulary } from "../../shared/events/vocabulary.ts";
import { type Arrival, arrivalsOf, mustBeUnseen } from "../../shared/judging/arrivals.ts";
import { drifts } from "../../shared/judging/choosing.ts";
import { aloneGains, askedOf, type Trained } from "../../shared/judging/gains.ts";
import type { Ranked } from "../../shared/judging/meeting.ts";
import { prequentialPoint } from "../../shared/judging/point.ts";
import { openPrequential } from "../../shared/judging/prequential.ts";
import { SlidingWindow } from "../../shared/judging/window.ts";
import type { Mix } from "../../shared/ranking/mix.ts";
import { openEvents, writeEvents } from "../../shared/table/events.ts";
import { type Pair, rowsOf } from "./pairs.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tributary-prequential-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const never = new AbortController().signal;
const batch = (pairs: readonly Pair[]) =>
  batchOf(pairs.map(([user, item], offset) => ({ user, item, timestamp: 0, value: null, partition: 0, offset })));

function historiesOf(...pairs: Pair[]): Histories {
  const histories = new Histories("");
  histories.append(batch(pairs), 0);
  return histories;
}

/** Knows `items`, and ranks them in the order in which they stand. */
function inOrder(items: readonly string[], tableVersion: number, version = "v1"): Trained {
  return {
    version,
    tableVersion,
    vocabulary: new Vocabulary(items),
    scoreBatch: (foldIns) =>
      Float32Array.from({ length: foldIns.length * items.length }, (_, k) => -(k % items.length)),
  };
}

const named = (histories: Histories) => (arrival: Arrival) => [
  histories.users[arrival.user],
  arrival.item,
  [...arrival.foldIn].map((column) => histories.vocabulary.items[column]),
];

describe("arrivals", () => {
  test("are the first meetings of users who are known, each with all that came before it", () => {
    const histories = historiesOf(["a", "x"], ["b", "y"]);
    const { scored } = arrivalsOf(
      batch([
        ["a", "y"],
        ["new", "x"],
        ["a", "x"],
        ["a", "z"],
        ["a", "y"],
        ["b", "x"],
      ]),
      histories,
      1,
      100,
    );
    expect(new Set(scored.map(named(histories)).map(String))).toEqual(
      new Set(
        [
          ["a", "y", ["x"]],
          ["a", "z", ["x", "y"]],
          ["b", "x", ["y"]],
        ].map(String),
      ),
    );
  });

  test("stop at the limit, users whole, and the same users whatever the order of rows", () => {
    const users = Array.from({ length: 50 }, (_, k) => `u${k}`);
    const histories = historiesOf(...users.map((user): Pair => [user, "x"]));
    const pairs = users.flatMap((user): Pair[] => [
      [user, "y"],
      [user, "z"],
    ]);
    const { scored, leftOut } = arrivalsOf(batch(pairs), histories, 1, 21);
    expect(scored).toHaveLength(22);
    expect(leftOut).toBe(78);
    const names = (from: readonly Arrival[]) => new Set(from.map(({ user }) => user));
    expect(names(arrivalsOf(batch([...pairs].reverse()), histories, 1, 21).scored)).toEqual(names(scored));
  });

  test("of a user who alone comes to more than the limit are the first, each with all that came before it", () => {
    const many = Array.from({ length: 200_000 }, (_, k): Pair => ["a", `i${k}`]);
    const { scored, leftOut } = arrivalsOf(batch(many), historiesOf(["a", "x"]), 1, 10);
    expect(scored.map(({ item }) => item)).toEqual(many.slice(0, 10).map(([, item]) => item));
    expect(leftOut).toBe(199_990);
  });

  test("never hold an item that the user had, and with their users' rows add up to the rows afterwards", () => {
    const pair = fc.tuple(fc.constantFrom("a", "b", "c", "d"), fc.constantFrom("p", "q", "r", "s", "t"));
    fc.assert(
      fc.property(
        fc.array(pair, { minLength: 1, maxLength: 12 }),
        fc.array(pair, { minLength: 1, maxLength: 20 }),
        (before, after) => {
          const histories = historiesOf(...before);
          const { scored } = arrivalsOf(batch(after), histories, 1, 1000);
          const found = scored.map(named(histories));
          for (const [, item, had] of found) expect(had).not.toContain(item);
          const rows = new Map(
            scored.map(({ user }) => [
              user,
              new Set([...histories.rowOf(user)].map((c) => histories.vocabulary.items[c]!)),
            ]),
          );
          for (const { user, item } of scored) rows.get(user)!.add(item);
          histories.append(batch(after), 1);
          for (const [user, items] of rows)
            expect(items).toEqual(
              new Set([...histories.rowOf(user)].map((column) => histories.vocabulary.items[column]!)),
            );
        },
      ),
    );
  });
});

describe("a model", () => {
  const histories = historiesOf(["a", "x"], ["b", "y"], ["b", "z"]);
  const arrivals = arrivalsOf(
    batch([
      ["a", "z"],
      ["b", "fresh"],
    ]),
    histories,
    7,
    100,
  ).scored;

  const gains = async (model: Trained) => aloneGains(askedOf(arrivals, model, histories), never);

  test("is scored on the place that it gives the item, what the user had left out", async () => {
    const found = new Map((await gains(inOrder(["x", "y", "z"], 6))).map((gain, k) => [arrivals[k]!.item, gain]));
    expect(found.get("z")).toEqual({ recall: 1, ndcg: 1 / Math.log2(3) }); // x is masked, y stands before z
    expect(found.get("fresh")).toEqual({ recall: 0, ndcg: 0 }); // it has never met the item
  });

  test("that was trained on the version of an arrival is refused as a leak of time", async () => {
    expect(() => mustBeUnseen(arrivals, "v1", 6)).not.toThrow();
    expect(() => mustBeUnseen(arrivals, "v1", 7)).toThrow(
      /TIME_LEAK: an event of table version 7 would score v1, .* versions up to 7/,
    );
    await expect(gains(inOrder(["x", "y", "z"], 7))).rejects.toThrow("TIME_LEAK");
  });
});

test("the window holds the newest so many, and its means are over them", () => {
  const gain = (recall: number) => ({ recall, ndcg: recall / 2 });
  const window = new SlidingWindow(3);
  expect(window.means()).toBeNull();
  window.add(
    [1, 0, 1, 1].map((recall, user) => ({
      user: user % 2,
      model: gain(recall),
      alone: gain(0),
      popularity: gain(0),
      popularNow: gain(1 - recall),
      popularThen: gain(recall),
      coVisits: gain(1),
      coVisitsThen: gain(0),
      isKnown: recall === 1,
    })),
  );
  expect(window.means()).toEqual({
    events: 3,
    users: 2,
    unknownItems: 1 / 3,
    "recall@20": 2 / 3,
    "ndcg@100": 1 / 3,
    alone: { "recall@20": 0, "ndcg@100": 0 },
    popularity: { "recall@20": 0, "ndcg@100": 0 },
    popularNow: { "recall@20": 1 / 3, "ndcg@100": 1 / 6 },
    popularThen: { "recall@20": 2 / 3, "ndcg@100": 1 / 3 },
    coVisits: { "recall@20": 1, "ndcg@100": 0.5 },
    coVisitsThen: { "recall@20": 0, "ndcg@100": 0 },
    lead: {
      alone: { "recall@20": 0.75, "recall@20:se": 0.25, "ndcg@100": 0.375, "ndcg@100:se": 0.125 },
      // of user 1 it is 1 once and -1 once, of user 0 it is 1
      popularNow: { "recall@20": 0.5, "recall@20:se": 0.5, "ndcg@100": 0.25, "ndcg@100:se": 0.25 },
      popularThen: { "recall@20": 0, "recall@20:se": 0, "ndcg@100": 0, "ndcg@100:se": 0 },
      coVisits: { "recall@20": -0.25, "recall@20:se": 0.25, "ndcg@100": -0.125, "ndcg@100:se": 0.125 },
    },
  });
});

describe("on a table that grows", () => {
  let offset = 0;
  async function commit(...pairs: Pair[]): Promise<number> {
    const table = await openEvents(dir);
    const rows = rowsOf(pairs, offset);
    offset += rows.length;
    return table.commit({
      add: [await writeEvents(table.store, batchOf(rows))],
      newestArrival: 1000 * (table.version + 2),
    });
  }
  const files = () => join(dir, "prequential.jsonl");
  const open = async (everyMs = 0) => {
    const lines = await openLines(files(), prequentialPoint, 10, 1000);
    return { lines, prequential: openPrequential(lines, { window: 100, everyMs }, () => 0) };
  };
  const everything = ["x", "y", "z"];

  test("what was there before is history, what comes is scored before it is taken in, and a line tells the means", async () => {
    await commit(["a", "x"], ["b", "x"], ["b", "y"]);
    const stream = openStream(dir, "", Number.POSITIVE_INFINITY, 100);
    expect((await stream.advance()).arrivals).toEqual([]);
    await commit(["a", "y"], ["b", "z"]);
    const news = await stream.advance();
    expect(news.arrivals).toHaveLength(2);
    expect([...news.popularity]).not.toEqual([...stream.histories.popularity()]);
    const { prequential } = await open();
    const { counts, line } = await prequential.take(news, inOrder(everything, 0), stream, never);
    expect(counts).toEqual({ scored: 2, leftOut: 0, missed: 0 });
    expect(line).toMatchObject({
      at: 2000,
      tableVersion: 1,
      model: "v1",
      events: 2,
      users: 2,
      "recall@20": 1,
      "ndcg@100": 1,
    });
    expect(JSON.parse(readFileSync(files(), "utf8"))).toEqual(line);
    expect((await stream.advance()).arrivals).toEqual([]);
  });

  test("a model that already knew the version is not scored on it: the events count as missed", async () => {
    await commit(["a", "x"]);
    const stream = openStream(dir, "", Number.POSITIVE_INFINITY, 100);
    await stream.advance();
    await commit(["a", "y"]); // version 1
    await commit(["a", "z"]); // version 2
    const news = await stream.advance();
    const { prequential } = await open();
    expect(await prequential.take(news, inOrder(everything, 1), stream, never)).toMatchObject({
      counts: { scored: 1, leftOut: 0, missed: 1 },
      line: { events: 1 },
    });
    expect(await prequential.take(news, inOrder(everything, 9, "planted"), stream, never)).toEqual({
      counts: { scored: 0, leftOut: 0, missed: 2 },
      line: undefined,
      scored: [],
    });
  });

  test("rows that are told anew, since some were erased, are no news", async () => {
    await commit(["a", "x"], ["b", "x"]);
    const stream = openStream(dir, "", 0, 100);
    await stream.advance();
    const table = await openEvents(dir);
    const kept = batchOf([{ user: "a", item: "x", timestamp: 0, value: null, partition: 0, offset: 0 }]);
    await table.commit({ add: [await writeEvents(table.store, kept)], remove: table.files, operation: "DELETE" });
    expect((await stream.advance()).arrivals).toEqual([]);
    await commit(["a", "y"]);
    expect((await stream.advance()).arrivals.map(({ item }) => item)).toEqual(["y"]);
  });

  test("after a restart it goes on behind the last version that was scored", async () => {
    await commit(["a", "x"]);
    await commit(["a", "y"]);
    await commit(["a", "z"]);
    const stream: Stream = openStream(dir, "", 1, 100);
    expect((await stream.advance()).arrivals.map(({ item }) => item)).toEqual(["z"]);
  });

  test("candidate and published model meet on what neither has learned from, user by user", async () => {
    const users = Array.from({ length: 40 }, (_, k) => `u${k}`);
    await commit(...users.map((user): Pair => [user, "x"]));
    const stream = openStream(dir, "", Number.POSITIVE_INFINITY, 1000);
    await stream.advance();
    const { prequential } = await open();
    const published = inOrder(["x", "z", "y"], 0);
    await commit(...users.map((user): Pair => [user, "y"])); // version 1: the candidate has learned from it
    await prequential.take(await stream.advance(), published, stream, never);
    const candidate = inOrder(everything, 1, "candidate");
    expect((await prequential.beside(candidate, published, stream, never)).overIncumbent).toHaveLength(0);
    await commit(...users.map((user): Pair => [user, "z"])); // version 2
    await prequential.take(await stream.advance(), published, stream, never);
    const { overIncumbent } = await prequential.beside(candidate, published, stream, never);
    expect([...overIncumbent]).toEqual(users.map(() => 0)); // for both, z is all that is left
    const poor = { ...inOrder(["x", "y", "other", "z"], 1), version: "poor" };
    expect([...(await prequential.beside(poor, published, stream, never)).overIncumbent]).toEqual(
      users.map(() => 1 / Math.log2(3) - 1),
    );
  });
});

describe("what is hot, laid over a candidate's scores", () => {
  const ITEMS = 60;
  const items = Array.from({ length: ITEMS }, (_, k) => `m${k}`);
  const none = new Int32Array(0);
  const odds = items.map((_, k) => 1 / (k + 1));
  const drawn = uniform(3, 0, 1, new Float32Array(4000)).map((value) => (value + 1) / 2);
  /** The model says exactly how likely each item is. */
  const right: Trained = {
    version: "right",
    tableVersion: 0,
    vocabulary: new Vocabulary(items),
    scoreBatch: (rows) => Float32Array.from(rows.flatMap(() => odds.map(Math.log))),
  };

  /** Versions of a hundred users who each come to one more item; `itemOf` decides which. */
  async function followed(itemOf: (k: number, version: number) => string) {
    const users = Array.from({ length: 600 }, (_, k) => `u${k}`);
    const table = await openEvents(dir);
    let offset = 0;
    const commit = async (pairs: readonly Pair[]) => {
      const rows = rowsOf(pairs, offset);
      offset += rows.length;
      await table.commit({ add: [await writeEvents(table.store, batchOf(rows))], newestArrival: 1 });
    };
    await commit(users.map((user): Pair => [user, "seen by all"]));
    const stream = openStream(dir, "", 0, 1000);
    const lines = await openLines(join(dir, "prequential.jsonl"), prequentialPoint, 10, 1000);
    const prequential = openPrequential(lines, { window: 1000, everyMs: 0 }, () => 0);
    await stream.advance();
    for (let version = 1; version <= 6; version++) {
      await commit(users.slice(100 * (version - 1), 100 * version).map((user, k): Pair => [user, itemOf(k, version)]));
      await prequential.take(await stream.advance(), version < 4 ? null : right, stream, never);
    }
    return { prequential, stream };
  }
  const byOdds = (k: number, version: number) => {
    let left = drawn[200 * version + k]! * odds.reduce((a, b) => a + b);
    return items.find((_, column) => {
      left -= odds[column]!;
      return left < 0;
    })!;
  };

  test("weighs nothing where the model is right and nothing drifts: its scores stay as they are", async () => {
    const { prequential, stream } = await followed(byOdds);
    const { mix, why } = await prequential.mixOf(right, null, stream, never);
    expect(mix).toBeUndefined();
    expect(why).toMatch(/^it did not help: NDCG@100 of \d+ arrivals [+-]0\.\d{4} ± 0\.\d{4}$/);
  });

  test("is weighed by what came where users turn to an item, and the candidate with it is far above without", async () => {
    const { prequential, stream } = await followed((k, version) => (k % 3 ? "m55" : byOdds(k, version)));
    const { mix, why } = await prequential.mixOf(right, null, stream, never);
    expect(mix).toBeDefined();
    expect(why).toMatch(/^it helps/);
    const mean = (values: Float64Array) => values.reduce((a, b) => a + b, 0) / values.length;
    const over = async (candidate: Trained) =>
      mean((await prequential.beside(candidate, right, stream, never)).overIncumbent);
    expect(await over(right)).toBe(0);
    expect(await over({ ...right, mix })).toBeGreaterThan(0.2);
  });

  test("lists a new item that users turn to, which the model has never met", async () => {
    const { prequential, stream } = await followed((k, version) => (k % 3 ? "new" : byOdds(k, version)));
    const { mix } = await prequential.mixOf(right, null, stream, never);
    const { overIncumbent } = await prequential.beside({ ...right, mix }, right, stream, never);
    expect(overIncumbent.filter((more) => more > 0.9).length).toBeGreaterThan(300);
  });

  test("is no choice where it costs those who are judged on what they ever met, unless popularity itself moves", () => {
    const ndcg = (...values: number[]): Ranked => ({
      ...{ user: 0, item: "x", foldIn: new Int32Array(0), version: 1, hot: { items: none, rises: [] } },
      following: { items: none, rises: new Float32Array(0) },
      now: { popular: values.map((value) => ({ recall: 0, ndcg: value })), coVisits: { recall: 0, ndcg: 0 } },
    });
    const of = (count: number, ...values: number[]) =>
      Array.from({ length: count }, (_, user) => ({
        ...ndcg(...values.map((value) => value * (1 + (user % 7)))),
        user,
      }));
    expect(drifts(of(500, 0.3, 0.3, 0.1, 0.1))).toBe(true);
    expect(drifts(of(500, 0.1, 0.1, 0.3, 0.1))).toBe(true);
    expect(drifts(of(500, 0.13, 0.13, 0.1, 0.1))).toBe(false); // a little better
    expect(drifts([...of(500, 0, 0, 0, 0.01), ...of(3, 9, 9, 9, 0)])).toBe(false); // by chance
    expect(drifts([])).toBe(false);
  });

  test("stays as it was where too few have come to tell", async () => {
    const { prequential, stream } = await followed(byOdds);
    const before = { model: 0.5, hot: [1, 0, 0], follows: 0 } satisfies Mix;
    const late = { ...right, tableVersion: 6 };
    expect((await prequential.mixOf(late, { ...right, mix: before }, stream, never)).mix).toBe(before);
  });
});

test("lines survive a restart, a torn one is passed over, and a file that has grown too long keeps its newest", async () => {
  const file = join(dir, "lines");
  const shape = prequentialPoint.pick({ at: true });
  writeFileSync(file, '{"at":1}\n{"of":"another kind"}\n{"at":2}\n{"at":');
  const lines = await openLines(file, shape, 10, 100);
  expect(lines.recent).toEqual([{ at: 1 }, { at: 2 }]);
  await lines.append({ at: 3 });
  expect((await openLines(file, shape, 2, 100)).recent).toEqual([{ at: 3 }]); // of the newest two lines one is torn
  for (let at = 4; at < 20; at++) await lines.append({ at });
  expect(lines.recent).toHaveLength(10);
  await openLines(file, shape, 10, 5);
  expect(
    readFileSync(file, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).at),
  ).toEqual([15, 16, 17, 18, 19]);
});
