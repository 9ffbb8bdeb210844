// Draws are keyed: known answers of Philox, independence of order, and the distributions that training relies on.
import { expect, test } from "vitest";
import { gaussian, keepMask, permutation, philox, uniform } from "../../shared/compute/draws.ts";

// Known answers of Random123's distribution (kat_vectors, philox4x32 10).
test.each([
  [[0, 0, 0, 0], [0, 0], "6627e8d5 e169c58d bc57ac4c 9b00dbd8"],
  [[0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff], "408f276d 41c83b0e a20bc7c6 6d5451fd"],
  [[0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], "d16cfe09 94fdcceb 5001e420 24126ea1"],
] as const)("Philox 4x32-10 of counter %j and key %j gives the published words", (counter, key, words) => {
  const out = new Uint32Array(4);
  philox(...(counter as [number, number, number, number]), ...(key as [number, number]), out, 0);
  expect([...out].map((word) => word.toString(16).padStart(8, "0")).join(" ")).toBe(words);
});

test("noise is standard normal, and never infinite", () => {
  const draws = Array.from({ length: 500 }, (_, user) => [...gaussian(1337, 7, user, 201)]).flat();
  const mean = draws.reduce((a, b) => a + b) / draws.length;
  const moment = (power: number) => draws.reduce((sum, x) => sum + (x - mean) ** power, 0) / draws.length;
  expect(draws.every(Number.isFinite)).toBe(true);
  expect(Math.abs(mean)).toBeLessThan(0.01);
  expect(moment(2)).toBeCloseTo(1, 1);
  expect(moment(4)).toBeCloseTo(3, 0);
});

test("dropout keeps the share it should", () => {
  const kept = Array.from({ length: 200 }, (_, user) =>
    keepMask(1337, 0, user, 100, 0.3).reduce((a, b) => a + b, 0),
  ).reduce((a, b) => a + b);
  expect(kept / 20_000).toBeCloseTo(0.7, 1);
  expect(keepMask(1, 0, 0, 50, 0).every((bit) => bit === 1)).toBe(true);
});

test("seed, step and user each change the draw; the same three repeat it", () => {
  const draw = (seed: number, step: number, user: number) => gaussian(seed, step, user, 8).join();
  const all = [draw(1, 2, 3), draw(2, 2, 3), draw(1, 3, 3), draw(1, 2, 4), draw(1 + 2 ** 32, 2, 3)];
  expect(new Set(all).size).toBe(5);
  expect(draw(1, 2, 3)).toBe(all[0]);
});

test("a permutation holds every number once and differs between streams", () => {
  const order = permutation(1337, 4, 1001);
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1001 }, (_, k) => k));
  expect(permutation(1337, 5, 1001)).not.toEqual(order);
  expect(permutation(1337, 4, 1001)).toEqual(order);
  expect(permutation(1, 1, 0)).toHaveLength(0);
});

test("every place of a permutation is equally likely for the first number", () => {
  const counts = new Array<number>(8).fill(0);
  for (let stream = 0; stream < 8000; stream++) counts[permutation(3, stream, 8).indexOf(0)]!++;
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150); // five standard deviations
});

test("uniform draws stay inside their bound and fill it", () => {
  const draws = uniform(5, 0, 0.25, new Float32Array(10_001));
  expect(Math.max(...draws)).toBeGreaterThan(0.249);
  expect(Math.min(...draws)).toBeLessThan(-0.249);
  expect(draws.every((x) => Math.abs(x) <= 0.25)).toBe(true);
});
