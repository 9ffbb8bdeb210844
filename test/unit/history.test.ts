// The dashboard's memory: what a look adds, what is kept of it, what a page gets, and the file that survives a restart.
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stepsOf } from "../../services/dashboard/clock.ts";
import {
  copyOf,
  emptyHistory,
  extend,
  type History,
  type Series,
  textOf,
  thinned,
} from "../../services/dashboard/history.ts";
import { newsOf, toldAfter } from "../../services/dashboard/news.ts";
import { openProblems } from "../../services/dashboard/problems.ts";
import { openRing } from "../../services/dashboard/ring.ts";
import { sampleOf } from "../../services/dashboard/sample.ts";
import { type Flow, flowOf } from "../../shared/health/facts/flow.ts";

const now = 1_700_000_000_000;
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tributary-history-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const samples = (at: number[], columns: Series["columns"]): History => ({
  ...emptyHistory(),
  samples: { at, columns },
});

/** Services that answer at this moment. */
function look(at: number, statuses: Record<string, object | object[]>, answeredAt = at): Flow {
  const answers = Object.entries(statuses).flatMap(([service, given]) =>
    [given].flat().map((status, k) => ({
      service,
      pid: 100 + k,
      url: `http://${service}${k}`,
      startedAt: now - 1e6,
      status,
      answeredAt,
    })),
  );
  return flowOf(answers, at);
}

const partition = (number: number, offset: number, lag: number) => ({
  partition: number,
  offset,
  lag,
  lagSeconds: 0,
  written: 0,
  dead: 0,
  filtered: 0,
});
const ingest = (...partitions: object[]) => ({ state: "consuming", partitions, lag: { messages: 30, seconds: 1 } });

test("events in and consumed are what the partitions' ends and offsets moved by, per second", () => {
  const before = look(now, { ingest: ingest(partition(0, 100, 10), partition(1, 200, 20)) });
  const after = look(now + 5000, { ingest: ingest(partition(0, 150, 20), partition(1, 300, 10)) });
  expect(sampleOf(before, after)).toMatchObject({
    "events:in": 30,
    "events:consumed": 30,
    lag: 30,
    "lag:0": 20,
    "lag:1": 10,
  });
});

test("a rate is unknown at the first look, and where a counter fell because another process counts", () => {
  const before = look(now, {
    ingest: ingest(partition(0, 100, 10)),
    server: { bytes: { sent: 500, received: 100, memory: null } },
  });
  const after = look(now + 5000, {
    ingest: ingest(partition(0, 40, 10)),
    server: { bytes: { sent: 20, received: 600, memory: null } },
  });
  expect(sampleOf(null, before)).toMatchObject({
    "events:in": null,
    "events:consumed": null,
    "wire:sent": null,
    lag: 30,
  });
  expect(sampleOf(before, after)).toMatchObject({
    "events:consumed": null,
    "wire:sent": null,
    "wire:received": 100,
    "wire:memory": null,
  });
});

test("a step's time is what trainers spent on each activity while the server took a step, newcomers left out", () => {
  const seconds = (compute: number, wait: number) => ({ data: 1, compute, push: 2, wait, pull: 3 });
  const trainer = (id: string, compute: number, wait: number) => ({ id, name: id, seconds: seconds(compute, wait) });
  const before = look(now, { server: { step: 10, trainers: [trainer("a", 5, 1), trainer("b", 7, 1)] } });
  const after = look(now + 5000, {
    server: { step: 30, trainers: [trainer("a", 8, 2), trainer("b", 11, 2), trainer("c", 40, 40)] },
  });
  const sample = sampleOf(before, after);
  expect(sample["step:compute"]).toBeCloseTo(3.5 / 20, 12);
  expect(sample["step:wait"]).toBeCloseTo(1 / 20, 12);
  expect(sample["step:data"]).toBe(0);
  expect(sampleOf(after, after)["step:compute"]).toBeNull();
});

test("what a service said long ago is not measured again", () => {
  const flow = look(
    now,
    { ingest: ingest(partition(0, 100, 10)), trainer: { tensors: 40, memoryBytes: 6e8 } },
    now - 11_000,
  );
  const sample = sampleOf(null, flow);
  expect(sample.lag).toBeNull();
  expect(Object.keys(sample).filter((name) => /^(lag|memory|tensors):/.test(name))).toEqual([]);
});

test("each trainer has its memory and its tensors under its process", () => {
  const flow = look(now, {
    trainer: [
      { tensors: 40, memoryBytes: 6e8 },
      { tensors: 41, memoryBytes: 7e8 },
    ],
  });
  expect(sampleOf(null, flow)).toMatchObject({
    "memory:100": 6e8,
    "memory:101": 7e8,
    "tensors:100": 40,
    "tensors:101": 41,
  });
});

test("rounds, evaluations and arrivals that were told before are no news", () => {
  const history = emptyHistory();
  const rounds = [1, 2].map((round) => ({ at: now + round, round, reconstruction: 400 - round, kl: round }));
  const evaluations = [
    { at: now, round: 1, model: { "ndcg@100": 0.3, "recall@20:se": 0.01 }, popularity: { "ndcg@100": 0.2 } },
  ];
  const point = {
    at: now,
    model: "v1",
    events: 9,
    users: 3,
    "recall@20": 0.5,
    "ndcg@100": 0.4,
    popularity: { "recall@20": 0.2, "ndcg@100": 0.1 },
  };
  const flow = look(now + 9, { server: { lossHistory: rounds }, evaluator: { evaluations, prequential: [point] } });
  const news = newsOf(history, flow, null);
  expect(news.samples.at).toEqual([]);
  expect(news.rounds).toEqual({ at: [now + 1, now + 2], columns: { reconstruction: [399, 398], kl: [1, 2] } });
  expect(news.evaluations.columns).toEqual({ "ndcg@100": [0.3], "recall@20:se": [0.01], "popularity:ndcg@100": [0.2] });
  expect(news.arrivals.columns).toEqual({
    ...{ "recall@20": [0.5], "ndcg@100": [0.4], "popularity:recall@20": [0.2], "popularity:ndcg@100": [0.1] },
  });
  extend(history, news);
  expect(Object.values(newsOf(history, flow, null)).flatMap(({ at }) => at)).toEqual([]);
  expect(newsOf(history, flow, { lag: 4, freshness: null }).samples).toEqual({ at: [now + 9], columns: { lag: [4] } });
});

test("whatever comes and goes, every column is as long as the times, within the bounds, and none is empty", () => {
  const names = fc.constantFrom("lag", "memory:1", "memory:2", "tensors:9");
  const row = fc.dictionary(names, fc.option(fc.integer({ min: 0, max: 99 })), { noNullPrototype: true });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 60 }), (rows) => {
      const history = emptyHistory();
      rows.forEach((each, k) => {
        extend(
          history,
          samples([now + k], Object.fromEntries(Object.entries(each).map(([name, value]) => [name, [value]]))),
        );
      });
      const { at, columns } = history.samples;
      expect(at).toEqual(rows.map((_, k) => now + k));
      for (const [name, column] of Object.entries(columns))
        expect(column).toEqual(rows.map((each) => each[name] ?? null));
    }),
  );
});

test("a day of samples is kept, the columns of trainers that left a day ago are not", () => {
  const history = emptyHistory();
  const day = 17_280;
  extend(history, samples([0], { lag: [1], "memory:7": [5] }));
  extend(
    history,
    samples(
      Array.from({ length: day }, (_, k) => 5000 * (k + 1)),
      { lag: Array(day).fill(2) },
    ),
  );
  expect(history.samples.at).toHaveLength(day);
  expect(Object.keys(history.samples.columns)).toEqual(["lag"]);
});

test("of more columns than are kept those that ended first are forgotten", () => {
  const history = emptyHistory();
  for (let pid = 0; pid < 205; pid++) extend(history, samples([pid], { lag: [0], [`memory:${pid}`]: [pid] }));
  const names = Object.keys(history.samples.columns);
  expect(names).toHaveLength(200);
  expect(names).toContain("lag");
  expect(names).not.toContain("memory:5");
  expect(names).toContain("memory:6");
});

test("older samples reach a page as means, newer ones as they are", () => {
  const at = [0, 5, 10, 15, 20, 25, 30].map((second) => 1000 * second);
  const columns = { lag: [1, 3, null, 7, 9, 11, 13], gone: [4, null, null, null, null, null, null] };
  expect(thinned({ at, columns }, 20_000, 10_000)).toEqual({
    at: [5000, 15_000, 20_000, 25_000, 30_000],
    columns: { lag: [2, 7, 9, 11, 13], gone: [4, null, null, null, null] },
  });
  expect(thinned({ at, columns }, 0, 10_000)).toEqual({ at, columns });
});

test("the file keeps the history through a restart, torn and foreign lines apart", async () => {
  const file = join(dir, "history.jsonl");
  const refuse = (error: Error) => expect.unreachable(error.message);
  const ring = await openRing(file, refuse);
  await ring.keep(samples([now], { lag: [4] }));
  await ring.keep(emptyHistory());
  await ring.keep(samples([now + 5000], { lag: [5], "memory:1": [8] }));
  expect(readFileSync(file, "utf8").split("\n")).toHaveLength(3);
  appendFileSync(
    file,
    '{"samples":[{"at":1,"lag":2}],"losses":[]}\n{"samples":{"at":[1,2],"columns":{"lag":[1]}}}\n{"samp',
  );
  const again = await openRing(file, refuse);
  expect(again.history).toEqual(ring.history);
  await again.keep(samples([now + 9000], { lag: [6] }));
  const { samples: kept } = (await openRing(file, refuse)).history;
  expect(kept).toEqual({ at: [now, now + 5000, now + 9000], columns: { lag: [4, 5, 6], "memory:1": [null, 8, null] } });
});

test("recent problems are told after a restart, none as open, and are written when one comes or goes", async () => {
  const file = join(dir, "problems.json");
  const refuse = (error: Error) => expect.unreachable(error.message);
  const problem = {
    code: "INGEST_STALLED",
    service: "ingest",
    level: "red",
    reason: "it stalls",
    hint: "look",
    count: 1,
  } as const;
  const open = { ...problem, firstAt: now, lastAt: now, isOpen: true };
  const kept = await openProblems(file, refuse);
  expect(kept.before).toEqual([]);
  await kept.keep([open], now);
  await kept.keep([{ ...open, lastAt: now + 1000 }], now + 1000);
  expect((await openProblems(file, refuse)).before).toEqual([{ ...open, isOpen: false }]);
  await kept.keep([{ ...open, lastAt: now + 31_000 }], now + 31_000);
  expect((await openProblems(file, refuse)).before).toEqual([{ ...open, lastAt: now + 31_000, isOpen: false }]);
  await kept.keep([{ ...open, lastAt: now + 31_000, isOpen: false }], now + 32_000);
  expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject([{ isOpen: false }]);
  writeFileSync(file, '[{"code":');
  expect((await openProblems(file, refuse)).before).toEqual([]);
});

test("a file that cannot be written costs the history on disk, is told once, and not what is remembered", async () => {
  const told: string[] = [];
  const ring = await openRing(join(dir, "missing", "history.jsonl"), (error) => told.push(error.message));
  for (const k of [0, 1]) await ring.keep(samples([now + k], { lag: [k] }));
  expect(told).toHaveLength(1);
  expect(told[0]).toContain("ENOENT");
  expect(ring.history.samples.columns).toEqual({ lag: [0, 1] });
});

/** A look at this time by the clock; what the history is afterwards. */
function sampledAt(history: History, at: number): number[] {
  extend(history, newsOf(history, look(at, {}), { lag: at }));
  return history.samples.at;
}

test("dashboard-clock: samples go on while the clock is an hour behind the newest one, and all that were there are kept in their order", () => {
  const history = emptyHistory();
  for (let k = 0; k < 100; k++) sampledAt(history, now + 5000 * k);
  const hour = 3_600_000;
  for (let k = 100; k < 110; k++) sampledAt(history, now + 5000 * k - hour);
  expect(history.samples.columns.lag).toHaveLength(110);
  expect(history.samples.at.at(-1)).toBe(now + 5000 * 109 - hour);
  expect(history.samples.at.slice(0, 99).map((at, k) => history.samples.at[k + 1]! - at)).toEqual(Array(99).fill(5000));
  for (let k = 110; k < 120; k++) sampledAt(history, now + 5000 * k);
  expect(history.samples.at).toEqual([...history.samples.at].sort((a, b) => a - b));
  expect(history.samples.at).toHaveLength(120);
});

test("up-clock: after a day forth and right again the samples of that time are where they belong, and those before were not moved", () => {
  const history = emptyHistory();
  const day = 86_400_000;
  for (let k = 0; k < 10; k++) sampledAt(history, now + 5000 * k);
  for (let k = 10; k < 20; k++) sampledAt(history, now + 5000 * k + day);
  for (let k = 20; k < 30; k++) sampledAt(history, now + 5000 * k);
  const { at } = history.samples;
  expect(at.slice(0, 10)).toEqual(Array.from({ length: 10 }, (_, k) => now + 5000 * k));
  for (const [k, time] of at.entries()) expect(Math.abs(time - (now + 5000 * k))).toBeLessThanOrEqual(5000);
});

test("rounds are told once each, whatever the clock does meanwhile", () => {
  const step = fc.record({
    passed: fc.integer({ min: 1, max: 20 }),
    set: fc.constantFrom(0, 0, 0, -3600, 3600, 86_400, -86_400),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const history = emptyHistory();
      const lossHistory: { at: number; round: number; reconstruction: number; kl: number }[] = [];
      let at = now;
      let told = {};
      steps.forEach(({ passed, set }, round) => {
        at += 1000 * passed + 1000 * set + round; // no two at the same ms
        lossHistory.push({ at, round, reconstruction: round, kl: 1 });
        for (let again = 0; again < 2; again++) {
          const flow = look(at + again, { server: { lossHistory } });
          extend(history, newsOf(history, flow, null, told));
          told = toldAfter(told, flow);
        }
      });
      expect(history.rounds.columns.reconstruction ?? []).toEqual(lossHistory.map(({ round }) => round));
      expect(history.rounds.at).toEqual([...history.rounds.at].sort((a, b) => a - b));
    }),
    { seed: 1337, numRuns: 200 },
  );
});

test("a clock that was set is told by how much, one that runs a little fast or slow is not", () => {
  let [wall, steady] = [now, 0];
  const setBy = stepsOf(
    () => wall,
    () => steady,
  );
  const pass = (ms: number, set = 0) => {
    wall += ms + set;
    steady += ms;
    return setBy();
  };
  expect([pass(1000), pass(1000, 1), pass(1000, -3_600_000), pass(1000), pass(5000, 3_600_000)]).toEqual([
    0, 0, -3_600_000, 0, 3_600_000,
  ]);
});

test("the history as text, made in pieces, is what the history is, thinned for a page", () => {
  const history = emptyHistory();
  extend(history, samples([0, 5000, 20_000], { lag: [1, 3, null], "memory:1": [2, null, 4] }));
  const text = (thin?: { before: number; every: number }) => {
    const work = textOf(copyOf(history), thin);
    for (;;) {
      const { done, value } = work.next();
      if (done) return JSON.parse(value.toString());
    }
  };
  expect(text()).toEqual(history);
  expect(text({ before: 15_000, every: 10_000 })).toEqual({
    ...history,
    samples: thinned(history.samples, 15_000, 10_000),
  });
});
