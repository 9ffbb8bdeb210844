// The default stream: the same for ever, resumable anywhere, long-tailed, growing, drifting.
import { expect, test } from "vitest";
import { hash32 } from "../../shared/events/hash.ts";
import { itemsAt, syntheticStream, usersAt } from "../../shared/events/synthetic.ts";

const N = 60_000;
const eventAt = syntheticStream(1337);
const events = Array.from({ length: N }, (_, index) => eventAt(index));

test("a seed gives one stream for ever, and each index is computed on its own", () => {
  const again = syntheticStream(1337);
  for (const index of [N - 1, 17, 40_000, 0]) expect(again(index)).toEqual(events[index]);
  expect(syntheticStream(2)(17)).not.toEqual(events[17]);
  const digest = events.slice(0, 5000).reduce((hash, { user, item }) => hash32(`${user} ${item}`, hash), 0);
  expect(digest).toBe(1483084882);
});

test("users and items that appear are those that exist by then", () => {
  events.forEach(({ user, item }, index) => {
    if (Number(user.slice(1)) >= usersAt(index)) throw new Error(`${user} at ${index}`);
    if (Number(item.slice(1)) >= itemsAt(index)) throw new Error(`${item} at ${index}`);
  });
  expect(usersAt(200_000)).toBeGreaterThan(5500);
  expect(itemsAt(0)).toBeLessThan(itemsAt(200_000));
  expect(itemsAt(1e9)).toBe(2004);
});

test("popularity has a long tail: the best known tenth draws a third, and nearly all items are seen", () => {
  const counts = new Map<string, number>();
  for (const { item } of events) counts.set(item, (counts.get(item) ?? 0) + 1);
  const sorted = [...counts.values()].sort((a, b) => b - a);
  const head = sorted.slice(0, Math.floor(sorted.length / 10)).reduce((a, b) => a + b, 0);
  expect(head / N).toBeGreaterThan(0.25);
  expect(head / N).toBeLessThan(0.5);
  expect(counts.size).toBeGreaterThan(0.95 * itemsAt(N));
});

/** Cosine of a user's item counts in two windows of 60,000 events of the stream each. */
function likeness(user: string, from: number, to: number): number {
  const window = (start: number) => {
    const counts = new Map<string, number>();
    for (let index = start; index < start + 60_000; index++) {
      const event = eventAt(index);
      if (event.user === user) counts.set(event.item, (counts.get(event.item) ?? 0) + 1);
    }
    return counts;
  };
  const [a, b] = [window(from), window(to)];
  const dot = [...a].reduce((sum, [item, count]) => sum + count * (b.get(item) ?? 0), 0);
  const norm = (counts: Map<string, number>) => Math.hypot(...counts.values());
  return dot / (norm(a) * norm(b));
}

test("tastes drift: a user is more like himself soon after than long after", () => {
  const busiest = [
    ...events.reduce((counts, { user }) => counts.set(user, (counts.get(user) ?? 0) + 1), new Map<string, number>()),
  ]
    .sort((a, b) => b[1] - a[1])
    .slice(0, 8)
    .map(([user]) => user);
  const mean = (to: number) => busiest.reduce((sum, user) => sum + likeness(user, 0, to), 0) / busiest.length;
  expect(mean(60_000)).toBeGreaterThan(1.3 * mean(3_000_000));
});

test("without drift all items are there from the beginning, and with fast drift what is new is what is looked at, and is gone a while later", () => {
  const itemsIn = (drift: "none" | "fast", from: number) => {
    const at = syntheticStream(1337, drift);
    return new Set(Array.from({ length: 20_000 }, (_, k) => at(from + k).item));
  };
  const both = (drift: "none" | "fast") => {
    const [early, late] = [itemsIn(drift, 0), itemsIn(drift, 600_000)];
    return [...late].filter((item) => early.has(item)).length / late.size;
  };
  expect(both("none")).toBeGreaterThan(0.9);
  expect(both("fast")).toBe(0);
  const at = syntheticStream(1337, "fast");
  const newest = new Set(Array.from({ length: 3_000 }, (_, k) => at(300_000 + k).item));
  const before = itemsIn("fast", 270_000);
  const share = [...newest].filter((item) => before.has(item)).length / newest.size;
  expect(share).toBeGreaterThan(0.5);
  expect(share).toBeLessThan(0.98);
});
