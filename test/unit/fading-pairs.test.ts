// X'X of what is met now, in counts that fade.
import { expect, test } from "vitest";
import { FadingPairs } from "../../shared/ranking/fading-pairs.ts";

const met = (user: number, item: number, ...seen: number[]) => ({ user, item, seen: Int32Array.from(seen) });
const rounded = (matrix: Float32Array) => [...matrix].map((count) => Number(count.toFixed(2)));

test("of few meetings it counts users: of each item on the diagonal, of each pair beside it; repeats are none", () => {
  const pairs = new FadingPairs();
  pairs.add(met(0, 5));
  pairs.add(met(0, 7, 5));
  pairs.add(met(1, 5));
  pairs.add({ user: 1, item: 5, seen: undefined });
  pairs.add(met(1, 9, 5));
  expect([...pairs.most(2)]).toEqual([5, 9]); // of 7 and 9 the later, since the other has begun to fade
  expect(rounded(pairs.matrix(Int32Array.of(5, 7, 9)))).toEqual([2, 1, 1, 1, 1, 0, 1, 0, 1]);
});

test("what nobody meets any more is forgotten, and what remains is a product X'X, so that its inverse is one", () => {
  const pairs = new FadingPairs();
  for (let k = 0; k < 300_000; k++) {
    const [user, first] = [k >> 1, Math.floor(k / 1_000) * 10];
    const [a, b] = [first + (user % 3), first + 5 + (user % 2)];
    pairs.add(k % 2 === 0 ? met(user, a) : met(user, b, a));
  }
  const items = pairs.most(1e6);
  expect(items.length).toBeLessThan(1_200); // of 1,500
  const newest = pairs.matrix(items.subarray(0, 5));
  for (let a = 0; a < 5; a++)
    for (let b = 0; b < 5; b++)
      expect(newest[a * 5 + b]! ** 2).toBeLessThanOrEqual(newest[a * 6]! * newest[b * 6]! * (1 + 1e-5));
});
