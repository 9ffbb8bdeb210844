// What takes long says how far it is, and what is over at once says nothing.
import { expect, test } from "vitest";
import { openEpochPace } from "../../services/server/epoch-pace.ts";
import { type Along, logLine, span, told } from "../../shared/runtime/working.ts";

/** A piece of work of one-second steps under a clock of its own, and what was shown of it. */
async function shownOf(seconds: number, everyMs = 1000): Promise<string[]> {
  let clock = 0;
  const lines: string[] = [];
  const line = { show: (text: string) => void lines.push(text), end: () => void lines.push("end") };
  const work = (along: Along) => {
    for (; clock <= seconds * 1000; clock += everyMs) along(clock / (seconds * 1000));
  };
  await told("reading", work, line, () => clock);
  return lines;
}

test("work of up to two seconds says nothing", async () => {
  expect(await shownOf(1.9, 100)).toEqual([]);
});

test("longer work says its share, how long it has taken and how long it takes yet", async () => {
  expect(await shownOf(4)).toEqual([
    "reading: 50 %, 2 s, 2 s left",
    "reading: 75 %, 3 s, 1 s left",
    "reading: 100 %, 4 s, 0 s left",
    "end",
  ]);
});

test("however often it is told, it shows no more than ten lines a second", async () => {
  expect((await shownOf(3, 1)).length).toBeLessThanOrEqual(12);
});

test("the line ends where the work fails, and the error is told", async () => {
  const lines: string[] = [];
  let clock = 0;
  const line = { show: (text: string) => void lines.push(text), end: () => void lines.push("end") };
  const work = (along: Along) => {
    clock = 5000;
    along(0.1);
    throw new Error("torn");
  };
  await expect(told("reading", work, line, () => clock)).rejects.toThrow("torn");
  expect(lines).toEqual(["reading: 10 %, 5 s, 45 s left", "end"]);
});

test("a service's log has a line every five seconds at most", () => {
  let clock = 0;
  const lines: string[] = [];
  const { show } = logLine({ info: (text: string) => void lines.push(text) } as never, () => clock);
  for (clock = 0; clock <= 10_000; clock += 500) show(`at ${clock}`);
  expect(lines).toEqual(["at 0", "at 5000", "at 10000"]);
});

test.each([
  [9.4, "9 s"],
  [125, "2 min 5 s"],
  [3599.6, "1 h 0 min"],
  [12_000, "3 h 20 min"],
])("%d seconds are %s", (seconds, text) => {
  expect(span(seconds)).toBe(text);
});

test("an outer epoch says users a second and what is left, counted from where this process began with it", () => {
  const pace = openEpochPace();
  const at = (step: number, now: number, round = 3) =>
    pace.at(round, { step, steps: 100, users: 500 * step, loss: null }, now);
  expect(at(60, 1000)).toMatchObject({ step: 60, steps: 100, usersPerSecond: null, secondsLeft: null });
  expect(at(70, 1005)).toMatchObject({ usersPerSecond: 1000, secondsLeft: 15 });
  expect(pace.isDue()).toBe(false);
  at(80, 1010);
  expect([pace.isDue(), pace.isDue()]).toEqual([true, false]);
  expect(at(0, 1020, 4)).toMatchObject({ usersPerSecond: null });
});
