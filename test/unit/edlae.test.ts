// EDLAE: what must hold for any users. Its numbers are held against an independent program's by golden.test.ts
// (test/golden/make-edlae.py).
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { command as train } from "../../services/commands/train/main.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import { openEngine } from "../../shared/compute/open-engine.ts";
import { readConfig } from "../../shared/runtime/command.ts";
import { systemOf } from "../../shared/systems/registry.ts";
import { withoutTensorflow } from "./engines.ts";
import { fittedHere } from "./fit.ts";

const items = 12;
const users = fc.array(
  fc.shuffledSubarray([...Array(items).keys()]).map((columns) => Int32Array.from(columns)),
  { minLength: 1, maxLength: 30 },
);
const lambdas = fc.double({ min: 0.1, max: 1000, noNaN: true });

describe.skipIf(withoutTensorflow)("on the tensorflow engine", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openEngine({ wanted: "tensorflow", threads: 1 });
  });

  test("without dropout it is EASE, bit for bit", async () => {
    await fc.assert(
      fc.asyncProperty(users, lambdas, async (rows, lambda) => {
        const edlae = await fittedHere("edlae", engine, rows, { items, lambda, dropout: 0 });
        const ease = await fittedHere("ease", engine, rows, { items, lambda });
        expect(edlae.weights).toEqual(ease.weights);
      }),
      { numRuns: 20 },
    );
  });

  test("no item speaks for itself, and the more is dropped the less any item says", async () => {
    const sizeOf = (weights: Float32Array) => weights.reduce((sum, weight) => sum + weight ** 2, 0);
    await fc.assert(
      fc.asyncProperty(users, async (rows) => {
        const sizes: number[] = [];
        for (const dropout of [0, 0.3, 0.6, 0.999]) {
          const { weights } = await fittedHere("edlae", engine, rows, { items, lambda: 1, dropout });
          const { data } = weights.weights!;
          for (let column = 0; column < items; column++) expect(data[column * (items + 1)]).toBe(0);
          expect([...systemOf("edlae").scores({ items }, weights)([new Int32Array(0)])]).toEqual(Array(items).fill(0));
          sizes.push(sizeOf(data));
        }
        expect(sizes.at(-1)).toBeLessThanOrEqual(sizes[0]!);
        expect(sizes.at(-1)).toBeLessThan(0.01);
      }),
      { numRuns: 20 },
    );
  });
});

test("its settings are flags of train, for which other systems have no use", () => {
  const read = (...flags: string[]) => readConfig(train, flags, {});
  expect(read("--model", "edlae", "--lambda", "500", "--dropout", ".33")).toMatchObject({ lambda: 500, dropout: 0.33 });
  expect(() => read("--model", "edlae", "--dropout", "1")).toThrow(/--dropout "1": /);
  expect(() => read("--model", "ease", "--dropout", ".5")).toThrow(/--dropout "\.5": is no setting of ease/);
});
