// Users' rows, the split and the hash that both rest on.
import fc from "fast-check";
import { expect, test } from "vitest";
import { batchOf } from "../../shared/events/batch.ts";
import { bucketOf, hash32 } from "../../shared/events/hash.ts";
import { Histories } from "../../shared/events/histories.ts";
import { foldIn, isTarget, partOf } from "../../shared/events/split.ts";
import { Vocabulary } from "../../shared/events/vocabulary.ts";

const batch = (pairs: readonly (readonly [user: string, item: string])[]) =>
  batchOf(pairs.map(([user, item], offset) => ({ user, item, timestamp: 0, value: null, partition: 0, offset })));

test.each([
  ["", 0, 0],
  ["", 1, 0x514e28b7],
  ["", 0xffffffff, 0x81f16f39],
  ["a", 0x9747b28c, 0x7fa09ea6],
  ["aa", 0x9747b28c, 0x5d211726],
  ["aaa", 0x9747b28c, 0x283e0130],
  ["aaaa", 0x9747b28c, 0x5a97808a],
  ["abc", 0, 0xb3dd93fa],
  ["Hello, world!", 0x9747b28c, 0x24884cba],
  ["ππππππππ", 0x9747b28c, 0xd58063c1],
  ["The quick brown fox jumps over the lazy dog", 0x9747b28c, 0x2fa826cd],
])("murmur3 of %j with seed %i is the reference's", (text, seed, expected) => {
  expect(hash32(text, seed)).toBe(expected);
});

test("the split is 80/10/10, and stands for ever", () => {
  const users = Array.from({ length: 20_000 }, (_, k) => `u${k}`);
  const counts = { train: 0, validation: 0, test: 0 };
  for (const user of users) counts[partOf(user, "tributary")]++;
  expect(counts.train / users.length).toBeCloseTo(0.8, 2);
  expect(counts.validation / users.length).toBeCloseTo(0.1, 2);
  expect(counts.test / users.length).toBeCloseTo(0.1, 2);
  // Written down: were one of these to change, models already trained would have seen held-out users.
  const parts = users.slice(0, 19).map((user) => partOf(user, "tributary").slice(0, 2));
  expect(parts.join(" ")).toBe("tr tr va tr tr tr tr va tr tr tr tr tr tr va va va tr te");
  expect(["a", "u1", "žofie"].map(bucketOf)).toEqual([178, 160, 136]);
});

test("another salt makes another split", () => {
  const differing = Array.from({ length: 1000 }, (_, k) => `u${k}`).filter(
    (user) => partOf(user, "one") !== partOf(user, "two"),
  );
  expect(differing.length).toBeGreaterThan(200);
});

test("the target is a fifth of a held-out user's items, and new items change no side", () => {
  const vocabulary = new Vocabulary(Array.from({ length: 5000 }, (_, k) => `i${k}`));
  const row = Int32Array.from({ length: 5000 }, (_, k) => k);
  const early = foldIn("u1", row.subarray(0, 100), vocabulary.items, "s");
  const late = foldIn("u1", row, vocabulary.items, "s");
  expect(late.target.length / 5000).toBeCloseTo(0.2, 1);
  expect([...late.target].slice(0, early.target.length)).toEqual([...early.target]);
  expect([...late.target].every((column) => isTarget("u1", vocabulary.items[column]!, "s"))).toBe(true);
  expect(late.foldIn.length + late.target.length).toBe(5000);
});

test("property: rows hold distinct items in order of first appearance, whatever the batches", () => {
  const pairs = fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 400 })), {
    maxLength: 1500,
  });
  fc.assert(
    fc.property(pairs, fc.integer({ min: 1, max: 300 }), (numbers, size) => {
      const events = numbers.map(([user, item]) => [`u${user}`, `i${item}`] as const);
      const histories = new Histories("salt");
      const plain = new Map<string, string[]>();
      const changed = new Map<string, number>();
      for (let k = 0; k < events.length; k += size) {
        histories.append(batch(events.slice(k, k + size)), k);
        for (const [user, item] of events.slice(k, k + size)) {
          const items = plain.get(user) ?? [];
          plain.set(user, items);
          if (items.includes(item)) continue;
          items.push(item);
          changed.set(user, k);
        }
      }
      expect(histories.events).toBe(events.length);
      expect(histories.users).toEqual([...plain.keys()]);
      histories.users.forEach((user, number) => {
        expect([...histories.rowOf(number)].map((column) => histories.vocabulary.items[column])).toEqual(
          plain.get(user),
        );
        expect(histories.lastVersion(number)).toBe(changed.get(user));
        expect(histories.indexOf(user)).toBe(number);
      });
      const popularity = histories.vocabulary.items.map(
        (item) => [...plain].filter(([user, items]) => partOf(user, "salt") === "train" && items.includes(item)).length,
      );
      expect([...histories.popularity()]).toEqual(popularity);
    }),
    { seed: 4, numRuns: 60 },
  );
});

test("a row that was handed out does not change as events arrive", () => {
  const histories = new Histories("salt");
  histories.append(batch([["a", "x"]]), 0);
  const row = histories.rowOf(0);
  histories.append(batch(Array.from({ length: 500 }, (_, k) => ["ab"[k % 2]!, `i${k}`] as const)), 1);
  expect([...row]).toEqual([0]);
});

test("a vocabulary that was pinned before keeps its columns", () => {
  const histories = new Histories("salt", new Vocabulary(["x", "y"]));
  histories.append(
    batch([
      ["a", "new"],
      ["a", "y"],
    ]),
    0,
  );
  expect(histories.vocabulary.items).toEqual(["x", "y", "new"]);
  expect([...histories.rowOf(0)]).toEqual([2, 1]);
  expect(histories.popularity()).toHaveLength(3);
});

test("sets beside long rows can be given up: repeats are still none, and who goes on gets a set again", () => {
  const histories = new Histories("salt");
  const events = Array.from({ length: 200 }, (_, k) => ["u", `i${k % 100}`] as const);
  histories.append(batch(events), 0);
  histories.rest();
  histories.append(
    batch([
      ["u", "i3"],
      ["u", "i100"],
      ["u", "i100"],
    ]),
    1,
  );
  expect(histories.rowOf(0)).toEqual(Int32Array.from({ length: 101 }, (_, k) => k));
  expect([histories.has(0, 100), histories.has(0, 101)]).toEqual([true, false]);
});
