// What is hot now: who makes an item hot, how it fades, what is remembered of it.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Vocabulary } from "../../shared/events/vocabulary.ts";
import { followingIn, hotIn, laid, type Mix } from "../../shared/ranking/mix.ts";
import { trending } from "../../shared/ranking/trending.ts";
import { FOLLOWS_HALF_LIFE, HALF_LIVES, Trends } from "../../shared/ranking/trends.ts";

/** Feeds events of user and item as somebody would who keeps histories. */
function feeder(trends: Trends) {
  const rows = new Map<number, number[]>();
  return (user: number, item: number) => {
    const row = rows.get(user) ?? [];
    rows.set(user, row);
    const isNew = !row.includes(item);
    trends.add({ item, seen: isNew ? Int32Array.from(row) : undefined });
    if (isNew) row.push(item);
  };
}

describe("what is hot", () => {
  test("users count, not clicks: a burst of one item by one user makes nothing hot, and nothing else cold", () => {
    const [calm, burst] = [new Trends(), new Trends()];
    const [first, second] = [feeder(calm), feeder(burst)];
    for (let user = 0; user < 500; user++) {
      first(user, user % 7);
      second(user, user % 7);
      second(10_000, 3);
      for (let k = 0; k < 50; k++) second(10_000, 3);
    }
    for (const [k] of HALF_LIVES.entries())
      for (let item = 0; item < 7; item++)
        expect(burst.shareOf(item, k)).toBeCloseTo(calm.shareOf(item, k), item === 3 ? 2 : 4);
  });

  test("a user with a million distinct items is one user of each", () => {
    const trends = new Trends();
    for (let item = 0; item < 100_000; item++) trends.add({ item, seen: Int32Array.of() });
    expect(hotIn(trends).items.length).toBeLessThan(100_000);
    for (let item = 0; item < 100_000; item += 997) expect(trends.isMetBySome(item)).toBe(false);
  });

  test.each(HALF_LIVES.map((halfLife, k) => [halfLife, k]))(
    "by a half-life of %s a count is half after so many others",
    (halfLife, k) => {
      const trends = new Trends();
      trends.add({ item: 1, seen: Int32Array.of() });
      const before = trends.shareOf(1, k);
      for (let other = 0; other < halfLife; other++) trends.add({ item: 2, seen: Int32Array.of() });
      expect(trends.shareOf(1, k)).toBeCloseTo(before / 2, 9);
    },
  );

  test("shares are those of plain sums, in whatever order events come, however many there were before", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(20), fc.nat(9)), { maxLength: 300 }),
        fc.constantFrom(0, FOLLOWS_HALF_LIFE - 100, 3 * FOLLOWS_HALF_LIFE - 7),
        (events, before) => {
          const trends = new Trends();
          const feed = feeder(trends);
          const came: number[] = [];
          const met = new Set<string>();
          for (let k = 0; k < before; k++) {
            trends.add({ item: 50 + (k % 3), seen: Int32Array.of() });
            came.push(50 + (k % 3));
          }
          for (const [user, item] of events) {
            feed(user, item);
            if (!met.has(`${user} ${item}`)) came.push(item);
            met.add(`${user} ${item}`);
          }
          expect(trends.counted).toBe(came.length);
          for (const [k, halfLife] of HALF_LIVES.entries()) {
            let sum = 0;
            for (const [place, item] of came.entries())
              if (item === 4) sum += 2 ** -((came.length - 1 - place) / halfLife);
            expect(trends.shareOf(4, k)).toBeCloseTo(sum * (1 - 2 ** (-1 / halfLife)), 9);
          }
        },
      ),
      { seed: 1337, numRuns: 60 },
    );
  });
});

test("an item that vanishes sinks back to where the model has it, and what followed it is forgotten", () => {
  const trends = new Trends();
  for (let k = 0; k < 2_000; k++) trends.add({ item: k % 2, seen: Int32Array.of(7) });
  const rise = () => {
    const { items, rises } = hotIn(trends);
    const at = items.indexOf(0);
    return at < 0 ? 0 : Math.max(...rises.map((of) => of[at]!));
  };
  expect(rise()).toBeGreaterThan(5);
  for (let k = 0; k < 24 * HALF_LIVES.at(-1)!; k++) trends.add({ item: 2 + (k % 5), seen: Int32Array.of(8) });
  expect(rise()).toBe(0);
  expect(followingIn(trends, [7]).items).toHaveLength(0);
});

describe("what follows", () => {
  test("is counted of the three items that the user met last", () => {
    const trends = new Trends();
    trends.add({ item: 9, seen: Int32Array.of(1, 2, 3, 4) });
    const followers = (last: number) => {
      const found: number[] = [];
      trends.forFollowersOf(last, (item) => found.push(item));
      return found;
    };
    expect([1, 2, 3, 4].map(followers)).toEqual([[], [9], [9], [9]]);
    expect(trends.followedOf(4)).toBeCloseTo(1, 3);
  });

  test("is forgotten when it has faded, so that what is remembered stays bounded whatever comes", () => {
    const trends = new Trends();
    let most = 0;
    for (let k = 0; k < 12 * FOLLOWS_HALF_LIFE; k++) {
      trends.add({ item: k % 30_011, seen: Int32Array.of((k * 7) % 30_011, (k * 11) % 30_011, (k * 13) % 30_011) });
      if (k % FOLLOWS_HALF_LIFE === 1) most = Math.max(most, trends.pairs);
    }
    expect(most).toBeLessThan(3 * 5.01 * FOLLOWS_HALF_LIFE);
  });

  test("raises what follows the user's last item above what is as hot and does not", () => {
    const trends = new Trends();
    for (let k = 0; k < 500; k++) {
      trends.add({ item: 2, seen: Int32Array.of(1) });
      trends.add({ item: 3, seen: Int32Array.of(0) });
    }
    const { items, rises } = followingIn(trends, [1]);
    expect([...items]).toEqual([2]);
    expect(rises[0]).toBeGreaterThan(0.1);
  });
});

describe("a model under a mix", () => {
  const mix: Mix = { model: 0.5, hot: [0.3, 0.4, 0.3], follows: 1 };
  const names = ["a", "b", "c", "d", "new", "alone"];
  const model = {
    vocabulary: new Vocabulary(names.slice(0, 4)),
    scoreBatch: (foldIns: Int32Array[]) => Float32Array.from(foldIns.flatMap(() => [4, 3, 2, 1])),
  };
  const moved = () => {
    const trends = new Trends();
    for (let k = 0; k < 400; k++) trends.add({ item: 3, seen: Int32Array.of(0) });
    for (let k = 0; k < 60; k++) trends.add({ item: 4, seen: Int32Array.of(1) });
    trends.add({ item: 5, seen: Int32Array.of() });
    return { trends, numbers: new Vocabulary(names) };
  };

  test("lists what is hot first, and new items that two users have met; not one that one user has", () => {
    const { vocabulary, scoreBatch } = trending(model, mix, moved());
    expect(vocabulary.items).toEqual(names.slice(0, 5));
    const [a, b, c, d, fresh] = scoreBatch([Int32Array.of(1)]);
    expect(d).toBeGreaterThan(a!);
    expect(fresh).toBeGreaterThan(a!);
    expect([a, b, c]).toEqual([2, 1.5, 1]);
  });

  test("says the same of a user alone and beside others", () => {
    const { scoreBatch } = trending(model, mix, moved());
    const [one, two] = [Int32Array.of(0), Int32Array.of(1, 4)];
    const both = scoreBatch([one, two]);
    expect([...scoreBatch([one]), ...scoreBatch([two])]).toEqual([...both]);
  });

  test("is the model, bit for bit, where the mix says that nothing else counts", () => {
    const scores = Float32Array.of(0.1, -7, 3);
    const { trends } = moved();
    const plain: Mix = { model: 1, hot: [0, 0, 0], follows: 0 };
    expect(laid(scores, 3, plain, hotIn(trends), followingIn(trends, [0]), [0, 1, 2, 0, 1, 2])).toEqual(scores);
  });
});
