// Which offsets were seen and which are missing, compared with plain sets.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Coverage } from "../../shared/table/coverage.ts";

const pageBits = 65_536;

test("holes, repeats and ends agree with a plain set, across pages", () => {
  const near = (page: number) => fc.integer({ min: page * pageBits - 3, max: page * pageBits + 3 });
  const offset = fc.oneof(fc.integer({ min: 0, max: 40 }), near(1), near(2), near(1000)).filter((each) => each >= 0);
  fc.assert(
    fc.property(
      fc.array(offset, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 0, max: 5 }),
      (offsets, beyond) => {
        const coverage = new Coverage();
        for (const each of offsets) coverage.add(each);
        const set = new Set(offsets);
        const [first, last] = [Math.min(...set), Math.max(...set)];
        expect([coverage.first, coverage.last, coverage.seen, coverage.repeated]).toEqual([
          first,
          last,
          set.size,
          offsets.length - set.size,
        ]);
        const sorted = [...set, last + beyond + 1].sort((a, b) => a - b);
        const holes = sorted
          .slice(1)
          .flatMap((to, k) => (to - sorted[k]! > 1 ? [{ from: sorted[k]! + 1, to: to - 1 }] : []));
        expect([...coverage.holes(last + beyond)]).toEqual(holes);
      },
    ),
    { numRuns: 150, seed: 7 },
  );
});

test("full pages take no memory for their bits, and still tell repeats and holes", () => {
  const coverage = new Coverage();
  for (let offset = 5_000_000_000; offset < 5_000_000_000 + 3 * pageBits; offset++)
    if (offset !== 5_000_100_000) coverage.add(offset);
  expect(coverage.add(5_000_000_001)).toBe(false);
  expect([...coverage.holes(coverage.last)]).toEqual([{ from: 5_000_100_000, to: 5_000_100_000 }]);
  expect(coverage.add(5_000_100_000)).toBe(true);
  expect([...coverage.holes(coverage.last)]).toEqual([]);
});
