// What the solved systems' solutions must be for any users, and what a run of them leaves.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { fitted as sweepsOf } from "../../services/commands/train/fitting.ts";
import { mustFitMemory } from "../../services/commands/train/needs.ts";
import { type Config, options } from "../../services/commands/train/options.ts";
import { trainSolved } from "../../services/commands/train/solved.ts";
import { mustFitMemory as serverMustFit } from "../../services/server/needs.ts";
import { openModel } from "../../shared/checkpoints/scoring.ts";
import { gaussian } from "../../shared/compute/draws.ts";
import { openEngine } from "../../shared/compute/open-engine.ts";
import { readDataset } from "../../shared/corpus/dataset.ts";
import { listEpochs, readEpoch, readTest } from "../../shared/judging/per-user.ts";
import { evaluate } from "../../shared/ranking/evaluate.ts";
import { gramOf, type Objective, rowSolver } from "../../shared/solvers/als.ts";
import { solveRows } from "../../shared/solvers/alternating.ts";
import { countOf, countTogether, interactionsOf, type Lists } from "../../shared/solvers/interactions.ts";
import { ialsObjective } from "../../shared/systems/ials/ials.ts";
import { weightsName } from "../../shared/systems/item-to-item.ts";
import { defaults } from "../../shared/systems/recvae/settings.ts";
import { type SolvedName, solvedNames, systemOf } from "../../shared/systems/registry.ts";
import { type SlimConfig, solveColumn } from "../../shared/systems/slim/slim-columns.ts";
import { checkSlim, slimScores, slimWeights } from "../../shared/systems/slim/slim-weights.ts";
import { wmfObjective } from "../../shared/systems/wmf/wmf.ts";
import { withoutTensorflow } from "./engines.ts";

const root = mkdtempSync(join(tmpdir(), "tributary-solved-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Users by what they have, of `items` items. */
const usersOf = (items: number) =>
  fc.array(
    fc.shuffledSubarray([...Array(items).keys()], { minLength: 1 }).map((columns) => Int32Array.from(columns)),
    { minLength: 1, maxLength: 20 },
  );

describe("users and items", () => {
  test("lists by user and by item say the same, ascending, and pairs are counted as they are", () => {
    const items = 9;
    fc.assert(
      fc.property(usersOf(items), (rows) => {
        const { byUser, byItem } = interactionsOf(rows, items);
        expect(listsIn(byUser)).toEqual(rows.map((row) => [...row].sort((a, b) => a - b)));
        const having = (item: number) => [...rows.keys()].filter((user) => rows[user]!.includes(item));
        expect(listsIn(byItem)).toEqual(Array.from({ length: items }, (_, item) => having(item)));
        const counts_II = new Float32Array(items * items);
        for (const from of [0, 4]) countTogether({ byUser, byItem }, counts_II, from, from === 0 ? 4 : items);
        const both = (a: number, b: number) => rows.filter((row) => row.includes(a) && row.includes(b)).length;
        expect([...counts_II]).toEqual(Array.from(counts_II, (_, at) => both(Math.floor(at / items), at % items)));
      }),
      { numRuns: 50 },
    );
  });
});

describe("SLIM", () => {
  test("no weight wants to move: what is zero is pulled by l1 at most, what is not by as much as the nets hold", () => {
    const items = 12;
    const nets = fc.record({
      l1: fc.double({ min: 0, max: 3, noNaN: true }),
      l2: fc.double({ min: 0.05, max: 5, noNaN: true }),
    });
    fc.assert(
      fc.property(usersOf(items), nets, fc.nat(items - 1), (rows, { l1, l2 }, item) => {
        const counts_II = countsOf(rows, items);
        const weights = weightsOf(solveColumn(counts_II, { items, l1, l2 }, item), items);
        expect(weights[item]).toBe(0);
        for (let k = 0; k < items; k++) {
          if (k === item) continue;
          let pull = counts_II[item * items + k]! - l2 * weights[k]! - l1;
          for (let other = 0; other < items; other++) pull -= weights[other]! * counts_II[k * items + other]!;
          if (weights[k]! > 0) expect(Math.abs(pull)).toBeLessThan(1e-8);
          else expect(pull).toBeLessThan(1e-8);
          expect(weights[k]).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("without l2 two items that the same users have share a weight, and it ends", () => {
    const rows = [[0, 1, 2], [0, 1, 2], [0, 1], [3]].map((row) => Int32Array.from(row));
    const [first, second] = weightsOf(solveColumn(countsOf(rows, 4), { items: 4, l1: 0.5, l2: 0 }, 2), 4);
    expect(first! + second!).toBeCloseTo((2 - 0.5) / 3, 8);
  });

  test("only what is not zero is kept, and lists that do not fit are refused", () => {
    const config: SlimConfig = { items: 5, l1: 0.5, l2: 0.5 };
    const rows = [[0, 1, 2], [0, 1], [1, 2], [3]].map((row) => Int32Array.from(row));
    const counts_II = countsOf(rows, 5);
    const columns = Array.from({ length: 5 }, (_, item) => solveColumn(counts_II, config, item));
    const weights = slimWeights(columns);
    checkSlim(weights, config);
    expect(weights.weights!.data.every((weight) => weight > 0)).toBe(true);
    expect(weights.weights!.data).toHaveLength(columns.reduce((sum, column) => sum + column.items.length, 0));
    const [scores] = [slimScores(weights, config)([Int32Array.of(0, 3)])];
    columns.forEach((column, item) => {
      expect(scores[item]).toBeCloseTo(weightsOf(column, 5)[0]!, 6);
    });
    const refused = (change: object) =>
      expect(() => checkSlim({ ...weights, ...change }, config)).toThrow(/CHECKPOINT_CORRUPT/);
    refused({ columns: { shape: [1], data: Float32Array.of(0) } });
    refused({ columns: { ...weights.columns!, data: weights.columns!.data.map(() => 5) } });
    refused({
      lengths: {
        shape: [5],
        data: weights.lengths!.data.map(
          (_, k) => (k === 0 ? weights.weights!.data.length : 0) + (k === 1 ? 0.5 : k === 2 ? -0.5 : 0),
        ),
      },
    });
  });
});

describe.each<[string, Objective]>([
  ["WMF", wmfObjective({ factors: 1, sweeps: 1, positiveWeight: 5, lambda: 0.7 })],
  ["iALS", ialsObjective({ factors: 1, sweeps: 1, alpha0: 0.2, lambda: 0.05, nu: 0.8 })],
])("%s", (_, objective) => {
  test("a solved row's objective has no slope", () => {
    const [items, width] = [15, 4];
    fc.assert(
      fc.property(usersOf(items), fc.nat(1000), (rows, seed) => {
        const factors = Float64Array.from(gaussian(seed, 0, 0, items * width));
        const row_K = Float64Array.from(gaussian(seed, 0, 1, width));
        rowSolver(objective, factors, width, gramOf(factors, width, 0, items), width).solve(row_K, rows[0]!);
        for (let k = 0; k < width; k++)
          expect(slopeAt(objective, factors, width, row_K, rows[0]!, k)).toBeCloseTo(0, 8);
      }),
      { numRuns: 100 },
    );
  });

  test("with more factors than are solved for at once, sweep after sweep comes nearer to no slope", () => {
    const [items, width] = [40, 150];
    const factors = Float64Array.from(gaussian(3, 0, 0, items * width), (draw) => draw / 10);
    const solver = rowSolver(objective, factors, width, gramOf(factors, width, 0, items), 64);
    const row_K = new Float64Array(width);
    const entries = Int32Array.of(1, 4, 9, 16, 25, 36);
    const steepest = () =>
      Math.max(...Array.from(row_K, (_, k) => Math.abs(slopeAt(objective, factors, width, row_K, entries, k))));
    const before = steepest();
    for (let sweep = 0; sweep < 8; sweep++) solver.solve(row_K, entries);
    expect(steepest()).toBeLessThan(before / 100);
  });

  test("each half of a sweep lowers the whole objective", () => {
    const rows = [
      [0, 1, 2],
      [0, 1],
      [1, 2, 5],
      [3, 4],
      [4, 5, 3],
      [0, 2],
    ].map((row) => Int32Array.from(row));
    const [items, width] = [6, 2];
    const { byUser, byItem } = interactionsOf(rows, items);
    const users = Float64Array.from(gaussian(1, 0, 0, rows.length * width));
    const ofItems = Float64Array.from(gaussian(1, 0, 1, items * width));
    let before = wholeObjective(objective, users, ofItems, byUser, byItem, width);
    for (let half = 0; half < 8; half++) {
      if (half % 2 === 0)
        solveRows(objective, users, byUser, ofItems, gramOf(ofItems, width, 0, items), 1, { from: 0, to: rows.length });
      else
        solveRows(objective, ofItems, byItem, users, gramOf(users, width, 0, rows.length), width, {
          from: 0,
          to: items,
        });
      const after = wholeObjective(objective, users, ofItems, byUser, byItem, width);
      expect(after).toBeLessThan(before);
      before = after;
    }
  });
});

test("a data set that does not fit is refused with what it would take and what there is", () => {
  const size = { users: 140_000, interactions: 10_000_000, longest: 60_000, threads: 2 };
  expect(() => mustFitMemory("ease", { items: 100_000, lambda: 1 }, size, 24e9)).toThrow(
    /DATA_TOO_LARGE: ease would take about 121\.\d GB for 100000 items and 10000000 interactions, and there are 24\.0 GB/,
  );
  mustFitMemory("ease", { items: 20_108, lambda: 1 }, size, 8e9);
  const ials = { items: 100_000, factors: 256, alpha0: 0.1, lambda: 0.003, nu: 1, sweeps: 16 };
  mustFitMemory("ials", ials, size, 4e9);
  expect(() => mustFitMemory("ials", { ...ials, factors: 8192 }, size, 4e9)).toThrow(/DATA_TOO_LARGE/);
});

test("a neural system whose server has no room for it is refused the same way", () => {
  const small = { ...defaults, items: 20_108 };
  serverMustFit("recvae", small, 1e9, 2.2e9); // 29 M parameters
  expect(() => serverMustFit("recvae", { ...small, items: 2_000_000 }, 1e9, 24e9)).toThrow(
    /DATA_TOO_LARGE: recvae would take about 61\.\d GB for 2000000 items, and there are 24\.0 GB/,
  );
});

describe("a run", () => {
  const data = directory();
  const small: Partial<Config> = {
    factors: 4,
    sweeps: 3,
    lambda: 0.1,
    l1: 0.1,
    l2: 0.1,
    alpha0: 0.2,
    nu: 0.9,
    positiveWeight: 4,
  };
  /** Those of one dense matrix invert one. */
  const needsTensorflow = (name: SolvedName) => systemOf(name).perItem({ items: 1 }).includes(weightsName);
  const names = solvedNames.filter((name) => !withoutTensorflow || !needsTensorflow(name));
  const settingsOf = (model: SolvedName) =>
    Object.entries(systemOf(model).settings).map(([name, { usual }]): [string, unknown] => [
      name,
      small[name as keyof Config] ?? usual,
    ]);
  const configOf = (model: SolvedName, out: string) =>
    options.parse({ model, data, out, ...Object.fromEntries(settingsOf(model)) });

  test.each(names)("of %s leaves a model that scores as the report says, and every user's figures", async (model) => {
    const out = join(root, model);
    await trainSolved(model, configOf(model, out), new AbortController().signal);
    const report = JSON.parse(readFileSync(join(out, "report.json"), "utf8"));
    const opened = await openModel(await openEngine({ wanted: "wasm" }), out);
    const { test: heldOut, validation, items } = readDataset(data);
    const again = evaluate(opened.scoreBatch, heldOut, items.length);
    for (const name of ["ndcg@100", "recall@20", "recall@50"] as const)
      expect(report.best.test[name]).toEqual(again[name]);
    expect(report).toMatchObject({
      model,
      data,
      seed: 1337,
      trainers: 0,
      sync: "none",
      peakMemoryBytes: expect.any(Number),
    });
    expect(report.epochs).toHaveLength(model === "wmf" || model === "ials" ? 3 : 1);
    expect(report.best.epoch).toBe(opened.manifest.round);
    expect(opened.manifest).toMatchObject({ model, config: { items: items.length, ...report.settings } });
    expect(report.settings).toEqual(Object.fromEntries(settingsOf(model)));
    const evaluations = join(out, "evaluations");
    expect(await listEpochs(evaluations)).toEqual(report.epochs.map(({ epoch }: { epoch: number }) => epoch));
    expect([...(await readEpoch(evaluations, report.best.epoch, "ndcg@100")).keys()]).toEqual(
      validation.map(({ user }) => user),
    );
    const ofTest = await readTest(evaluations, "ndcg@100");
    expect([...ofTest.values()].reduce((sum, value) => sum + value / ofTest.size, 0)).toBeCloseTo(
      report.best.test["ndcg@100"].mean,
      12,
    );
  });

  test.each(names)("of %s that is asked to stop ends without a model", async (model) => {
    const out = join(root, `stopped-${model}`);
    const controller = new AbortController();
    controller.abort();
    await trainSolved(model, configOf(model, out), controller.signal);
    expect(existsSync(join(out, "manifest.json"))).toBe(false);
  });

  test("whose time is over after its first sweep leaves the model of that one", async () => {
    const out = join(root, "hasty");
    await trainSolved("ials", { ...configOf("ials", out), timeLimit: 0.001 }, new AbortController().signal);
    const report = JSON.parse(readFileSync(join(out, "report.json"), "utf8"));
    expect(report.epochs).toHaveLength(1);
    expect(report).toMatchObject({ settings: { sweeps: 3 }, best: { epoch: 1 } });
  });

  test("makes the same bits on one thread and on three", async () => {
    const { train: rows, items } = readDataset(data);
    const config = { items: items.length, factors: 4, alpha0: 0.2, lambda: 0.1, nu: 1, sweeps: 2 };
    const [one, three] = await Promise.all(
      [1, 3].map(async (threads) => {
        const sweeps = [];
        for await (const fitted of sweepsOf("ials", {
          rows,
          config,
          seed: 7,
          threads,
          signal: new AbortController().signal,
          progress: () => {},
        }))
          sweeps.push(fitted.weights);
        return sweeps;
      }),
    );
    expect(one).toHaveLength(2);
    expect(three).toEqual(one);
  });
});

/** Two kinds of users who like two kinds of items, with some of the others. */
function directory(): string {
  const dir = join(root, "data");
  mkdirSync(dir);
  const items = 30;
  const likes = (user: number, item: number) => (user * 7919 + item * 104_729) % (item % 2 === user % 2 ? 2 : 9) === 0;
  const rowOf = (user: number) => Array.from({ length: items }, (_, item) => item).filter((item) => likes(user, item));
  const csv = (users: number[], keep: (k: number) => boolean) =>
    "uid,sid\n" +
    `${users.flatMap((user) => rowOf(user).flatMap((item, k) => (keep(k) ? [`${user},${item}`] : []))).join("\n")}\n`;
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, k) => from + k);
  writeFileSync(
    join(dir, "train.csv"),
    csv(range(0, 300), () => true),
  );
  for (const [part, users] of [
    ["validation", range(300, 320)],
    ["test", range(320, 345)],
  ] as const) {
    writeFileSync(
      join(dir, `${part}_tr.csv`),
      csv(users, (k) => k % 3 > 0),
    );
    writeFileSync(
      join(dir, `${part}_te.csv`),
      csv(users, (k) => k % 3 === 0),
    );
  }
  writeFileSync(
    join(dir, "unique_sid.txt"),
    `${range(0, items)
      .map((item) => `item ${item}`)
      .join("\n")}\n`,
  );
  return dir;
}

const listsIn = (lists: Lists) =>
  Array.from({ length: countOf(lists) }, (_, list) => [
    ...lists.entries.subarray(lists.starts[list]!, lists.starts[list + 1]!),
  ]);

function countsOf(rows: readonly Int32Array[], items: number): Float32Array {
  const counts_II = new Float32Array(items * items);
  countTogether(interactionsOf(rows, items), counts_II, 0, items);
  return counts_II;
}

function weightsOf(column: ReturnType<typeof solveColumn>, items: number): Float64Array {
  const weights = new Float64Array(items);
  column.items.forEach((item, k) => {
    weights[item] = column.values[k]!;
  });
  return weights;
}

/** Derivative of a row's objective by factor k, from the objective's formula. */
function slopeAt(
  objective: Objective,
  factors: Float64Array,
  width: number,
  row_K: Float64Array,
  entries: Int32Array,
  k: number,
): number {
  const items = factors.length / width;
  const scores = Array.from({ length: items }, (_, item) =>
    row_K.reduce((sum, w, f) => sum + w * factors[item * width + f]!, 0),
  );
  let slope = 2 * objective.lambda(entries.length, items) * row_K[k]!;
  scores.forEach((score, item) => {
    const factor = factors[item * width + k]!;
    slope += 2 * objective.everywhere * score * factor;
    if (entries.includes(item)) slope += 2 * (objective.boost * score - objective.target) * factor;
  });
  return slope;
}

/** What both sides together minimise: the sum over all pairs, and the weighed squares of all rows. */
function wholeObjective(
  objective: Objective,
  users: Float64Array,
  items: Float64Array,
  byUser: Lists,
  byItem: Lists,
  width: number,
): number {
  let sum = 0;
  listsIn(byUser).forEach((entries, user) => {
    for (let item = 0; item < countOf(byItem); item++) {
      let score = 0;
      for (let k = 0; k < width; k++) score += users[user * width + k]! * items[item * width + k]!;
      sum += objective.everywhere * score ** 2;
      if (entries.includes(item)) sum += objective.boost * score ** 2 - 2 * objective.target * score;
    }
  });
  const squares = (side: Float64Array, lists: Lists, others: number) =>
    side.reduce(
      (total, w, at) => total + objective.lambda(listsIn(lists)[Math.floor(at / width)]!.length, others) * w ** 2,
      0,
    );
  return sum + squares(users, byUser, countOf(byItem)) + squares(items, byItem, countOf(byUser));
}
