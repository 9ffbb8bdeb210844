// The publication gate: what passes, what is refused, and that each refusal names its reason.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { gaussian } from "../../shared/compute/draws.ts";
import {
  arrivalsDecide,
  type Beside,
  belowPopular,
  type Candidate,
  type Comparison,
  refusal,
} from "../../shared/judging/gate.ts";

const items = (count: number, prefix = "i") => Array.from({ length: count }, (_, k) => `${prefix}${k}`);
const good: Candidate = { finite: true, vocabulary: items(100), users: 50, ndcg: 0.4 };
const incumbent = { version: "v000003", vocabulary: items(100) };
const share = fc.double({ min: 0, max: 1, noNaN: true });

/** `change` of the good candidate against popularity alone. */
const alone = (change: Partial<Candidate>, popularity = 0.1) =>
  refusal({ candidate: { ...good, ...change }, popularity, incumbent: null, comparisons: [] }, 0.01);
const succeeding = (change: Partial<Candidate>) =>
  refusal({ candidate: { ...good, ...change }, popularity: 0.1, incumbent, comparisons: [] }, 0.01);
/** The good candidate beside an incumbent, with these differences on the hold-out. */
const compared = (differences: ArrayLike<number>, tolerance = 0.01) => both({ "hold-out": differences }, tolerance);
const both = (all: Record<string, ArrayLike<number>>, tolerance = 0.01) => {
  const comparisons: Comparison[] = Object.entries(all).map(([name, values]) => ({
    name,
    differences: Float64Array.from(values),
  }));
  return refusal({ candidate: good, popularity: 0.1, incumbent, comparisons }, tolerance);
};

describe("whoever was published before", () => {
  test("a model passes when it is as good as popularity", () => {
    expect(alone({}, 0.4)).toBeNull();
  });

  test("a model that is worse than popularity is refused, though it be the first", () => {
    expect(alone({}, 0.41)).toBe("NDCG@100 of 0.4000 is below plain popularity's 0.4100");
  });

  test("scores that are not finite are refused, whatever the figures say", () => {
    fc.assert(
      fc.property(share, share, (ndcg, popularity) => {
        expect(alone({ finite: false, ndcg }, popularity)).toBe("scores are not finite");
      }),
    );
  });

  test("without users, and with figures that are no numbers, nothing is published", () => {
    expect(alone({ users: 0, ndcg: Number.NaN }, Number.NaN)).toContain("no held-out user");
    expect(alone({ ndcg: Number.NaN })).toContain("below plain popularity");
  });
});

describe("the vocabulary", () => {
  test("may grow and never shrink", () => {
    expect(succeeding({ vocabulary: items(101) })).toBeNull();
    expect(succeeding({ vocabulary: items(99), ndcg: 0.9 })).toContain("smaller than the 100 of v000003");
  });

  test("must go on from the incumbent's: no item missing, none at another column", () => {
    const swapped = items(100);
    [swapped[3], swapped[4]] = ["i4", "i3"];
    expect(succeeding({ vocabulary: swapped })).toBe(
      `its vocabulary does not go on from v000003's: column 3 is "i4", there "i3"`,
    );
    expect(succeeding({ vocabulary: [...items(99), "other", "i99"] })).toContain(`column 99 is "other", there "i99"`);
  });

  test("passes exactly when the incumbent's is its beginning", () => {
    const words = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 4 });
    fc.assert(
      fc.property(words, words, (vocabulary, before) => {
        const evidence = {
          candidate: { ...good, vocabulary },
          popularity: 0.1,
          incumbent: { version: "v1", vocabulary: before },
        };
        const passes = refusal({ ...evidence, comparisons: [] }, 0.01) === null;
        expect(passes).toBe(JSON.stringify(vocabulary.slice(0, before.length)) === JSON.stringify(before));
      }),
    );
  });
});

describe("the comparison with the incumbent", () => {
  test("passes within the tolerance and refuses beyond it, and says by how much over how many", () => {
    expect(compared(Array(40).fill(-0.009))).toBeNull();
    expect(compared([-0.03, -0.02, -0.03, -0.02])).toBe(
      "on the hold-out its NDCG@100 is 0.0250 ± 0.0029 below that of v000003 (4 users), more than the tolerance " +
        "of 0.01",
    );
  });

  test("any comparison can refuse, and an empty one says nothing", () => {
    const [fine, bad] = [Array(40).fill(0.01), Array(40).fill(-0.1)];
    expect(both({ "hold-out": fine, "prequential window": bad })).toContain("on the prequential window");
    expect(both({ "hold-out": bad, "prequential window": fine })).toContain("on the hold-out");
    expect(both({ "hold-out": fine, "prequential window": [] })).toBeNull();
  });

  test("differences that are no numbers are refused", () => {
    expect(compared([0.1, Number.NaN])).toContain("cannot be compared with v000003");
  });

  const differences = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 60 });

  test("the order of users does not matter", () => {
    fc.assert(
      fc.property(differences, fc.nat(), fc.double({ min: 0, max: 0.2, noNaN: true }), (values, shift, tolerance) => {
        const turned = values.map((_, k) => values[(k + shift) % values.length]!);
        // Sums in another order differ in the last bits: where the decision hangs on those, any is right.
        const near = [-1e-9, 1e-9].map(
          (nudge) =>
            compared(
              values.map((value) => value + nudge),
              tolerance,
            ) === null,
        );
        if (near[0] === near[1])
          expect(compared(turned, tolerance) === null).toBe(compared(values, tolerance) === null);
      }),
    );
  });

  test("a model that is better or equal for every user is never refused, and one that loses the same for everybody exactly beyond the tolerance", () => {
    fc.assert(
      fc.property(differences, (values) => {
        expect(compared(values.map(Math.abs), 0)).toBeNull();
      }),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 0, max: 255 }),
        (n, loss, tolerance) => {
          // sums of these are exact
          expect(compared(Array(n).fill(-loss / 256), tolerance / 256) !== null).toBe(loss > tolerance);
        },
      ),
    );
  });

  test("who is refused is refused with any greater loss, and passes with any greater tolerance only as far as it goes", () => {
    const step = fc.double({ min: 0.001, max: 1, noNaN: true });
    fc.assert(
      fc.property(differences, step, (values, more) => {
        if (compared(values) !== null) expect(compared(values.map((value) => value - more))).not.toBeNull();
        if (compared(values, 0.01) === null) expect(compared(values, 0.01 + more)).toBeNull();
      }),
    );
  });

  /**
   * Share of 2,000 rounds that are refused, where users' differences are normal around `mean` with a deviation of .15.
   */
  const refused = (users: number, mean: number, tolerance: number) => {
    const draws = gaussian(users, 0, 0, 2000 * users);
    let count = 0;
    for (let round = 0; round < 2000; round++)
      if (
        compared(
          draws.subarray(round * users, (round + 1) * users).map((draw) => mean + 0.15 * draw),
          tolerance,
        ) !== null
      )
        count++;
    return count / 2000;
  };

  test.each([
    [2, 0.2],
    [5, 0.11],
    [50, 0.06],
    [500, 0.06],
  ])("with %i users chance refuses an equal model in at most %f of the rounds, so never for ever", (users, most) => {
    expect(refused(users, 0, 0)).toBeLessThan(most);
  });

  test.each([
    [5, -0.3],
    [20, -0.15],
    [100, -0.06],
    [2000, -0.017],
  ])("with %i users a loss of %f is refused nearly always", (users, mean) => {
    expect(refused(users, mean, 0.01)).toBeGreaterThan(0.95);
  });

  test("with many users a loss within half the tolerance passes nearly always", () => {
    expect(refused(2000, -0.005, 0.01)).toBeLessThan(0.1);
  });
});

test("what arrives decides where popularity drifts, for a candidate that is surely above popular now and surely no worse than what is in use", () => {
  const users = (mean: number, spread = 0.02) =>
    Float64Array.from({ length: 100 }, (_, k) => mean + (k % 2 ? spread : -spread));
  const beside = (overPopular: number, overIncumbent: number | null, drifts: boolean, spread?: number): Beside => ({
    ...{ over: "the last 2,000 events", overPopular: users(overPopular), drifts },
    overIncumbent: overIncumbent === null ? new Float64Array(0) : users(overIncumbent, spread),
  });
  expect(arrivalsDecide(beside(0.05, 0, true), 0.01)).toBe(true);
  expect(arrivalsDecide(beside(0.05, -0.005, true), 0.01)).toBe(true);
  expect(arrivalsDecide(beside(0.05, 0, false), 0.01)).toBe(false);
  expect(arrivalsDecide(beside(0, 0, true), 0.01)).toBe(false); // not above popular now
  expect(arrivalsDecide(beside(0.05, -0.02, true), 0.01)).toBe(false); // worse
  expect(arrivalsDecide(beside(0.05, 0, true, 0.3), 0.01)).toBe(false); // perhaps worse
  expect(arrivalsDecide(beside(0.05, null, true), 0.01)).toBe(false); // nothing to compare with
});

describe("a candidate beside what was popular when it was pinned", () => {
  const over = "the last 2,000 events";
  const users = (mean: number, spread = 0.1) =>
    Float64Array.from({ length: 100 }, (_, k) => mean + (k % 2 ? spread : -spread));
  const said = (
    overPopular: Float64Array,
    overIncumbent: Float64Array,
    isAllowed = false,
    rival: { version: string } | null = incumbent,
  ) => belowPopular({ over, overPopular, overIncumbent }, rival, isAllowed);
  const none = new Float64Array(0);
  const below =
    "on what arrived since it was pinned its NDCG@100 is 0.0500 ± 0.0101 below popular now, what most users met in " +
    "the last 2,000 events before (100 users)";

  test("is held back where it is below by more than chance, and no better than what is in use", () => {
    const text = `${below}; --allow-below-popular-now publishes it all the same`;
    expect(said(users(-0.05), users(0))).toEqual({ text, holds: true });
    expect(said(users(-0.05), users(-0.3))).toEqual({ text, holds: true });
    expect(said(users(-0.05), users(0.01))).toEqual({ text, holds: true }); // better by chance
  });

  test("is published and told where that is allowed, where nothing is in use, and where what is in use is worse still", () => {
    expect(said(users(-0.05), users(0), true)).toEqual({
      text: `${below}; published since that is allowed`,
      holds: false,
    });
    expect(said(users(-0.05), none, false, null)).toEqual({
      text: `${below}; published since no other is`,
      holds: false,
    });
    expect(said(users(-0.05), users(0.04))).toEqual({
      text: `${below}; published since v000003 is worse there still, by 0.0400 ± 0.0101`,
      holds: false,
    });
  });

  test("has nothing said against it where it is not below, or only by chance, or nobody came", () => {
    expect(said(users(0.05), users(-0.3))).toBeNull();
    expect(said(users(-0.01), users(-0.3))).toBeNull();
    expect(said(none, none)).toBeNull();
    expect(said(new Float64Array(50), none)).toBeNull();
  });
});
