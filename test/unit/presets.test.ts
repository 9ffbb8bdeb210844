// Made-up worlds of the size of known data sets: their numbers are those that the papers name, and what is drawn has
// the shape of such data.
import { expect, test } from "vitest";
import { type PresetName, presetNames, presetOf, presetStream, presets } from "../../shared/events/presets.ts";

const EVENTS = 200_000;

interface World {
  /** Events of each user, ascending. */
  readonly perUser: readonly number[];
  /** Users of each item that has any, ascending. */
  readonly perItem: readonly number[];
  readonly pairs: number;
}

const worlds = new Map<PresetName, World>();
function worldOf(name: PresetName): World {
  const known = worlds.get(name) ?? drawn(name);
  worlds.set(name, known);
  return known;
}

function drawn(name: PresetName): World {
  const eventAt = presetStream(presetOf(name, EVENTS), 1337);
  const [users, items, pairs] = [new Map<string, number>(), new Map<string, number>(), new Set<string>()];
  const count = (of: Map<string, number>, key: string) => of.set(key, (of.get(key) ?? 0) + 1);
  for (let index = 0; index < EVENTS; index++) {
    const { user, item } = eventAt(index);
    count(users, user);
    count(items, item);
    pairs.add(`${user} ${item}`);
  }
  const sorted = (of: Map<string, number>) => [...of.values()].sort((a, b) => a - b);
  return { perUser: sorted(users), perItem: sorted(items), pairs: pairs.size };
}

const quantile = (sorted: readonly number[], q: number) => sorted[Math.floor(q * (sorted.length - 1))]!;
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
/** 0: all alike; 1: one has all. Items that nobody has count too. */
function gini(sorted: readonly number[], of: number): number {
  const all = [...new Array<number>(of - sorted.length).fill(0), ...sorted];
  const weighted = all.reduce((sum, value, k) => sum + (k + 1) * value, 0);
  return (2 * weighted) / (of * all.reduce((sum, value) => sum + value, 0)) - (of + 1) / of;
}

test("each has the users, items and events that the papers count; fewer events are of so much fewer users", () => {
  expect(presets.msd).toMatchObject({ users: 571_355, items: 41_140, events: 33_600_000 });
  expect(presets.netflix).toMatchObject({ users: 463_435, items: 17_769, events: 56_900_000 });
  expect(presets.ml20m).toMatchObject({ users: 136_677, items: 20_720, events: 10_000_000 });
  expect(presetOf("msd", 3_360_000)).toMatchObject({ users: 57_136, items: 41_140, events: 3_360_000 });
  expect(presetOf("msd", 1e9)).toEqual(presets.msd);
});

test.each(presetNames)("%s: every user comes, and nobody has an item twice", (name) => {
  const { perUser, pairs } = worldOf(name);
  expect(perUser.length).toBe(presetOf(name, EVENTS).users);
  expect(perUser[0]).toBeGreaterThanOrEqual(presets[name].least - 1);
  expect(pairs).toBe(EVENTS);
});

test.each(presetNames)("%s: users and items have a long tail", (name) => {
  const { perUser, perItem } = worldOf(name);
  const [middle, often, most] = [quantile(perUser, 0.5), quantile(perUser, 0.9), quantile(perUser, 1)];
  expect(middle / mean(perUser)).toBeGreaterThan(0.5);
  expect(middle / mean(perUser)).toBeLessThan(0.85);
  expect(often / middle).toBeGreaterThan(1.8);
  expect(most / middle).toBeGreaterThan(8);
  const unequal = gini(perItem, presets[name].items);
  expect(unequal).toBeGreaterThan(0.55);
  expect(unequal).toBeLessThan(0.95);
  const half = perItem.slice(0, Math.floor(perItem.length / 2)).reduce((sum, count) => sum + count, 0);
  expect(half / EVENTS, "of the lesser known half of the items").toBeLessThan(0.25);
});

test("users have tastes: two items of one user are known to the same others far more often than chance has it", () => {
  const eventAt = presetStream(presetOf("ml20m", EVENTS), 1);
  const usersOf = new Map<string, Set<string>>();
  const itemsOf = new Map<string, string[]>();
  for (let index = 0; index < EVENTS; index++) {
    const { user, item } = eventAt(index);
    usersOf.set(item, (usersOf.get(item) ?? new Set()).add(user));
    itemsOf.set(user, [...(itemsOf.get(user) ?? []), item]);
  }
  const shared = (a: string, b: string) =>
    [...usersOf.get(a)!].filter((user) => usersOf.get(b)!.has(user)).length /
    Math.sqrt(usersOf.get(a)!.size * usersOf.get(b)!.size);
  const users = [...itemsOf.values()].filter(({ length }) => length >= 4).slice(0, 400);
  const own = mean(users.map(([a, b]) => shared(a!, b!)));
  const others = mean(users.map(([a], k) => shared(a!, users[(k + 200) % users.length]![1]!)));
  expect(own).toBeGreaterThan(2 * others);
});

test("a seed gives one stream for ever, and each index is computed on its own", () => {
  const [one, again, other] = [1, 1, 2].map((seed) => presetStream(presetOf("netflix", 50_000), seed));
  const at = (stream: typeof one) => [49_999, 17, 0].map((index) => stream!(index));
  expect(at(again)).toEqual(at(one));
  expect(at(other)).not.toEqual(at(one));
});
