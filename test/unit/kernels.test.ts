// The server's arithmetic in WebAssembly against the same sums written plainly; the number of threads changes no bit.
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { uniform } from "../../shared/compute/draws.ts";
import { Kernels, type Moving } from "../../shared/compute/kernels/kernels.ts";
import type { SparseRows } from "../../shared/compute/kernels/lists.ts";
import { openEngine } from "../../shared/compute/open-engine.ts";
import { normalisedRow } from "../../shared/neural/bag.ts";
import { initialise } from "../../shared/neural/parameters.ts";
import { createScorer } from "../../shared/neural/scorer.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { deviation } from "./recvae.ts";

const row = (...items: number[]) => Int32Array.from(items);
const pools = [1, 2, 3].map((threads) => new Kernels(threads));
const [kernels] = pools as [Kernels];
afterAll(() => Promise.all(pools.map((each) => each.close())));

const draws = (stream: number, count: number) => uniform(5, stream, 1, new Float32Array(count));
function moving({ memory }: Kernels, length: number): Moving {
  const v = draws(3, length).map((x) => x * x);
  return { weights: memory.place(draws(1, length)), m: memory.place(draws(2, length)), v: memory.place(v) };
}

/** PyTorch's Adam in float64, from float32 moments. */
function adamInFloat64({ weights, m, v }: Moving, gradient: Float32Array, t: number, learningRate: number) {
  const mean = Array.from(m, (x, k) => 0.9 * x + 0.1 * gradient[k]!);
  const square = Array.from(v, (x, k) => 0.999 * x + 0.001 * gradient[k]! ** 2);
  const moved = Array.from(
    weights,
    (x, k) =>
      x - ((learningRate / (1 - 0.9 ** t)) * mean[k]!) / (Math.sqrt(square[k]!) / Math.sqrt(1 - 0.999 ** t) + 1e-8),
  );
  return { weights: moved, m: mean, v: square };
}

const users: SparseRows = {
  rows: [row(3), row(0, 4, 7, 9, 11, 20, 29), row(), row(5, 6), row(29, 3, 4)],
  values: [
    normalisedRow(row(3)),
    normalisedRow(row(0, 4, 7, 9, 11, 20, 29), Uint8Array.of(1, 0, 1, 1, 1, 1, 0), 0.5),
    normalisedRow(row()),
    normalisedRow(row(5, 6), Uint8Array.of(0, 0), 0.5),
    normalisedRow(row(29, 3, 4)),
  ],
};

describe.each([1, 3, 4, 12, 19])("with rows of %i floats", (width) => {
  test("a bag is the weighted sum of its rows, with the norm of the whole row and then dropout", () => {
    const table = draws(1, 30 * width);
    const expected = users.rows.flatMap((items, user) =>
      Array.from({ length: width }, (_, h) =>
        items.reduce((sum, item, k) => sum + users.values[user]![k]! * table[item * width + h]!, 0),
      ),
    );
    const bag = kernels.memory.borrowed(() => kernels.bag(kernels.memory.place(table), width, users));
    expect(deviation(bag, expected)).toBeLessThan(1e-6);
    // nothing known, and nothing kept: zeros, never NaN
    expect(bag.subarray(2 * width, 4 * width).every((x) => x === 0)).toBe(true);
  });

  test("a step of the table moves every row by Adam of the transposed sum, also rows that stand in no bag", () => {
    kernels.memory.borrowed(() => {
      const table = moving(kernels, 30 * width);
      const dBags = draws(4, users.rows.length * width);
      const gradient = new Float32Array(30 * width);
      users.rows.forEach((items, user) => {
        items.forEach((item, k) => {
          for (let h = 0; h < width; h++)
            gradient[item * width + h]! += users.values[user]![k]! * dBags[user * width + h]!;
        });
      });
      const expected = adamInFloat64(table, gradient, 7, 0.01);
      kernels.adamOfBags(table, width, kernels.memory.place(dBags), users, { t: 7, learningRate: 0.01 });
      for (const which of ["weights", "m", "v"] as const)
        expect(deviation(table[which], expected[which]), which).toBeLessThan(1e-5);
    });
  });
});

test.each([4, 7])(
  "Adam's first step of %i weights is right to float32's last bits: 1e-5 would carry a run away from PyTorch's",
  (length) => {
    kernels.memory.borrowed(() => {
      const zeros = () => kernels.memory.place(new Float32Array(length));
      const tensor: Moving = { weights: zeros(), m: zeros(), v: zeros() };
      const gradient = draws(4, length);
      const expected = adamInFloat64(tensor, gradient, 1, 0.5);
      kernels.adam(tensor, [kernels.memory.place(gradient)], { t: 1, learningRate: 0.5 });
      for (const which of ["weights", "m", "v"] as const)
        expect(deviation(tensor[which], expected[which]), which).toBeLessThan(5e-7);
    });
  },
);

test.each([1, 5, 16_384, 40_001])("Adam of %i weights takes the sum of its parts' gradients", (length) => {
  kernels.memory.borrowed(() => {
    const tensor = moving(kernels, length);
    const parts = [4, 5, 6].map((stream) => draws(stream, length));
    const sum = parts[0]!.map((x, k) => x + parts[1]![k]! + parts[2]![k]!);
    const expected = adamInFloat64(tensor, sum, 2, 0.01);
    const gradients = kernels.memory.floats(3 * length);
    parts.forEach((part, k) => {
      gradients.set(part, k * length);
    });
    kernels.adam(
      tensor,
      [0, 1, 2].map((k) => gradients.subarray(k * length, (k + 1) * length)),
      { t: 2, learningRate: 0.01 },
    );
    for (const which of ["weights", "m", "v"] as const)
      expect(deviation(tensor[which], expected[which]), which).toBeLessThan(1e-5);
  });
});

test("Adam moves by the learning rate at first, and weights without a gradient keep moving through their moments", () => {
  kernels.memory.borrowed(() => {
    const zeros = () => kernels.memory.place(new Float32Array(2));
    const tensor = { weights: kernels.memory.place(Float32Array.of(1, 1)), m: zeros(), v: zeros() };
    kernels.adam(tensor, [kernels.memory.place(Float32Array.of(0.5, -2))], { t: 1, learningRate: 0.01 });
    expect(tensor.weights[0]).toBeCloseTo(0.99, 6);
    expect(tensor.weights[1]).toBeCloseTo(1.01, 6);
    kernels.adam(tensor, [zeros()], { t: 2, learningRate: 0.01 });
    expect(tensor.weights[0]).toBeCloseTo(
      0.99 - (0.01 * 0.9 * 0.05) / (1 - 0.81) / Math.sqrt((0.999 * 0.00025) / (1 - 0.998001)),
      5,
    );
  });
});

test("moments that nothing is left of become 0 instead of numbers that slow the processor down, and no weight is moved by it", () => {
  kernels.memory.borrowed(() => {
    const one = (value: number) => kernels.memory.place(Float32Array.of(value));
    const tensor = { weights: one(1e-3), m: one(1e-36), v: one(1e-36) };
    kernels.adam(tensor, [one(0)], { t: 9_000, learningRate: 5e-4 });
    expect([tensor.m[0], tensor.v[0]]).toEqual([0, 0]);
    expect(tensor.weights[0]).toBe(Math.fround(1e-3));
  });
});

test("any number of threads computes the same bits", () => {
  const results = pools.map((each) =>
    each.memory.borrowed(() => {
      const table = moving(each, 3000 * 20);
      const many = Array.from({ length: 400 }, (_, user) =>
        Int32Array.from({ length: 1 + (user % 40) }, (_, k) => (user * 37 + k * 11) % 3000),
      );
      const some = { rows: many, values: many.map((items) => normalisedRow(items)) };
      for (let t = 1; t <= 20; t++) {
        const bags = each.bag(table.weights, 20, some);
        each.memory.borrowed(() =>
          each.adamOfBags(table, 20, each.memory.place(bags), some, { t, learningRate: 0.01 }),
        );
        each.memory.borrowed(() => each.adam(table, [each.memory.place(draws(t, 60_000))], { t, learningRate: 0.01 }));
      }
      return Buffer.from(table.weights.slice().buffer).toString("base64");
    }),
  );
  expect(results[1]).toBe(results[0]);
  expect(results[2]).toBe(results[0]);
});

test("one NaN or infinity anywhere is found, large numbers are not", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 70 }),
      fc.nat(),
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -3.4e38),
      (length, at, odd) =>
        kernels.memory.borrowed(() => {
          const array = kernels.memory.place(new Float32Array(length).fill(3.4e38));
          array[at % length] = odd;
          expect(kernels.finite(array)).toBe(Number.isFinite(odd));
        }),
    ),
  );
});

test("memory that was cleared or borrowed is given out again, and what was placed before borrowing stays", () => {
  const { memory } = new Kernels();
  const kept = memory.place(Float32Array.of(1, 2, 3));
  const borrowed = memory.borrowed(() => memory.floats(1_000_000));
  expect(memory.borrowed(() => memory.floats(10)).byteOffset).toBe(borrowed.byteOffset);
  expect([...kept]).toEqual([1, 2, 3]);
  memory.clear();
  expect(memory.floats(10).byteOffset).toBe(kept.byteOffset);
});

test("a model opened after another was closed scores by its own weights, in the same memory", async () => {
  const engine = await openEngine({ wanted: "wasm" });
  const config = recipeOf({ ...defaults, items: 40, hidden: 8, latent: 4 });
  const scores = (seed: number) => {
    const scorer = createScorer(engine, config, initialise(config, seed));
    const result = scorer.scoreBatch([row(1, 5), row(), row(39)]);
    scorer.dispose();
    return [...result];
  };
  const [one, two] = [scores(1), scores(2)];
  expect(two).not.toEqual(one);
  expect(scores(1)).toEqual(one);
});

test("what no memory can hold is refused before it is tried", () => {
  expect(() => new Kernels().memory.floats(2 ** 30)).toThrow(/MODEL_TOO_LARGE: 4\.0 GiB are needed/);
});

describe("bfloat16", () => {
  const bitsOf = (values: Float32Array) => new Uint32Array(values.buffer, values.byteOffset, values.length);
  const rounded = (value: number) => {
    const [bits] = bitsOf(Float32Array.of(value)) as unknown as [number];
    const [low, high] = [bits & 0xffff, bits >>> 16];
    return low > 0x8000 || (low === 0x8000 && high % 2 === 1) ? high + 1 : high;
  };

  test.each([1, 7, 8, 1000, 16_384 + 3])(
    "%i numbers are rounded to the nearest, ties to even, by any number of threads",
    (length) => {
      const values = draws(6, length);
      values.set([1, -1, 0, -0, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 3e38, 1e-40, Number.POSITIVE_INFINITY].slice(0, length));
      for (const pool of pools) expect([...pool.toHalves(values)]).toEqual([...values].map(rounded));
    },
  );

  test("what was rounded comes back as it was rounded, and never further off than one part in 256", () => {
    const values = draws(7, 4099);
    const back = new Float32Array(values.length);
    kernels.fromHalves(kernels.toHalves(values), back);
    expect([...kernels.toHalves(back)]).toEqual([...kernels.toHalves(values)]);
    for (const [k, value] of values.entries())
      expect(Math.abs(back[k]! - value)).toBeLessThanOrEqual(Math.abs(value) / 256);
  });

  test("a NaN of any bits stays one", () => {
    const values = new Float32Array(Uint32Array.of(0x7f800001, 0x7fffffff, 0xffffffff, 0x7fc00000).buffer);
    const back = new Float32Array(4);
    kernels.fromHalves(kernels.toHalves(values), back);
    expect([...back].every(Number.isNaN)).toBe(true);
  });
});

test("a tensor is added and subtracted whole, wherever the other one lies", () => {
  kernels.memory.borrowed(() => {
    const [to, from] = [kernels.memory.place(draws(1, 20_001)), draws(2, 20_001)];
    kernels.add(to, from, 0.25);
    expect(
      deviation(
        to,
        draws(1, 20_001).map((x, k) => x + 0.25 * from[k]!),
      ),
    ).toBeLessThan(1e-6);
    kernels.subtract(to, kernels.memory.place(from));
    expect(
      deviation(
        to,
        draws(1, 20_001).map((x, k) => 0.75 * from[k]! - x),
      ),
    ).toBeLessThan(1e-5);
  });
});

test("a table of some rows moves as they move in the whole one, with moments at places of their own", () => {
  const width = 6;
  kernels.memory.borrowed(() => {
    const whole = moving(kernels, 30 * width);
    const places = kernels.memory.ints(30);
    places.set(Int32Array.from({ length: 30 }, (_, k) => 29 - k));
    const apart = {
      weights: kernels.memory.place(whole.weights),
      m: kernels.memory.floats(30 * width),
      v: kernels.memory.floats(30 * width),
    };
    const rowOf = (array: Float32Array, row: number) => array.subarray(row * width, (row + 1) * width);
    for (const which of ["m", "v"] as const)
      for (let k = 0; k < 30; k++) rowOf(apart[which], places[k]!).set(rowOf(whole[which], k));
    const dBags = kernels.memory.place(draws(4, users.rows.length * width));
    const rate = { t: 7, learningRate: 0.01 };
    kernels.adamOfBags(whole, width, dBags, users, rate);
    kernels.adamOfRows(apart, places, width, dBags, users, rate);
    expect(apart.weights).toEqual(whole.weights);
    for (const which of ["m", "v"] as const)
      for (let k = 0; k < 30; k++) expect(rowOf(apart[which], places[k]!), which).toEqual(rowOf(whole[which], k));
  });
});
