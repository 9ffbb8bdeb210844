// `evaluate` without its process: whom it judges on, what it measures beside the model, and what its report says.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { measure } from "../../services/commands/evaluate/references.ts";
import { reportOf, tableOf } from "../../services/commands/evaluate/report.ts";
import type { Manifest } from "../../shared/checkpoints/manifest.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import type { Dataset } from "../../shared/corpus/dataset.ts";
import { batchOf } from "../../shared/events/batch.ts";
import { Vocabulary } from "../../shared/events/vocabulary.ts";
import { fromDataset, fromTable } from "../../shared/judging/subject.ts";
import { initialise } from "../../shared/neural/parameters.ts";
import { createScorer } from "../../shared/neural/scorer.ts";
import type { Mix } from "../../shared/ranking/mix.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { openEvents, writeEvents } from "../../shared/table/events.ts";
import { onEachBackend } from "./engines.ts";
import { type Pair, rowsOf } from "./pairs.ts";

const never = new AbortController().signal;

const ITEMS = 24;
const names = Array.from({ length: ITEMS }, (_, k) => `i${k}`);
/** Items of one residue by three: what EASE learns and popularity cannot. Item 0 is everybody's. */
const row = (user: number) =>
  Int32Array.from([0, ...[...names.keys()].filter((item) => item > 0 && (item + user) % 3 === 0)]);
const heldOut = (user: number) => ({ user: `u${user}`, foldIn: row(user).slice(0, 4), target: row(user).slice(4) });
const dataset: Dataset = {
  items: names,
  train: Array.from({ length: 60 }, (_, user) => row(user)),
  validation: [100, 101, 102].map(heldOut),
  test: [200, 201, 202, 203].map(heldOut).concat({ user: "u300", foldIn: row(1), target: new Int32Array(0) }),
};
const manifest = (changes: Partial<Manifest> = {}) => ({ salt: "", tableVersion: null, ...changes }) as Manifest;
const wish = { ks: [2, 5], lambda: 1, seed: 3 };

const root = mkdtempSync(join(tmpdir(), "tributary-evaluate-"));
afterAll(() => rmSync(root, { recursive: true }));

onEachBackend((open, name) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open();
  });
  const measured = (ease = true, signal = new AbortController().signal) => {
    const config = recipeOf({ ...defaults, items: ITEMS, hidden: 8, latent: 4 });
    const scorer = createScorer(engine, config, initialise(config, 1));
    const subject = fromDataset("made up", dataset, new Vocabulary(names), undefined);
    const model = { vocabulary: new Vocabulary(names), scoreBatch: scorer.scoreBatch, mix: undefined };
    return measure(engine, model, subject, { ...wish, lambda: ease ? 1 : null }, signal);
  };

  test("EASE stands beside model and popularity on the same users, or the report says why it does not", async () => {
    const { validation, test: onTest, ease } = await measured();
    expect(validation.lines.popularity!.metrics["ndcg@5"]!.mean).toBeLessThan(1);
    expect([onTest.users, onTest.withoutTarget]).toEqual([4, 1]);
    if (name === "wasm") {
      expect(ease).toMatch(/^left out: the wasm engine/);
      expect(validation.lines.ease).toBeUndefined();
      return;
    }
    expect(ease).toBe("lambda 1");
    expect(validation.lines.ease!.metrics["ndcg@5"]!.mean).toBe(1);
    expect(validation.lines.ease!.lists["5"]!.coverage).toBeGreaterThan(
      validation.lines.popularity!.lists["5"]!.coverage,
    );
  });

  test("without EASE the report has null in its place, and the table no column", async () => {
    const without = await measured(false);
    const report = reportOf("there", { ease: without.ease }, without);
    expect(report).toMatchObject({ checkpoint: "there", contract: { ease: "left out: not wanted (--no-ease)" } });
    expect(report.test).toMatchObject({ users: 4, withoutTarget: 1, ease: null, lists: { ease: null } });
    expect(tableOf({}, without)).not.toContain("EASE");
  });

  test("each metric has mean, standard error and an interval around the mean; each k has its lists", async () => {
    const report = reportOf("there", {}, await measured());
    expect(Object.keys(report.test.model!)).toEqual(["ndcg@2", "ndcg@5", "recall@2", "recall@5"]);
    const { mean, standardError, interval } = report.test.popularity!["ndcg@5"]!;
    expect(standardError).toBeGreaterThanOrEqual(0);
    expect(interval[0]).toBeLessThanOrEqual(mean);
    expect(interval[1]).toBeGreaterThanOrEqual(mean);
    expect(Object.keys(report.test.lists.model!)).toEqual(["2", "5"]);
    expect(report.test.lists.popularity!["2"]!.topShare).toBeGreaterThanOrEqual(0);
    expect(tableOf({ k: [2, 5], salt: null, users: { test: 4 } }, await measured())).toMatch(
      /ndcg@5 .*\n[\s\S]*k +2, 5\n +salt +none\n +users +test 4\n$/,
    );
  });

  test("asked to stop, it stops between two batches", async () => {
    await expect(measured(true, AbortSignal.abort("stopped"))).rejects.toBe("stopped");
  });
});

test("a model of another vocabulary than the dataset's is refused, with how many items are the same", () => {
  const other = new Vocabulary([...names.slice(1), "elsewhere"]);
  expect(() => fromDataset("made up", dataset, other, manifest())).toThrow(
    /CHECKPOINT_MISMATCH: another vocabulary: the checkpoint has 24 items, the dataset 24, and 23 are the same/,
  );
  expect(() => fromDataset("made up", dataset, new Vocabulary(["elsewhere"]), manifest({ tableVersion: 1 }))).toThrow(
    /CHECKPOINT_MISMATCH/,
  );
});

test("a model of a table is judged on the dataset's users by the items that it knows", () => {
  const some = new Vocabulary([...names.slice(6).reverse(), "elsewhere"]);
  const subject = fromDataset("made up", dataset, some, manifest({ tableVersion: 1 }));
  const targets = (users: readonly { target: Int32Array }[]) =>
    users.map(({ target }) => [...target].map((column) => some.items[column]));
  expect(targets(subject.validation)).toEqual(
    targets(dataset.validation.map(({ target }) => ({ target: target.map((item) => 23 - item) }))),
  );
});

test("a table is refused to a model of a dataset, of a newer version, and of other items", async () => {
  const rows = Array.from({ length: 300 }, (_, offset) => ({
    user: `u${offset % 90}`,
    item: `i${offset % 7}`,
    timestamp: 0,
    value: null,
    partition: 0,
    offset,
  }));
  const table = await openEvents(root);
  await table.commit({ add: [await writeEvents(table.store, batchOf(rows))], txn: [], newestArrival: 0 });
  const ask = (vocabulary: string[], changes: Partial<Manifest>) =>
    fromTable(root, new Vocabulary(vocabulary), manifest({ salt: "s", ...changes }), 100);
  await expect(ask(names, {})).rejects.toThrow(/CHECKPOINT_MISMATCH: it was trained from a dataset directory/);
  await expect(ask(names, { tableVersion: 1 })).rejects.toThrow(
    /trained from version 1 of a table, this one is at version 0/,
  );
  await expect(ask(["x"], { tableVersion: 0 })).rejects.toThrow(
    /another vocabulary: the checkpoint has 1 items, the table 7, and 0 are the same/,
  );
  const subject = await ask(names.slice(0, 7), { tableVersion: 0 });
  expect(subject.contract).toMatchObject({ salt: "s", tableVersion: 0, maxUsers: 100 });
  expect(subject.validation.length + subject.test.length + subject.train.length).toBeLessThanOrEqual(90);
  expect(subject.train.length).toBeGreaterThan(50);
  expect(subject.validation.every(({ user }) => /^u\d+$/.test(user))).toBe(true);
});

describe("temporal evaluation on a table", () => {
  let root = "";
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "tributary-evaluate-"));
  });
  afterEach(() => rmSync(root, { recursive: true }));
  let offset = 0;
  const commit = async (pairs: readonly (readonly [string, string])[]) => {
    const table = await openEvents(root);
    const rows = rowsOf(pairs, offset);
    offset += rows.length;
    return table.commit({ add: [await writeEvents(table.store, batchOf(rows))], newestArrival: 0 });
  };
  const ask = (tableVersion: number) =>
    fromTable(root, new Vocabulary(["a", "b", "c"]), manifest({ salt: "s", tableVersion }), 100);
  const named = (users: readonly { user: string; foldIn: Int32Array; target: Int32Array }[]) =>
    users.map(({ user, foldIn, target }) => [user, [...foldIn], [...target]]).sort();
  const everybody = Array.from({ length: 30 }, (_, k) => `u${k}`);

  test("is on those who came back: what they had then is the fold-in, what they came to since the target", async () => {
    await commit(everybody.map((user) => [user, "a"]));
    await commit([
      ["u1", "a"], // again
      ["u2", "b"],
      ["u2", "unknown to the model"],
      ["u3", "c"],
      ["new", "b"],
    ]);
    await commit([
      ["u3", "b"],
      ["new", "c"],
    ]);
    const subject = await ask(0);
    expect(named(subject.temporal)).toEqual([
      ["u2", [0], [1]],
      ["u3", [0], [2, 1]],
    ]);
    expect(subject.contract).toMatchObject({ tableVersion: 2, trainedOnVersion: 0, referencesOfVersion: 0 });
    expect(subject.train.every((row) => String(row) === "0")).toBe(true); // references know no more than the model
    expect(named((await ask(1)).temporal)).toEqual([
      ["new", [1], [2]],
      ["u3", [0, 2], [1]],
    ]);
    // What was popular then, and what followed what: nobody knew of b and c at version 0.
    const known = async (version: number) => {
      const { popularNow, coVisits } = (await ask(version)).recent!;
      return [popularNow([Int32Array.of(0)]), coVisits([Int32Array.of(0)])].map((scores) =>
        [...scores].map((score) => Math.round(100 * score) / 100),
      );
    };
    expect(await known(0)).toEqual([
      [30, 0, 0],
      [0.97, 0, 0],
    ]);
    expect(await known(1)).toEqual([
      [30, 2, 1],
      [0.97, 1.06, 1.03],
    ]);
  });

  test("has what the model serves beside the model alone, in its own columns, where something is laid over it", async () => {
    await commit(everybody.map((user) => [user, "a"]));
    const version = await commit(
      everybody.slice(0, 20).flatMap((user): Pair[] => [
        [user, "c"],
        [user, "new"],
      ]),
    );
    await commit([
      ["u25", "c"],
      ["u26", "b"],
    ]);
    const subject = await ask(version);
    /** Knows no better than the order of its columns. */
    const ofColumns = {
      vocabulary: new Vocabulary(["a", "b", "c"]),
      scoreBatch: (rows: readonly Int32Array[]) => Float32Array.from(rows.flatMap(() => [3, 2, 1])),
    };
    const engine = {} as Engine; // what solves EASE, which is not asked for
    const under = async (mix: Mix | undefined) =>
      (await measure(engine, { ...ofColumns, mix }, subject, { ...wish, lambda: null }, never)).temporal!.lines;
    const hot: Mix = { model: 0.1, hot: [1, 1, 1], follows: 1 };
    const { model: alone, served, popularNow } = await under(hot);
    const ofTargets = (line: typeof served) =>
      Object.fromEntries(subject.temporal.map(({ target }, k) => ["abc"[target[0]!], line!.perUser["ndcg@2"]![k]]));
    expect(ofTargets(alone)).toEqual({ b: 1, c: 1 / Math.log2(3) });
    expect(ofTargets(served)).toEqual({ b: 1 / Math.log2(3), c: 1 });
    expect(popularNow!.perUser["ndcg@2"]).toEqual(served!.perUser["ndcg@2"]);
    expect(await under(undefined)).not.toHaveProperty("served");
  });

  test("says why there is none: nobody came back, or what was known then is no longer kept", async () => {
    const version = await commit(everybody.map((user) => [user, "a"]));
    expect(await ask(version)).toMatchObject({ temporal: [], withoutTemporal: "nobody has come back since" });
    const table = await openEvents(root);
    const kept = batchOf([{ user: "u1", item: "a", timestamp: 0, value: null, partition: 0, offset: 0 }]);
    await table.commit({ add: [await writeEvents(table.store, kept)], remove: table.files, operation: "DELETE" });
    expect(await ask(version)).toMatchObject({
      temporal: [],
      withoutTemporal: "what was known then is no longer kept",
    });
  });
});
