// The publication gate: what passes, what is refused, and that each refusal names its reason.
import fc from "fast-check";
import { expect, test } from "vitest";
import { refusal } from "../../services/evaluator/gate.ts";

const good = { finite: true, items: 100, users: 50, ndcg: 0.4 };
const incumbent = { version: "v000003", items: 100, ndcg: 0.4 };

test("a first model passes when it is as good as popularity", () => {
  expect(refusal(good, 0.4, null, 0.01)).toBeNull();
});

test("a model that is worse than popularity is refused, though it be the first", () => {
  expect(refusal(good, 0.41, null, 0.01)).toBe("NDCG@100 of 0.4000 is below plain popularity's 0.4100");
});

test("a model passes within the tolerance of the incumbent, and not beyond it", () => {
  expect(refusal({ ...good, ndcg: 0.391 }, 0.1, incumbent, 0.01)).toBeNull();
  expect(refusal({ ...good, ndcg: 0.389 }, 0.1, incumbent, 0.01)).toBe("NDCG@100 of 0.3890 is more than 0.01 below the 0.4000 of v000003");
});

test("a vocabulary may grow and never shrink", () => {
  expect(refusal({ ...good, items: 101 }, 0.1, incumbent, 0.01)).toBeNull();
  expect(refusal({ ...good, items: 99, ndcg: 0.9 }, 0.1, incumbent, 0.01)).toContain("smaller than the 100 of v000003");
});

test("scores that are not finite are refused, whatever the figures say", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), (ndcg, popularity) => {
      expect(refusal({ ...good, finite: false, ndcg }, popularity, incumbent, 1)).toBe("scores are not finite");
    }),
  );
});

test("without users, and with figures that are no numbers, nothing is published", () => {
  expect(refusal({ ...good, users: 0, ndcg: Number.NaN }, Number.NaN, null, 0.01)).toContain("no held-out user");
  expect(refusal({ ...good, ndcg: Number.NaN }, 0.1, null, 0.01)).toContain("below plain popularity");
  expect(refusal(good, 0.1, { ...incumbent, ndcg: Number.NaN }, 0.01)).toContain("v000003");
});

test("what passes is at least popularity and at least the incumbent less the tolerance", () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(share, share, share, share, (ndcg, popularity, before, tolerance) => {
      const passes = refusal({ ...good, ndcg }, popularity, { ...incumbent, ndcg: before }, tolerance) === null;
      expect(passes).toBe(ndcg >= popularity && ndcg >= before - tolerance);
    }),
  );
});
