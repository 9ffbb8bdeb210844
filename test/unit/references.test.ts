// What a model is set beside on a stream: what is popular now, over windows, and what followed what. Each against a
// naive count, on streams with repeats and bursts; as they stand and as they stood.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { batchOf } from "../../shared/events/batch.ts";
import { Histories } from "../../shared/events/histories.ts";
import { arrivalsOf } from "../../shared/judging/arrivals.ts";
import { caughtUp } from "../../shared/judging/caught-up.ts";
import { meet } from "../../shared/judging/meeting.ts";
import { recentIn } from "../../shared/judging/recent.ts";
import { CoVisits } from "../../shared/ranking/co-visits.ts";
import { NewestEvents } from "../../shared/ranking/newest.ts";
import { type Gain, gainBehind } from "../../shared/ranking/places.ts";
import { RecentUsers, usersUntil } from "../../shared/ranking/recent.ts";
import { bestWindow, type ReferenceGains, References, windows } from "../../shared/ranking/references.ts";
import { Tally } from "../../shared/ranking/tally.ts";

type Pair = readonly [user: number, item: number];
const none = new Int32Array(0);

/** Each event of a stream, with what its user had met before where the item is new to them. */
function told(stream: readonly Pair[]) {
  const rows = new Map<number, number[]>();
  return stream.map(([user, item]) => {
    const row = rows.get(user) ?? [];
    rows.set(user, row);
    const seen = row.includes(item) ? undefined : Int32Array.from(row);
    if (seen) row.push(item);
    return { user, item, seen, isCounted: seen !== undefined };
  });
}

/** Mean gain over every order of items with equal scores: the naive way to `gainBehind`. */
function naiveGain(scores: ReadonlyMap<number, number>, item: number, seen: Int32Array): Gain {
  const score = scores.get(item) ?? 0;
  if (score === 0) return { recall: 0, ndcg: 0 };
  const others = [...scores].filter(([other, count]) => count > 0 && other !== item && !seen.includes(other));
  const above = others.filter(([, count]) => count > score).length;
  const places = Array.from({ length: others.filter(([, count]) => count === score).length + 1 }, (_, k) => above + k);
  const mean = (of: (place: number) => number) => places.reduce((sum, place) => sum + of(place), 0) / places.length;
  return {
    recall: mean((place) => (place < 20 ? 1 : 0)),
    ndcg: mean((place) => (place < 100 ? 1 / Math.log2(place + 2) : 0)),
  };
}

function usersOf(events: readonly Pair[]): Map<number, number> {
  const pairs = new Set(events.map(([user, item]) => `${user} ${item}`));
  const counts = new Map<number, number>();
  for (const pair of pairs) {
    const item = Number(pair.split(" ")[1]);
    counts.set(item, (counts.get(item) ?? 0) + 1);
  }
  return counts;
}

function followersOf(events: readonly ReturnType<typeof told>[number][], seen: Int32Array): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { item, seen: before } of events)
    for (const last of before?.slice(-3) ?? [])
      if (seen.slice(-3).includes(last)) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

const close = (found: Gain, expected: Gain) => {
  expect(found.recall).toBeCloseTo(expected.recall, 10);
  expect(found.ndcg).toBeCloseTo(expected.ndcg, 10);
};

/** Few users and items, so that everything repeats; now and then a burst of one of them. */
const streams = fc
  .array(
    fc.oneof(
      fc.tuple(fc.nat(5), fc.nat(30)).map((pair): Pair[] => [pair]),
      fc.tuple(fc.nat(5), fc.nat(30), fc.integer({ min: 2, max: 12 })).map(([user, item, times]) => {
        return Array<Pair>(times).fill([user, item]);
      }),
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.flat());

describe("a place among equals", () => {
  test("is worth what the places are worth that they share", () => {
    expect(gainBehind(0, 1)).toEqual({ recall: 1, ndcg: 1 });
    close(gainBehind(19, 2), { recall: 0.5, ndcg: (1 / Math.log2(21) + 1 / Math.log2(22)) / 2 });
    expect(gainBehind(99, 4).ndcg).toBeCloseTo(1 / Math.log2(101) / 4, 12);
    expect(gainBehind(100, 1)).toEqual({ recall: 0, ndcg: 0 });
  });

  test("is that behind all with higher counts, whatever was counted up and down, without what was seen", () => {
    const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(40)), { maxLength: 200 });
    fc.assert(
      fc.property(steps, fc.nat(40), fc.uniqueArray(fc.nat(40)), (steps, wanted, seen) => {
        const counts = new Map<number, number>([[3, 2]]);
        const tally = new Tally([0, 0, 0, 2]);
        for (const [isUp, item] of steps) {
          if (!isUp && !counts.get(item)) continue;
          counts.set(item, (counts.get(item) ?? 0) + (isUp ? 1 : -1));
          if (isUp) tally.add(item);
          else tally.remove(item);
        }
        const had = Int32Array.from(seen.filter((item) => item !== wanted));
        close(tally.gainOf(wanted, had), naiveGain(counts, wanted, had));
      }),
    );
  });
});

describe("what is popular now", () => {
  test("is counted in users of the newest events, in windows of any length", () => {
    fc.assert(
      fc.property(streams, fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 40 }), (stream, short, more) => {
        const sizes = [short, short + more];
        const events = new NewestEvents(short + more + 1);
        const recent = new RecentUsers(events, sizes, 0);
        told(stream).forEach((met, k) => {
          events.push(met);
          recent.advance();
          for (const [w, size] of sizes.entries()) {
            const expected = usersOf(stream.slice(Math.max(0, k + 1 - size), k + 1));
            for (let item = 0; item <= 30; item++)
              expect(recent.tallies[w]!.countOf(item)).toBe(expected.get(item) ?? 0);
          }
        });
      }),
      { numRuns: 60 },
    );
  });

  test("a burst of one item by one user does not make it hot", () => {
    const references = new References();
    const add = (user: number, item: number) => references.add({ user, item, seen: none, isCounted: true });
    for (let item = 1; item <= 20; item++) for (const user of [1, 2]) add(user, item);
    for (let k = 0; k < 1900; k++) add(3, 0);
    const { popular } = references.gainsOf(0, none);
    for (const gain of popular.slice(0, 3)) expect(gain).toEqual({ recall: 0, ndcg: 1 / Math.log2(22) });
    expect(references.gainsOf(1, none).popular[0]!.recall).toBe(1);
  });

  test("is chosen among windows by what did best before, and is one of ten thousand events before anything is known", () => {
    const gains = (...ndcg: number[]): ReferenceGains => ({
      popular: ndcg.map((each) => ({ recall: 0, ndcg: each })),
      coVisits: { recall: 0, ndcg: 0 },
    });
    expect(windows[bestWindow([])]).toBe(10_000);
    expect(bestWindow([gains(0, 1, 0, 0), gains(0, 0, 0, 0.9), gains(0, 0, 0, 0.2)])).toBe(3);
    expect(bestWindow([gains(1, 1, 1, 1)])).toBe(0);
  });
});

test("co-visits are what followed the user's last three items, once a user, in the newest events, and then what is popular", () => {
  fc.assert(
    fc.property(streams, fc.integer({ min: 1, max: 50 }), (stream, size) => {
      const events = new NewestEvents(size + 1);
      const coVisits = new CoVisits(events, size, 0);
      const popular = new Tally(Array.from({ length: 31 }, (_, item) => item % 5));
      const mets = told(stream);
      mets.forEach((met, k) => {
        if (met.seen) {
          const expected = followersOf(mets.slice(Math.max(0, k - size), k), met.seen);
          const scores = new Map(Array.from({ length: 31 }, (_, item) => [item, item % 5]));
          for (const [item, count] of expected) scores.set(item, 1000 + count);
          close(coVisits.gainOf(met.item, met.seen, popular), naiveGain(scores, met.item, met.seen));
        }
        events.push(met);
        coVisits.advance();
      });
    }),
    { numRuns: 60 },
  );
});

test("the references as they stood are those that stood there", () => {
  fc.assert(
    fc.property(streams, fc.nat(40), (stream, back) => {
      const references = new References([0, 0, 5]);
      const wanted = [...Array(31).keys()];
      const all = () => wanted.map((item) => references.gainsOf(item, Int32Array.of(2)));
      const stood = told(stream).map((met) => {
        const before = all();
        references.add(met);
        return before;
      });
      const place = Math.max(0, stood.length - 1 - back);
      const moment = references.asOf(place);
      expect(moment.place).toBe(place);
      expect(wanted.map((item) => moment.gainsOf(item, Int32Array.of(2)))).toEqual(stood[place] ?? all());
    }),
    { numRuns: 60 },
  );
});

test("users of a moment are counted at once as they are event by event, at the edges of every window too", () => {
  const events = fc.array(fc.tuple(fc.nat(4), fc.nat(6)), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(events, fc.nat(60), (stream, back) => {
      const sizes = [3, 7, 20];
      const newest = new NewestEvents(45);
      const recent = new RecentUsers(newest, sizes, 0);
      const place = Math.max(0, stream.length - back);
      for (const [user, item] of stream.slice(0, place)) {
        newest.push({ user, item, seen: none, isCounted: true });
        recent.advance();
      }
      for (const [user, item] of stream.slice(place)) newest.push({ user, item, seen: none, isCounted: true });
      if (place - 20 < newest.begin && newest.begin > 0) return; // no longer remembered
      const counts = (tallies: readonly Tally[]) =>
        tallies.map((tally) => [...Array(7).keys()].map((k) => tally.countOf(k)));
      expect(counts(usersUntil(newest, sizes, place))).toEqual(counts(recent.tallies));
    }),
  );
});

test("events beyond what is remembered take no more room, and a moment before it is that of the oldest", () => {
  const references = new References([], 60_000);
  for (let k = 0; k < 130_000; k++)
    references.add({ user: k, item: k % 7 === 0 ? 1 : 2 + (k % 50_000), seen: none, isCounted: true });
  expect(references.asOf(0).place).toBe(70_000);
  const { counts } = references.asOf(130_000);
  expect(counts[0]![1]).toBe(Math.floor(130_000 / 7) - Math.floor(128_000 / 7));
});

describe("a batch of events", () => {
  const batch = (pairs: readonly Pair[], from = 0) =>
    batchOf(
      pairs.map(([user, item], k) => {
        const offset = from + k;
        // times are whatever producers send: backwards, all alike
        return { user: `u${user}`, item: `i${item}`, timestamp: -offset, value: null, partition: 0, offset };
      }),
    );

  test("is taken in event by event: each arrival is ranked by what came before it, in the same batch too", () => {
    fc.assert(
      fc.property(streams, streams, (before, after) => {
        const histories = new Histories("");
        const references = new References();
        const naive = new References();
        const first = batch(before);
        meet(first, histories, 0, 1000, references);
        const second = batch(after, before.length);
        const { scored } = arrivalsOf(second, histories, 1, 1000);
        const { ranked } = meet(second, histories, 1, 1000, references);
        expect(ranked.map(({ now: _, hot: _hot, following: _following, ...arrival }) => arrival)).toEqual(scored);
        const column = (item: number) => histories.vocabulary.column(`i${item}`)!;
        const expected = new Map<string, ReferenceGains>();
        told([...before, ...after]).forEach(({ user, item, seen }, k) => {
          const had = seen?.map(column);
          if (had && k >= before.length) expected.set(`u${user} i${item}`, naive.gainsOf(column(item), had));
          const isCounted = had !== undefined && histories.partOf(histories.indexOf(`u${user}`)!) === "train";
          naive.add({ user, item: column(item), seen: had, isCounted });
        });
        for (const { user, item, now } of ranked) expect(now).toEqual(expected.get(`${histories.users[user]} ${item}`));
      }),
      { numRuns: 60 },
    );
  });

  test("is counted anew from the newest events as it was counted when they came", () => {
    fc.assert(
      fc.property(streams, (stream) => {
        const histories = new Histories("");
        const events = batch(stream);
        const live = new References();
        meet(events, histories, 0, 1000, live);
        const names = stream.map(([user, item]) => ({ user: `u${user}`, item: `i${item}` }));
        const { references } = caughtUp(names, histories);
        expect(references.place).toBe(live.place);
        for (let item = 0; item < histories.vocabulary.items.length; item++)
          expect(references.gainsOf(item, Int32Array.of(0))).toEqual(live.gainsOf(item, Int32Array.of(0)));
      }),
      { numRuns: 60 },
    );
  });

  test("is scored in a model's columns: the popular ones first, and behind what followed what", () => {
    const histories = new Histories("");
    const stream: Pair[] = [1, 2, 3].flatMap((user): Pair[] => [
      [user, 1],
      [user, 2],
    ]);
    const names = [...stream, [4, 3] as Pair].map(([user, item]) => ({ user: `u${user}`, item: `i${item}` }));
    histories.append(batch([...stream, [4, 3]]), 0);
    const vocabulary = new Histories("").vocabulary;
    for (const item of ["i3", "i2", "i1", "another"]) vocabulary.add(item);
    const { popularNow, coVisits } = recentIn(caughtUp(names, histories), histories, vocabulary);
    expect([...popularNow([none])]).toEqual([1, 3, 3, 0]);
    expect([...coVisits([Int32Array.of(2), Int32Array.of(0)])]).toEqual([
      ...[0.25, 3.75, 0.75, 0],
      ...[0.25, 0.75, 0.75, 0],
    ]);
  });
});
