// Paired tests over users: against values of tables, against distributions that have a closed form, and the correction
// for several tests.
import fc from "fast-check";
import { expect, test } from "vitest";
import { gaussian } from "../../shared/compute/draws.ts";
import { holm, paired, pairedP, studentTails } from "../../shared/ranking/paired.ts";

test.each([
  // The tables of Student's distribution, two-sided.
  [12.706, 1, 0.05],
  [63.657, 1, 0.01],
  [2.776, 4, 0.05],
  [2.228, 10, 0.05],
  [3.169, 10, 0.01],
  [2.042, 30, 0.05],
  [1.984, 100, 0.05],
  [1.96, 1e7, 0.05],
])("beyond %d with %d degrees of freedom lies a share of %d", (t, degrees, share) => {
  expect(Math.abs(studentTails(t, degrees) / share - 1)).toBeLessThan(1e-3);
  expect(studentTails(-t, degrees)).toBe(studentTails(t, degrees));
});

test("with one and two degrees of freedom the tails have a closed form", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e4, noNaN: true }), (t) => {
      expect(studentTails(t, 1)).toBeCloseTo(1 - (2 / Math.PI) * Math.atan(t), 11);
      expect(studentTails(t, 2)).toBeCloseTo(1 - t / Math.sqrt(2 + t * t), 11);
    }),
  );
});

test("of equal scorers about one test in twenty says different at .05, and a clear difference is never missed", () => {
  let found = 0;
  for (let run = 0; run < 400; run++) {
    const noise = Float64Array.from(gaussian(5, run, 0, 60));
    if (pairedP(noise) <= 0.05) found++;
    expect(pairedP(noise.map((value) => value + 1.5))).toBeLessThan(1e-6);
  }
  expect(found).toBeGreaterThan(8);
  expect(found).toBeLessThan(36);
});

test("mean and standard error are those of the differences, and too few users or none apart allow no test", () => {
  expect(paired(Float64Array.of(1, 2, 3))).toEqual({ mean: 2, standardError: Math.sqrt(1 / 3) });
  expect(pairedP(Float64Array.of(0.4))).toBe(1);
  expect(pairedP(Float64Array.of(0, 0, 0))).toBe(1);
});

test("several tests are corrected step by step, in the order that they were given", () => {
  const corrected = holm([0.01, 0.04, 0.03, 0.005]);
  [0.03, 0.06, 0.06, 0.02].forEach((p, k) => {
    expect(corrected[k]).toBeCloseTo(p, 12);
  });
  expect(holm([])).toEqual([]);
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true })), (ps) => {
      holm(ps).forEach((p, k) => {
        expect(p).toBeGreaterThanOrEqual(ps[k]!);
        expect(p).toBeLessThanOrEqual(1);
      });
    }),
  );
});
