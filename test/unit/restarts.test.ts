// What follows the death of a service: for any row of deaths nothing is given up that has stood, pauses grow to a
// limit, and a long row is red.
import fc from "fast-check";
import { expect, test } from "vitest";
import { afterLook, hangs, isSilent, type Silence } from "../../services/commands/up/silence.ts";
import { afterDeath, type Death, type Deaths, levelOf, noDeaths } from "../../shared/runtime/restarts.ts";

const ended = (code: number | null, signal: string | null = null, finished = false) => ({ code, signal, finished });
const death = (more: Partial<Death>): Death => ({
  at: 0,
  ranMs: 1000,
  ending: ended(1),
  error: null,
  isSource: false,
  ...more,
});
const row = (deaths: readonly Partial<Death>[], from: Deaths = noDeaths) =>
  deaths.reduce<[Deaths, ReturnType<typeof afterDeath>[1] | null]>(
    ([before], each) => afterDeath(before, death(each)),
    [from, null],
  );

test("who was asked to stop from outside, and ended with exit code 0, is started again", () => {
  expect(row([{ ending: ended(0) }])[1]).toEqual({ type: "again", afterMs: 500 });
  expect(row([{ ending: ended(0), isSource: true }])[1]).toMatchObject({ type: "again" });
});

test("a source that came to its end is done; nobody else can be", () => {
  expect(row([{ ending: ended(0, null, true), isSource: true }])[1]).toEqual({ type: "done" });
  expect(row([{ ending: ended(0, null, true) }])[1]).toMatchObject({ type: "again" });
});

test("a source that says why it cannot go on has given up, the rest goes on; one that misses its broker has not", () => {
  expect(row([{ error: "FILE_UNREADABLE", isSource: true }])[1]).toEqual({ type: "failed" });
  expect(row([{ error: "FILE_MISSING", ending: ended(2), isSource: true, ranMs: 30_000 }])[1]).toEqual({
    type: "failed",
  });
  expect(row([{ error: "BROKER_UNREACHABLE", ending: ended(3), isSource: true }])[1]).toMatchObject({ type: "again" });
  expect(row([{ error: "DISK_FULL", isSource: true }])[1]).toMatchObject({ type: "again" });
  expect(row([{ error: null, isSource: true }])[1]).toMatchObject({ type: "again" });
});

test("a wrong configuration ends a start at once, and none that has stood", () => {
  expect(row([{ ending: ended(2), error: "USAGE" }])[1]).toEqual({ type: "hopeless" });
  expect(row([{ ranMs: 3_600_000 }, { ending: ended(2), error: "CHECKPOINT_MISMATCH" }])[1]).toMatchObject({
    type: "again",
  });
});

test("who has never stood and fails five times for a reason of its own cannot; kills and full disks prove nothing", () => {
  const five = (each: Partial<Death>) => row(Array.from({ length: 5 }, (_, k) => ({ at: 15_000 * k, ...each })))[1];
  expect(five({ error: "PORT_IN_USE", ending: ended(3) })).toEqual({ type: "hopeless" });
  expect(five({ ending: ended(1) })).toEqual({ type: "hopeless" });
  expect(five({ at: 0, ending: ended(1) })).toMatchObject({ type: "again" }); // nobody knows why: it is given a minute
  expect(five({ ending: ended(null, "SIGKILL") })).toMatchObject({ type: "again" });
  expect(five({ ending: ended(0) })).toMatchObject({ type: "again" });
  expect(five({ error: "DISK_FULL" })).toMatchObject({ type: "again" });
});

test("whatever kills a service that has stood, in whichever order, it is started again within 15 s, each time later", () => {
  const endings = fc.constantFrom(
    ended(0),
    ended(1),
    ended(2),
    ended(3),
    ended(null, "SIGKILL"),
    ended(null, "SIGTERM"),
    ended(null),
  );
  const errors = fc.constantFrom(null, "USAGE", "PORT_IN_USE", "DISK_FULL", "TABLE_CORRUPT") as fc.Arbitrary<
    Death["error"]
  >;
  const deaths = fc.array(fc.record({ ending: endings, error: errors, ranMs: fc.integer({ min: 0, max: 59_999 }) }), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(deaths, (all) => {
      let [before, pause]: [Deaths, number] = [{ ...noDeaths, stood: true }, 0];
      for (const each of all) {
        const [after, next] = afterDeath(before, death(each));
        if (next.type !== "again") throw new Error(`${next.type} after ${JSON.stringify(each)}`);
        expect(next.afterMs).toBeGreaterThanOrEqual(pause);
        expect(next.afterMs).toBeLessThanOrEqual(15_000);
        [before, pause] = [after, next.afterMs];
      }
    }),
    { seed: 18 },
  );
});

test("three deaths in a row are amber, three minutes of them red, a steady minute is neither and forgets them", () => {
  const [two] = row([{ at: 0 }, { at: 10_000 }]);
  const [three] = row([{ at: 20_000 }], two);
  expect(levelOf(two, null, 10_000)).toBe("ok");
  expect(levelOf(three, null, 20_000)).toBe("amber");
  expect(levelOf(three, 30_000, 200_000)).toBe("ok");
  expect(levelOf(row([{ at: 180_000 }], three)[0], null, 180_000)).toBe("red");
  expect(row([{ at: 200_000, ranMs: 60_000 }], three)[0]).toMatchObject({ count: 1, since: 200_000 });
});

test("who neither answers nor uses the processor for a minute hangs; who computes is only silent, and whoever answers neither", () => {
  const looks = (
    count: number,
    each: (k: number) => { answered?: boolean; ticks: number | null; seconds?: number },
    from?: Silence,
  ) => {
    let silence = from;
    for (let k = 0; k < count; k++) silence = afterLook(silence, { pid: 1, answered: false, seconds: 1, ...each(k) });
    return silence!;
  };
  const stopped = looks(61, () => ({ ticks: 5 }));
  expect([isSilent(stopped), hangs(stopped)]).toEqual([true, true]);
  expect(hangs(looks(60, () => ({ ticks: 5 })))).toBe(false);
  const computes = looks(500, (k) => ({ ticks: k >> 5 }));
  expect([isSilent(computes), hangs(computes)]).toEqual([true, false]);
  expect(hangs(looks(500, () => ({ ticks: null })))).toBe(false);
  expect(looks(1, () => ({ answered: true, ticks: 5 }), stopped)).toMatchObject({ unanswered: 0, idle: 0 });
  expect(afterLook(stopped, { pid: 2, answered: false, ticks: 5, seconds: 1 })).toMatchObject({
    unanswered: 0,
    idle: 0,
  });
});

test("a minute of silence is a minute however long the looks take, and the time in which `up` was stopped is not counted", () => {
  const slow = { pid: 1, answered: false, ticks: 5, seconds: 3 };
  let silence = afterLook(undefined, slow);
  for (let k = 0; k < 20; k++) silence = afterLook(silence, slow);
  expect([silence.unanswered, hangs(silence)]).toEqual([60, true]);
  const first = afterLook(undefined, { ...slow, seconds: 1 });
  expect(isSilent(afterLook(first, { ...slow, seconds: 3600 }))).toBe(false);
});
