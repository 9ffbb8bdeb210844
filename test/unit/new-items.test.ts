// Which items come into the vocabulary: every one of an honest stream at once, those of a producer that makes names up
// never more than the others.
import fc from "fast-check";
import { expect, test } from "vitest";
import { batchOf } from "../../shared/events/batch.ts";
import { Histories } from "../../shared/events/histories.ts";
import { syntheticStream } from "../../shared/events/synthetic.ts";
import { Vocabulary } from "../../shared/events/vocabulary.ts";

interface Event {
  readonly user: string;
  readonly item: string;
}

const batch = (events: readonly Event[]) =>
  batchOf(events.map(({ user, item }, offset) => ({ user, item, timestamp: 1, value: null, partition: 0, offset })));

function read(events: readonly Event[], minUsers: number, pieces = 1, pinned: readonly string[] = []): Histories {
  const histories = new Histories("s", new Vocabulary(pinned), { minUsers });
  const size = Math.ceil(events.length / pieces);
  for (let k = 0; k < pieces; k++) histories.append(batch(events.slice(k * size, (k + 1) * size)), k);
  return histories;
}

/** Everything that training sees of it. */
const seen = (histories: Histories) => ({
  items: histories.vocabulary.items,
  rows: histories.users.map((_, user) => [...histories.rowOf(user)]),
  lengths: histories.users.map((_, user) => histories.lengthOf(user)),
  popularity: [...histories.popularity()],
});

test("an honest stream is read as if there were no rule", () => {
  const stream = syntheticStream(7);
  const events = Array.from({ length: 30_000 }, (_, k) => stream(k));
  expect(seen(read(events, 1))).toEqual(seen(read(events, 0)));
  expect(read(events, 1).waiting).toEqual({ items: 0, forgotten: 0 });
});

test("of 20,000 items that a bot makes up, 2,000 come in, the others wait, and no honest item does", () => {
  const stream = syntheticStream(7);
  const events = Array.from({ length: 40_000 }, (_, k) =>
    k % 2 === 0 ? stream(k / 2) : { user: `bot${k % 50}`, item: `junk-${k}` },
  );
  const histories = read(events, 1);
  const junk = histories.vocabulary.items.filter((item) => item.startsWith("junk")).length;
  expect(junk).toBeLessThanOrEqual(2_000);
  expect(histories.waiting.items).toBeGreaterThan(17_000);
  const counted = new Map<string, Set<string>>();
  for (const { user, item } of events) counted.set(item, (counted.get(item) ?? new Set()).add(user));
  for (const [item, users] of counted)
    if (users.size > 1) expect(histories.vocabulary.column(item), item).toBeDefined();
});

test("with a threshold an item comes in with its last user, into the rows of all of them, at the place of its first event", () => {
  const events = [
    { user: "a", item: "rare" },
    { user: "a", item: "x" },
    { user: "b", item: "x" },
    { user: "c", item: "x" },
    { user: "a", item: "y" },
    { user: "b", item: "y" },
    { user: "b", item: "y" },
    { user: "c", item: "rare" },
  ];
  const before = read(events, 3);
  expect(seen(before)).toMatchObject({ items: ["x"], rows: [[0], [0], [0]], lengths: [1, 1, 1] });
  expect(before.waiting.items).toBe(2);
  before.append(batch([{ user: "b", item: "rare" }]), 9);
  expect(seen(before)).toMatchObject({
    items: ["x", "rare"],
    rows: [
      [1, 0],
      [0, 1],
      [0, 1],
    ],
    lengths: [2, 2, 2],
  });
  expect(before.lastVersion(0)).toBe(9);
});

test("property: a version gives the same vocabulary and rows in however many readings, after a restart, and told anew", () => {
  const event = fc.record({
    user: fc.constantFrom("a", "b", "c", "d"),
    item: fc.integer({ min: 0, max: 30 }).map((k) => `i${k}`),
  });
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 120 }),
      fc.constantFrom(0, 1, 2, 3),
      fc.integer({ min: 1, max: 9 }),
      (events, minUsers, pieces) => {
        const whole = read(events, minUsers);
        expect(seen(read(events, minUsers, pieces))).toEqual(seen(whole));
        expect(seen(read(events, minUsers, pieces, whole.vocabulary.items))).toEqual(seen(whole));
        const again = read(events, minUsers, pieces);
        again.clear();
        again.append(batch(events), 1);
        expect(seen(again)).toEqual(seen(whole));
        for (const [column] of whole.vocabulary.items.entries())
          expect(whole.vocabulary.column(whole.vocabulary.items[column]!)).toBe(column);
      },
    ),
    { seed: 5, numRuns: 400 },
  );
});

test("under a flood too: a restart at any version goes on as if it had never stopped", () => {
  const flood = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, k) => ({ user: `u${(from + k) % 40}`, item: `j${from + k}` }));
  const echo = flood(2_500, 2_600).map(({ item }) => ({ user: "second", item }));
  const events = [...flood(0, 3_000), ...echo, ...flood(3_000, 3_500)];
  const whole = read(events, 1);
  expect(whole.waiting.items).toBeGreaterThan(500);
  for (const at of [1_000, 2_700, 3_050, 3_200]) {
    const pinned = read(events.slice(0, at), 1).vocabulary.items;
    expect(seen(read(events, 1, 3, pinned)), `${at}`).toEqual(seen(whole));
  }
});

test("a run that goes on from an older version than the vocabulary is of gets the rows that it had: an item that waited then has a column now", () => {
  const events = ["a:x", "b:x", "a:rare", "a:y", "b:y", "b:rare"].map((pair) => ({
    user: pair.split(":")[0]!,
    item: pair.split(":")[1]!,
  }));
  const before = read(events.slice(0, 5), 2);
  const { items } = before.vocabulary;
  const pinned = read(events, 2).vocabulary.items;
  expect([items, pinned]).toEqual([
    ["x", "y"],
    ["x", "y", "rare"],
  ]);
  const after = read(events.slice(0, 5), 2, 1, pinned);
  for (const user of [0, 1]) expect([...after.rowOf(user, items.length)]).toEqual([...before.rowOf(user)]);
  expect([...after.rowOf(0)]).toEqual([0, 2, 1]);
});

test("users and items that there is no room for are left out, and counted; the others train on, the same in any number of readings", () => {
  const flood = Array.from({ length: 3_000 }, (_, k) => ({ user: `u${k % 1_500}`, item: `i${k % 40}` }));
  const reading = (pieces: number, minUsers = 1) => {
    const histories = new Histories("s", new Vocabulary(), { minUsers, most: 1_000 });
    const size = Math.ceil(flood.length / pieces);
    for (let k = 0; k < pieces; k++) histories.append(batch(flood.slice(k * size, (k + 1) * size)), k);
    return histories;
  };
  const whole = reading(1);
  expect([whole.users.length, whole.leftOut, whole.events]).toEqual([1_000, 1_000, 3_000]);
  expect(seen(reading(7))).toEqual(seen(whole));
  for (const minUsers of [0, 1, 2]) {
    const narrow = new Histories("s", new Vocabulary(), { minUsers, most: 20 });
    narrow.append(batch(flood.slice(0, 40)), 0);
    narrow.append(batch(flood.slice(0, 40).map(({ item }, k) => ({ item, user: `u${k % 20}` }))), 1);
    expect(narrow.vocabulary.items.length).toBeLessThanOrEqual(20);
  }
});
