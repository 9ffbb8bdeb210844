// What charts draw of the history: the time shown, gaps, smoothing, stacks, the lines that there is room for, and the
// file to take along.
import fc from "fast-check";
import { expect, test } from "vitest";
import { below, csvOf, cut, smoothed, stacked } from "../../services/dashboard/page/lines.ts";

const second = 1000;

test("the time shown is cut out with the row before it, and columns without a value in it are left out", () => {
  const series = { at: [1, 2, 3, 4, 5], columns: { a: [10, 20, 30, 40, 50], b: [1, null, null, null, null] } };
  expect(cut(series, 3, 4)).toEqual({ at: [2, 3, 4], columns: { a: [20, 30, 40] } });
  expect(cut(series, 9, 10)).toEqual({ at: [], columns: {} });
  expect(cut({ at: [], columns: {} }, 3, 4)).toEqual({ at: [], columns: {} });
});

test("a time in which nothing was measured opens every line", () => {
  const series = { at: [0, 5, 200, 205].map((t) => t * second), columns: { a: [1, 2, 3, 4] } };
  expect(cut(series, 0, 999 * second, 90 * second)).toEqual({
    at: [0, 5 * second, 200 * second - 1, 200 * second, 205 * second],
    columns: { a: [1, 2, null, 3, 4] },
  });
});

test("smoothing is an exponential mean over time: a step is followed by 63 % after one time constant, however often it is sampled", () => {
  for (const every of [100, 250, 1000, 5000]) {
    const at = Array.from({ length: 10_000 / every + 1 }, (_, k) => k * every);
    const values = at.map((time) => (time === 0 ? 0 : 1));
    expect(smoothed(at, values, 10_000).at(-1)).toBeCloseTo(1 - Math.exp(-1), 9);
  }
});

test("smoothing keeps gaps, begins anew behind them, and never leaves the range of what was measured", () => {
  expect(smoothed([0, 1, 2, 3], [4, null, 8, 8], 5)).toEqual([4, null, 8, 8]);
  const column = fc.array(fc.option(fc.integer({ min: -50, max: 50 })), { maxLength: 40 });
  fc.assert(
    fc.property(column, fc.integer({ min: 1, max: 100 }), (values, timeConstant) => {
      const means = smoothed(
        values.map((_, k) => 7 * k),
        values,
        timeConstant,
      );
      const known = values.filter((value) => value !== null);
      means.forEach((mean, k) => {
        if (values[k] === null) expect(mean).toBeNull();
        else {
          expect(mean).toBeGreaterThanOrEqual(Math.min(...known) - 1e-9);
          expect(mean).toBeLessThanOrEqual(Math.max(...known) + 1e-9);
        }
      });
    }),
  );
});

test("stacked columns stand on each other, a missing one is flat, a row of nothing is a gap", () => {
  expect(
    stacked([
      [1, null, null],
      [2, 3, null],
      [4, 5, null],
    ]),
  ).toEqual([
    [1, 0, null],
    [3, 3, null],
    [7, 8, null],
  ]);
});

test("there is a line for each partition in their order, and of too many for those that reach highest", () => {
  const columns = Object.fromEntries(Array.from({ length: 12 }, (_, k) => [`lag:${k}`, [k === 3 ? 900 : k, null]]));
  expect(below({ at: [0, 1], columns: { lag: [1, 1], ...columns } }, "lag", 3)).toEqual({
    shown: ["lag:3", "lag:10", "lag:11"],
    leftOut: 9,
  });
  expect(below({ at: [0, 1], columns }, "lag", 12).shown.slice(0, 3)).toEqual(["lag:0", "lag:1", "lag:2"]);
});

test("a chart as CSV has times a spreadsheet reads, names that hold commas in quotes, and no rows of gaps", () => {
  const table = { at: [0, 1500, 3000], columns: { a: [1, null, 2.5], b: [null, null, 7] } };
  const lines = [
    { column: "a", name: 'All, "now"' },
    { column: "b", name: "B" },
    { column: "c", name: "never" },
  ];
  expect(csvOf(table, lines)).toBe(
    'time,"All, ""now""",B,never\r\n1970-01-01T00:00:00.000Z,1,,\r\n1970-01-01T00:00:03.000Z,2.5,7,\r\n',
  );
});
