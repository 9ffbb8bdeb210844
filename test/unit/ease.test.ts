// EASE: the numbers of an independent implementation in float64, what must hold for any users, and where it cannot be
// solved.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { uniform } from "../../shared/compute/draws.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import { type Doubles, invert } from "../../shared/compute/inverse.ts";
import { openEngine } from "../../shared/compute/open-engine.ts";
import { easeObstacle, largestEase, solveEase } from "../../shared/systems/ease/ease.ts";
import { withoutTensorflow } from "./engines.ts";

interface Fixture {
  model: string;
  config: { lambda: number };
  items: number;
  batch: number[][];
  weights: number[][];
  foldIn: number[][];
  scores: number[][];
}

const folder = join(process.env.TRIBUTARY_FIXTURES ?? "test/golden", "baselines");
const read = (name: string) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Fixture;
const fixtures = readdirSync(folder).filter((name) => name.endsWith(".json") && read(name).model === "ease");
const rows = (lists: readonly number[][]) => lists.map((list) => Int32Array.from(list));

/** Largest difference, each relative to its expected number, or to `least` where that is more. */
const relative = (actual: ArrayLike<number>, expected: readonly number[], least = 0) =>
  Math.max(
    ...expected.map((value, k) =>
      actual[k] === value ? 0 : Math.abs(actual[k]! - value) / Math.max(Math.abs(value), least),
    ),
  );
const largest = (values: readonly number[]) => Math.max(...values.map(Math.abs));

function done<T>(work: Generator<unknown, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

describe.skipIf(withoutTensorflow)("on the tensorflow engine", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openEngine({ wanted: "tensorflow", threads: 1 });
  });

  test("the folder holds a case of EASE", () => {
    expect(fixtures).not.toEqual([]);
  });

  test.each(fixtures)("%s: each weight to 1e-6 of itself, each score to 1e-6 of the largest", (name) => {
    const { config, items, batch, weights, foldIn, scores } = read(name);
    const ease = done(solveEase(engine, rows(batch), items, config.lambda));
    expect(relative(ease.weights_II, weights.flat())).toBeLessThan(1e-6);
    expect(relative(ease.scoreBatch(rows(foldIn)), scores.flat(), largest(scores.flat()))).toBeLessThan(1e-6);
  });

  test("no item speaks for itself, and the order of users does not matter", () => {
    const items = 12;
    const user = fc.shuffledSubarray([...Array(items).keys()]).map((columns) => Int32Array.from(columns));
    fc.assert(
      fc.property(fc.array(user, { minLength: 1, maxLength: 30 }), (users) => {
        const ease = done(solveEase(engine, users, items, 5));
        const turned = done(solveEase(engine, users.toReversed(), items, 5));
        expect(turned.weights_II).toEqual(ease.weights_II);
        for (let column = 0; column < items; column++) expect(ease.weights_II[column * (items + 1)]).toBe(0);
        expect([...ease.scoreBatch([new Int32Array(0)])]).toEqual(Array(items).fill(0));
      }),
      { numRuns: 20 },
    );
  });

  test("a matrix is inverted to the rounding of float32, whatever the size of the blocks", () => {
    const sizes = fc.record({
      size: fc.integer({ min: 1, max: 24 }),
      block: fc.integer({ min: 1, max: 26 }),
      seed: fc.nat(1000),
    });
    fc.assert(
      fc.property(sizes, ({ size, block, seed }) => {
        const root = Float64Array.from(uniform(seed, 0, 1, new Float32Array(size * size)));
        const entry = (i: number, j: number) => {
          let sum = i === j ? 1 : 0;
          for (let k = 0; k < size; k++) sum += root[i * size + k]! * root[j * size + k]!;
          return Math.fround(sum);
        };
        const matrix = Float32Array.from({ length: size * size }, (_, at) => entry(Math.floor(at / size), at % size));
        const inverse = matrix.slice();
        done(engine.inverse!(inverse, size, 0, block));
        for (let i = 0; i < size; i++) {
          for (let j = 0; j < size; j++) {
            let product = 0;
            for (let k = 0; k < size; k++) product += matrix[i * size + k]! * inverse[k * size + j]!;
            expect(Math.abs(product - (i === j ? 1 : 0))).toBeLessThan(1e-5);
            expect(inverse[i * size + j]).toBe(inverse[j * size + i]);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test("a small lambda beside large counts is that lambda, to the last digit that float64 tells apart", () => {
    const [count, lambda] = [5_000_001, 0.3]; // 5,000,001.3 is 5,000,001.5 in float32, where lambda would be .5
    const matrix = Float32Array.of(count, count, count, count);
    done(engine.inverse!(matrix, 2, lambda));
    const determinant = lambda * (2 * count + lambda);
    expect(
      relative(
        matrix,
        [count + lambda, -count, -count, count + lambda].map((entry) => entry / determinant),
      ),
    ).toBeLessThan(1e-6);
  });

  test("a matrix without an inverse is an error", () => {
    expect(() => done(engine.inverse!(new Float32Array(9), 3))).toThrow(/not invertible/);
  });

  test("a catalogue above the limit is left out, with both numbers", () => {
    expect(easeObstacle(engine, largestEase)).toBeNull();
    expect(easeObstacle(engine, largestEase + 1)).toBe("20001 items are more than 20000");
  });
});

test("an inversion by blocks frees every matrix that it made", () => {
  const held = new Map<number, { values: Float64Array; rows: number; columns: number }>();
  let made = 0;
  const keep = (values: Float64Array, rows: number, columns: number) => {
    held.set(++made, { values, rows, columns });
    return made;
  };
  const entry = (id: number, i: number, j: number, turned: boolean) => {
    const { values, columns } = held.get(id)!;
    return values[turned ? j * columns + i : i * columns + j]!;
  };
  const each = (id: number, of: (value: number, at: number) => number) => {
    const { values, rows, columns } = held.get(id)!;
    return keep(values.map(of), rows, columns);
  };
  const plain: Doubles = {
    from: (values, rows, columns) => keep(Float64Array.from(values), rows, columns),
    read: (id) => Float32Array.from(held.get(id)!.values),
    product(a, b, transposeA = false, transposeB = false) {
      const [rows, inner] = transposeA
        ? [held.get(a)!.columns, held.get(a)!.rows]
        : [held.get(a)!.rows, held.get(a)!.columns];
      const columns = transposeB ? held.get(b)!.rows : held.get(b)!.columns;
      const sum = (i: number, j: number) =>
        Array.from({ length: inner }, (_, k) => entry(a, i, k, transposeA) * entry(b, k, j, transposeB)).reduce(
          (x, y) => x + y,
          0,
        );
      return keep(
        Float64Array.from({ length: rows * columns }, (_, at) => sum(Math.floor(at / columns), at % columns)),
        rows,
        columns,
      );
    },
    difference: (a, b) => each(a, (value, at) => value - held.get(b)!.values[at]!),
    inverse: (a) => each(a, (value) => 1 / value), // blocks of one row
    negative: (a) => each(a, (value) => -value),
    free: (id) => {
      if (!held.delete(id)) throw new Error(`${id} is freed twice`);
    },
  };
  const matrix = Float32Array.of(4, 1, 0, 1, 3, 1, 0, 1, 2);
  done(invert(plain, matrix, 3, 1, 0));
  expect([...matrix].map((value) => value * 18)).toEqual(
    [5, -2, 1, -2, 8, -4, 1, -4, 11].map((value) => expect.closeTo(value, 4)),
  );
  expect(held.size).toBe(0);
});

test("the wasm engine says that it cannot solve it", async () => {
  const engine = await openEngine({ wanted: "wasm" });
  expect(easeObstacle(engine, 10)).toMatch(/wasm engine has no kernel that inverts a matrix/);
});
