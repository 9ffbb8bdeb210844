// Tables larger than one memory: cut into tiny segments they must do what one segment does, to the last bit where no
// sum is cut.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { uniform } from "../../shared/compute/draws.ts";
import { Kernels } from "../../shared/compute/kernels/kernels.ts";
import type { SparseRows } from "../../shared/compute/kernels/lists.ts";
import { rowsOfSegment, SEGMENT_BYTES, Table } from "../../shared/compute/kernels/table.ts";
import { normalisedRow } from "../../shared/neural/bag.ts";

const home = new Kernels();
const kernels = [home.beside(), home.beside(), home.beside(), home.beside()];
const WIDTH = 5;
const rate = { t: 3, learningRate: 0.01 };
const draws = (stream: number, count: number) => uniform(5, stream, 1, new Float32Array(count));
const bits = (array: Float32Array) => Buffer.from(array.slice().buffer).toString("base64");
const all = (table: Table) => (["weights", "m", "v"] as const).map((which) => bits(table.tensor(which).data));

/** Memory that the test before used is 0 again, as memory that was never touched. */
function tableOf(rows: number, segment: number, threads?: Kernels): Table {
  const owner = threads ? [threads, threads.beside(), threads.beside(), threads.beside()] : kernels;
  for (const { memory } of owner) {
    memory.clear();
    memory.borrowed(() => memory.zeros(20_000));
  }
  const table = new Table([rows, WIDTH], segment, (k) => owner[k]!);
  table.set("weights", draws(1, rows * WIDTH));
  table.set("m", draws(2, rows * WIDTH));
  table.set(
    "v",
    draws(3, rows * WIDTH).map((x) => x * x),
  );
  return table;
}

/** Users' rows in the order of the columns, so that a sum over segments adds in the same order as over one. */
const users = (rows: number, count = 9): SparseRows => {
  const chosen = Array.from({ length: count }, (_, user) =>
    Int32Array.from({ length: rows }, (_, k) => k).filter((item) => (item * 7 + user * 5) % (user + 2) === 0),
  );
  return { rows: chosen, values: chosen.map((row) => normalisedRow(row)) };
};

test("segments follow from the row's width alone, in whole blocks, and leave room beside them in a memory", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), (width) => {
      const rows = rowsOfSegment(width);
      expect(rows % 32).toBe(0);
      expect(3 * 4 * rows * width).toBeLessThanOrEqual(SEGMENT_BYTES);
      expect(3 * 4 * (rows + 32) * width).toBeGreaterThan(SEGMENT_BYTES);
    }),
    { seed: 1337, numRuns: 200 },
  );
  expect(rowsOfSegment(600)).toBe(298_240);
});

describe.each([
  [70, 32],
  [64, 32],
  [33, 32],
])("%i rows in segments of %i", (rows, segment) => {
  test("what is set comes back, whatever segments it lies in", () => {
    const table = tableOf(rows, segment);
    const { shape, data, pieces = [data] } = table.tensor("weights");
    expect([shape, data]).toEqual([[rows, WIDTH], draws(1, rows * WIDTH)]);
    expect(pieces.map(({ length }) => length / WIDTH)).toEqual(
      [32, 32, 32].map((full, k) => Math.min(full, rows - k * full)).filter((count) => count > 0),
    );
    expect(pieces.flatMap((piece) => [...piece])).toEqual([...data]);
    const some = draws(9, 3 * WIDTH);
    table.set("m", some, 30);
    const expected = draws(2, rows * WIDTH);
    expected.set(some, 30 * WIDTH);
    expect(table.tensor("m").data).toEqual(expected);
  });

  test.each([1, 3])("bags and steps have the bits of one segment, with %i thread(s)", async (threads) => {
    const one = tableOf(rows, 1000);
    const dBags = draws(4, 9 * WIDTH);
    const parts = [draws(6, rows * WIDTH), draws(7, rows * WIDTH)];
    const expected = [];
    expected.push(bits(one.bag(users(rows))));
    one.adamOfBags(dBags, users(rows), rate);
    one.adam(parts, rate);
    expected.push(...all(one));

    const kernels = new Kernels(threads);
    const cut = tableOf(rows, segment, kernels);
    const actual = [bits(cut.bag(users(rows)))];
    cut.adamOfBags(dBags, users(rows), rate);
    cut.adam(parts, rate);
    actual.push(...all(cut));
    await kernels.close();
    expect(actual).toEqual(expected);
  });

  test("rows are gathered and added to by their columns, as halves too", () => {
    const table = tableOf(rows, segment);
    const before = table.tensor("weights").data;
    const index = Int32Array.of(0, 3, 30, 31, rows - 1);
    const found = new Float32Array(5 * WIDTH);
    table.gatherRows(index, found);
    expect([...found]).toEqual([...index].flatMap((row) => [...before.subarray(row * WIDTH, (row + 1) * WIDTH)]));
    const halves = new Uint16Array(5 * WIDTH);
    table.gatherHalves(index, halves);
    expect(halves).toEqual(new Kernels().toHalves(found));
    const more = draws(8, 5 * WIDTH);
    const shares = Float32Array.of(1, -0.25, 0.5, 2, 0.75);
    table.addRows(index, more, shares);
    const expected = before.slice();
    index.forEach((row, k) => {
      for (let h = 0; h < WIDTH; h++) expected[row * WIDTH + h]! += Math.fround(shares[k]! * more[k * WIDTH + h]!);
    });
    expect(table.tensor("weights").data).toEqual(expected);
    expect(table.tensor("m").data).toEqual(draws(2, rows * WIDTH));
  });

  test("a NaN is found in the last row of any tensor, and in no row that there is only room for", () => {
    const table = tableOf(rows, segment);
    expect(table.finite("v")).toBe(true);
    table.set("v", Float32Array.of(0, 0, 0, 0, Number.NaN), rows - 1);
    expect([table.finite("weights"), table.finite("m"), table.finite("v")]).toEqual([true, true, false]);
    const other = tableOf(rows - 1, segment);
    other.set("v", Float32Array.of(0, 0, 0, 0, Number.NaN), rows - 1);
    expect(other.finite("v")).toBe(true);
  });
});

test("threads that share memories of several segments compute the bits of one thread", async () => {
  const results = [];
  for (const threads of [1, 3]) {
    const kernels = new Kernels(threads);
    const table = new Table([9000, 20], 4096, () => kernels.beside());
    table.set("weights", draws(1, 9000 * 20));
    const some = users(9000, 40);
    for (let t = 1; t <= 10; t++) {
      table.adamOfBags(table.bag(some), some, { t, learningRate: 0.01 });
      table.adam([draws(t, 9000 * 20)], { t, learningRate: 0.01 });
    }
    results.push(all(table));
    await kernels.close();
  }
  expect(results[1]).toEqual(results[0]);
});

test("growing copies nothing that is there, and new rows are 0", () => {
  const table = tableOf(20, 32);
  const view = table.tensor("weights").data;
  const before = all(table).map((each) => each.slice(0, 100));
  table.grow(32);
  expect(table.tensor("weights").data.buffer).toBe(view.buffer);
  expect(table.tensor("weights").data.byteOffset).toBe(view.byteOffset);
  table.grow(70);
  expect(all(table).map((each) => each.slice(0, 100))).toEqual(before);
  for (const which of ["weights", "m", "v"] as const) {
    const { shape, data } = table.tensor(which);
    expect(shape).toEqual([70, WIDTH]);
    expect(data.subarray(20 * WIDTH).every((x) => Object.is(x, 0))).toBe(true);
  }
});

test("room for segments costs no memory until it is used", () => {
  const before = process.memoryUsage.rss();
  const tables = Array.from({ length: 30 }, () => new Table([10, 600], rowsOfSegment(600), () => home.beside()));
  for (const table of tables) table.set("weights", draws(1, 6000));
  expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 2 ** 20); // of 60 GiB
});
