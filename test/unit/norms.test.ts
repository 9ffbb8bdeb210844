// Norms of gradient and update against sums written plainly, and that looking changes no bit.
import { expect, test } from "vitest";
import { Norms } from "../../services/server/run/norms.ts";
import { uniform } from "../../shared/compute/draws.ts";
import { Kernels } from "../../shared/compute/kernels/kernels.ts";
import { Table } from "../../shared/compute/kernels/table.ts";

const draws = (stream: number, count: number) => uniform(5, stream, 1, new Float32Array(count)).map((x) => x - 0.5);
const home = new Kernels();
/** 70 rows of 3 in segments of 32, each in a memory of its own, and more floats than a block of the kernel. */
const shapes = [
  [[70, 3], 32],
  [[70_001, 1], 70_001],
] as const;
const tablesOf = () =>
  shapes.map(([shape, segment]) => {
    const table = new Table(shape, segment, () => home.beside());
    table.set("weights", draws(1, shape[0] * shape[1]));
    return table;
  });
const gradientsOf = (t: number) =>
  shapes.map(([[rows, width]], k) => [draws(10 * t + k, rows * width), draws(10 * t + k + 5, rows * width)]);
const norm = (values: Iterable<number>) => {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
};

test("the norms of every twentieth update are those of its gradient and of what the weights moved by, and no weight differs by a bit", () => {
  const norms = new Norms();
  const [watched, alone] = [tablesOf(), tablesOf()];
  let expected = { gradient: 0, update: 0 };
  for (let t = 1; t <= 23; t++) {
    const gradients = gradientsOf(t);
    const rate = { t, learningRate: 0.01 };
    const before = watched.map((table) => table.tensor("weights").data.slice());
    norms.around("encoder", watched, rate, () => watched.forEach((table, k) => void table.adam(gradients[k]!, rate)));
    for (const [k, table] of alone.entries()) table.adam(gradients[k]!, rate);
    if (t === 1 || t === 21)
      expected = {
        gradient: norm(gradients.flatMap(([a, b]) => Array.from(a!, (x, k) => x + b![k]!))),
        update: norm(
          watched.flatMap((table, k) => Array.from(table.tensor("weights").data, (x, at) => x - before[k]![at]!)),
        ),
      };
    expect(norms.latest.encoder!.gradient / expected.gradient, `gradient of update ${t}`).toBeCloseTo(1, 3);
    expect(norms.latest.encoder!.update / expected.update, `update ${t}`).toBeCloseTo(1, 3);
  }
  for (const [k, table] of watched.entries())
    for (const which of ["weights", "m", "v"] as const)
      expect(table.tensor(which).data).toEqual(alone[k]!.tensor(which).data);
});

test("the total is over both Adams, and nothing before the first update", () => {
  const norms = new Norms();
  expect(norms.total()).toEqual({ gradient: null, update: null });
  Object.assign(norms.latest, { encoder: { gradient: 3, update: 0.3 }, decoder: { gradient: 4, update: 0.4 } });
  expect(norms.total()).toEqual({ gradient: 5, update: 0.5 });
});
