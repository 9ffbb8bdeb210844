// What a bench prints: a figure, its unit, and the limit that it is held against; and the rate that arithmetic is
// compared with.
import type { Engine } from "../../../shared/compute/engine.ts";

/** A measured figure; `limit` is the worst value that is still good, absent where the figure is only told. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly limit?: { readonly is: "at most" | "at least"; readonly value: number };
}

export function lineOf({ name, value, unit, limit }: Figure): string {
  const held = limit && (limit.is === "at most" ? value <= limit.value : value >= limit.value);
  const beside = limit ? `  ${limit.is} ${limit.value} ${unit}  ${held ? "✓" : "✗ missed"}` : "";
  return `  ${name.padEnd(44)}${value.toFixed(value < 10 ? 2 : 1).padStart(9)} ${unit.padEnd(8)}${beside}`;
}

/** GFLOP/s of a large matrix product. */
export function gemmRate(engine: Engine): number {
  const n = 2048;
  const a = engine.tf.randomUniform<import("@tensorflow/tfjs-core").Rank.R2>([n, n], 0, 1, "float32", 1337);
  const time = median(() => {
    const product = engine.matMul(a, a);
    product.dataSync();
    product.dispose();
  });
  a.dispose();
  return (2 * n ** 3) / 1e6 / time;
}

const REPEATS = 5;

/** Milliseconds; the first run warms up and is not counted. */
export function median(body: () => void): number {
  const times = Array.from({ length: REPEATS + 1 }, () => {
    const startedAt = performance.now();
    body();
    return performance.now() - startedAt;
  });
  return times.slice(1).sort((a, b) => a - b)[Math.floor(REPEATS / 2)]!;
}
