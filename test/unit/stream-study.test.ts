// `benchmark --stream`: the simulation ranks, judges and publishes as the evaluator does on a table of the same events;
// what is read as a stream; figures over users.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { command } from "../../services/commands/compare/main.ts";
import { type ContestantName, names } from "../../services/commands/compare/stream/contestants.ts";
import { readStream } from "../../services/commands/compare/stream/events.ts";
import { curvesFigure } from "../../services/commands/compare/stream/figure.ts";
import { type Learner, neuralLearner } from "../../services/commands/compare/stream/learners.ts";
import type { StreamConfig } from "../../services/commands/compare/stream/options.ts";
import type { Line } from "../../services/commands/compare/stream/ranking.ts";
import { modelsOf, openTallies, type Report, titled } from "../../services/commands/compare/stream/report.ts";
import { type Judgement, SALT, simulate } from "../../services/commands/compare/stream/simulation.ts";
import { study } from "../../services/commands/compare/stream/study.ts";
import { textOf } from "../../services/commands/compare/stream/text.ts";
import { openArriving } from "../../services/evaluator/arriving.ts";
import { openEvaluator } from "../../services/evaluator/evaluator.ts";
import { saveModel } from "../../shared/checkpoints/checkpoints.ts";
import { openModel } from "../../shared/checkpoints/scoring.ts";
import { openEngine } from "../../shared/compute/open-engine.ts";
import { batchOf } from "../../shared/events/batch.ts";
import { Histories } from "../../shared/events/histories.ts";
import { syntheticStream } from "../../shared/events/synthetic.ts";
import { Vocabulary } from "../../shared/events/vocabulary.ts";
import { openFreshness } from "../../shared/health/status/freshness.ts";
import { Standing } from "../../shared/judging/standing.ts";
import { initialise } from "../../shared/neural/parameters.ts";
import { createScorer } from "../../shared/neural/scorer.ts";
import { svgOf } from "../../shared/plots/svg.ts";
import { readConfig } from "../../shared/runtime/command.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { openPatience } from "../../shared/runtime/patience.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { openEvents, writeEvents } from "../../shared/table/events.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tributary-study-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));
const never = new AbortController().signal;

describe("the simulation", () => {
  const [perVersion, versions, late, ranked] = [400, 14, 3, 40];
  const eventAt = syntheticStream(5, "none");
  /** Every third event is of something that nobody knew before, and something else after a while. */
  const all = Array.from({ length: perVersion * versions }, (_, index) => ({
    ...eventAt(index),
    ...(index % 3 === 0 && index > 4 * perVersion && { item: `hot${Math.floor(index / (4 * perVersion))}` }),
  }));
  /** Versions that models are pinned at. */
  const pinned = [3, 8];

  /** A model of the table up to a version: everybody gets what is popular. */
  function modelAt(version: number) {
    const histories = new Histories(SALT);
    histories.append(batchOf(rowsOf(all.slice(0, perVersion * (version + 1)), 0)), 0);
    const { items } = histories.vocabulary;
    const settings = { ...defaults, items: items.length, hidden: 4, latent: 2 };
    const weights = initialise(recipeOf(settings), 7);
    weights["decoder.weight"]!.data.fill(0);
    weights["decoder.bias"]!.data.set(histories.popularity().map(Math.log1p));
    return { settings, weights, items: [...items] };
  }
  const rowsOf = (events: typeof all, offset: number) =>
    events.map((event, k) => ({ ...event, timestamp: k, value: null, partition: 0, offset: offset + k }));

  test("ranks every arrival as the evaluator does on a table of the same events, publishes the same model with the same mix, and refuses the same one", async () => {
    const engine = await openEngine({ threads: 1 });
    // The evaluator, on a table that grows version by version, with checkpoints that come late.
    const paths = pathsOf(dir);
    const table = await openEvents(paths.table);
    const metrics = createMetrics("evaluator");
    const log = createLog("evaluator");
    const patience = openPatience(log, never);
    const checkpoints = join(paths.training, "checkpoints");
    const settings = { prequentialEvents: ranked, prequentialWindow: 5_000, prequentialSeconds: 0 };
    const arriving = await openArriving(paths, settings, openFreshness(metrics, "published"), metrics, patience);
    const places = { checkpoints, models: paths.models, evaluations: paths.evaluations, perUser: paths.perUser };
    mkdirSync(checkpoints, { recursive: true });
    const evaluator = await openEvaluator({ engine, arriving, patience, log }, places, {
      ...{ tolerance: 0.01, maxUsers: 500, allowBelowPopularNow: false },
    });
    const verdicts = [];
    for (let version = 0; version < versions; version++) {
      const at = pinned.find((each) => each + late + 1 === version);
      if (at !== undefined) {
        const { settings, weights, items } = modelAt(at);
        const facts = {
          ...{ config: settings, step: at, round: at, midRound: false, seed: 1, salt: SALT },
          ...{ tableVersion: at, watermark: 0, createdAt: at },
        };
        await saveModel(join(checkpoints, String(at).padStart(12, "0")), weights, facts, items);
        verdicts.push(await evaluator.look(never));
      }
      const from = version * perVersion;
      const batch = batchOf(rowsOf(all.slice(from, from + perVersion), from));
      await table.commit({
        add: [await writeEvents(table.store, batch)],
        txn: [{ appId: "interactions/0", version: from + perVersion - 1 }],
        newestArrival: 0,
      });
      await evaluator.look(never);
    }

    // The simulation, with the same models.
    const lines: Line[] = [];
    const judgements: Judgement[] = [];
    const wanted: ContestantName[] = ["served", "popular-now", "co-visits"];
    const [users, items] = [new Vocabulary(), new Vocabulary()];
    const numbered = (list: Vocabulary, name: string) => list.column(name) ?? list.add(name);
    const learner: Learner = {
      async round(version) {
        if (!pinned.includes(version)) return undefined;
        const { settings, weights, items } = modelAt(version);
        const scorer = createScorer(engine, recipeOf(settings), weights);
        return { ...scorer, version: `v${version}`, tableVersion: version, vocabulary: new Vocabulary(items) };
      },
      dispose: () => {},
    };
    await simulate(
      {
        userOf: Int32Array.from(all, ({ user }) => numbered(users, user)),
        itemOf: Int32Array.from(all, ({ item }) => numbered(items, item)),
        ...{ users: users.items, items: items.items },
      },
      wanted,
      { perVersion, everyVersions: 1, lateVersions: late, ranked, frozenFrom: Number.POSITIVE_INFINITY },
      () => new Map([["continuous", learner]]),
      {
        ranked: (news) => lines.push(...news.filter(({ had }) => had > 0)),
        judged: (judgement) => judgements.push(judgement),
        ...{ frozen: () => {}, reached: () => {} },
      },
      never,
    );

    expect(verdicts.map((line) => line?.reason ?? null)).toEqual(judgements.map(({ reason }) => reason));
    const [first, second] = judgements;
    expect(first!.reason).toBeNull();
    expect(second!.reason).toContain("below plain popularity's");
    const { manifest } = await openModel(engine, join(paths.models, verdicts[0]!.version!));
    expect(first!.mix).toBeDefined();
    expect(manifest.trends).toEqual(first!.mix);
    const point = arriving.curve.at(-1)!;
    expect(point.events).toBe(lines.length);
    expect(lines.length).toBeGreaterThan(200);
    const mean = (k: number, metric: "recall" | "ndcg") =>
      lines.reduce((sum, { gains }) => sum + gains[k]![metric] / lines.length, 0);
    for (const [k, figures] of [point, point.popularNow!, point.coVisits!].entries()) {
      expect(mean(k, "recall"), wanted[k]).toBeCloseTo(figures["recall@20"], 12);
      expect(mean(k, "ndcg"), wanted[k]).toBeCloseTo(figures["ndcg@100"], 12);
    }
  });
});

describe("the command", () => {
  const config = (...flags: string[]) => readConfig(command, flags, {}) as StreamConfig & { json: boolean };
  const file = (...lines: string[]) => {
    const path = join(dir, "events.csv");
    writeFileSync(path, `${lines.join("\n")}\n`);
    return path;
  };
  const silent = { say: () => {}, show: () => {} };
  const read = (...flags: string[]) => readStream(config(...flags), silent, never);
  const named = async (...flags: string[]) => {
    const { users, items, userOf, itemOf } = await read(...flags);
    return [...userOf].map((user, k) => `${users[user]} ${items[itemOf[k]!]}`);
  };

  test("a file is a stream in its own order, or in that of its times, rows without one after those before them", async () => {
    const path = file(
      "user,item,timestamp",
      "a,x,1700000300",
      "b,y,1700000100",
      "b,z,",
      "a,y,1700000300",
      "c,x,1700000200",
    );
    expect(await named("--stream", path)).toEqual(["a x", "b y", "b z", "a y", "c x"]);
    expect(await named("--stream", path, "--order", "time")).toEqual(["b y", "b z", "c x", "a x", "a y"]);
    expect(await named("--stream", path, "--order", "time", "--events", "2")).toEqual(["b y", "b z"]);
    expect(await named("--stream", path, "--events", "3")).toEqual(["a x", "b y", "b z"]);
  });

  test("the same seed and drift are the same stream", async () => {
    const flags = ["--stream", "synthetic", "--events", "500", "--drift", "fast"];
    expect(await named(...flags)).toEqual(await named(...flags));
    expect(await named(...flags)).not.toEqual(await named(...flags, "--seed", "3"));
  });

  test.each([
    ["an empty file", [""], [], "CSV_MALFORMED"],
    ["a header alone", ["user,item"], [], "NO_EVENTS"],
    ["no users", ["item,timestamp", "x,1700000000"], [], "CSV_MALFORMED"],
    ["a row that is none", ["user,item", "a,x", "a,"], [], "ROWS_REFUSED"],
    ["times asked for that are not there", ["user,item", "a,x"], ["--order", "time"], "USAGE"],
  ])("%s: %s", async (_, lines, flags, code) => {
    await expect(read("--stream", file(...lines), ...flags)).rejects.toMatchObject({ code });
  });

  test.each([
    [[], "--data is required"],
    [["--data", "d"], "--out is required"],
    [["--data", "d", "--stream", "s"], "either --data or --stream"],
    [["--stream", "s", "--only", "nobody"], "--only"],
    [["--stream", "s", "--parts", "0"], "--parts"],
  ])("%j is refused: %s", (flags, said) => {
    expect(() => config(...flags)).toThrow(said);
  });

  test("one user alone, however many events, is told to be no stream that anything can be learned from", async () => {
    const path = file("user,item", ...Array.from({ length: 3_000 }, (_, k) => `a,i${k}`));
    const until = { signal: never, stopped: new Promise<void>(() => {}) };
    await expect(study(config("--stream", path), until)).rejects.toMatchObject({ code: "STREAM_TOO_SHORT" });
  });
});

const gain = (value: number) => ({ recall: value, ndcg: value / 2 });

describe("figures over users", () => {
  test("means are over arrivals, leads over users, and one user's many arrivals make neither surer", () => {
    const standing = new Standing(2);
    for (let k = 0; k < 100; k++) standing.add(1, [gain(1), gain(0)]);
    standing.add(2, [gain(0), gain(1)]);
    const [first, other] = standing.places();
    expect(first!.recall.mean).toBeCloseTo(100 / 101, 12);
    expect(first!.lead).toBeNull();
    expect(other!.lead!.recall).toEqual({ mean: 0, standardError: 1 });
    expect(other!.lead!.ndcg.mean).toBe(0);
    expect([standing.arrivals, standing.users]).toEqual([101, 2]);
  });

  test("with one arrival of each user the error is that of a mean", () => {
    const standing = new Standing(1);
    const values = Array.from({ length: 50 }, (_, user) => (user * 7) % 11);
    for (const [user, value] of values.entries()) standing.add(user, [gain(value)]);
    const mean = values.reduce((a, b) => a + b) / 50;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 49;
    expect(standing.places()[0]!.recall.standardError).toBeCloseTo(Math.sqrt(variance / 50), 12);
  });

  test("a contestant without a gain has no figure, and the others keep theirs", () => {
    const standing = new Standing(2);
    standing.add(1, [gain(1), undefined]);
    expect(standing.places()[1]!.recall.mean).toBeNaN();
    expect(standing.places()[0]!.recall.mean).toBe(1);
  });
});

test("arrivals count in their part, by users who had met the item, and by what the user had; first items among users alone", () => {
  const tallies = openTallies(["served", "popular-now"], 1_000, [400, 1_000]);
  const line = (event: number, met: number, had: number) => ({
    ...{ event, user: event, met, had, gains: [gain(1), gain(0)] },
  });
  for (const each of [line(0, 9, 1), line(399, 10, 3), line(400, 5_000, 4), line(999, 0, 9), line(500, 7, 0)])
    tallies.add(each);
  const { parts, curve, byItem, byUser } = tallies.figures();
  expect(tallies.arrivals).toBe(4);
  expect(parts.map(({ name, arrivals }) => [name, arrivals])).toEqual([
    ["events 0 to 400", 2],
    ["events 400 to 1,000", 2],
  ]);
  expect(byItem.map(({ arrivals }) => arrivals)).toEqual([2, 1, 0, 1]);
  expect(byUser.map(({ arrivals }) => arrivals)).toEqual([1, 2, 1, 1]);
  expect(curve.filter(({ arrivals }) => arrivals > 0).map(({ to }) => to)).toEqual([25, 400, 425, 1_000]);
  expect(parts[0]!.places["popular-now"]!.lead!.recall.mean).toBe(1);
});

test("tables and curves name every contestant that has figures, with a dash for none, whatever a stream is called", async () => {
  const wanted: ContestantName[] = ["served", "popular-now", "ease"];
  const tallies = openTallies(wanted, 1_000, [1_000]);
  for (let k = 0; k < 60; k++)
    tallies.add({ event: k * 16, user: k % 7, met: k, had: k % 5, gains: [gain(k % 2), gain(0), undefined] });
  const report: Report = {
    stream: { name: "<clicks>.csv", events: 1_000, users: 7, items: 60 },
    pace: { rate: 100, countsLag: 1, round: 5, modelLag: 2 },
    ...{ seconds: 2, contestants: titled(wanted), oldUsers: null },
    ...tallies.figures(),
    models: modelsOf([
      { learner: "continuous", event: 10, reason: null, mix: undefined },
      { learner: "continuous", event: 20, reason: "worse", mix: undefined },
    ]),
  };
  const text = textOf(report);
  expect(text).toContain(
    "1,000 events of 7 users and 60 items, at 100 a second 10 s; replayed in 2 s, 5.0 times as fast",
  );
  expect(text).toContain("popular now, at once");
  expect(text).not.toContain("EASE");
  expect(text).toContain("1 published, 1 refused; the last since worse");
  const svg = await svgOf(curvesFigure(report));
  for (const name of ["served: the model, what is hot, what follows", "popular now, at once", "NDCG@100", "&lt;clicks"])
    expect(svg).toContain(name);
  expect(svg).not.toContain("NaN");
  expect(svg).not.toContain("undefined");
});

test("a model that is trained from scratch is published after each of its lives, and in the first one after each round", async () => {
  const engine = await openEngine({ threads: 1 });
  const histories = new Histories(SALT);
  const eventAt = syntheticStream(5);
  const rows = Array.from({ length: 1_500 }, (_, k) => ({ ...eventAt(k), timestamp: k, value: null, partition: 0 }));
  histories.append(batchOf(rows.map((row, offset) => ({ ...row, offset }))), 0);
  const recipe = (items: number) => recipeOf({ ...defaults, items, hidden: 4, latent: 2 });
  const settings = { recipe, seed: 3, usersPerRound: 60 };
  const [on, anew] = [
    neuralLearner(engine, histories, settings),
    neuralLearner(engine, histories, { ...settings, roundsOfLife: 2 }),
  ];
  const row = [histories.rowOf(0)];
  const scores: (number[] | undefined)[][] = [[], []];
  for (let version = 0; version < 5; version++)
    for (const [k, learner] of [on, anew].entries()) {
      const candidate = await learner.round(version, never);
      scores[k]!.push(candidate && [...candidate.scoreBatch(row)]);
      candidate?.dispose();
    }
  expect(scores[0]!.every((each) => each)).toBe(true);
  expect(scores[1]!.map((each) => each !== undefined)).toEqual([true, true, false, true, false]);
  expect(scores[1]!.slice(0, 2)).toEqual(scores[0]!.slice(0, 2));
  expect(scores[1]![3]).not.toEqual(scores[0]![3]);
  on.dispose();
  anew.dispose();
});

test("what is served stands first, since all others are set beside it", () => expect(names[0]).toBe("served"));
