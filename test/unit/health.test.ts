// The health of the flow: every rule names its stage, the reason and what to do; upstream comes first; a flow that
// starts or drains is no fault.
import { expect, test } from "vitest";
import { type Answer, flowOf } from "../../shared/health/facts/flow.ts";
import { freshnessOf } from "../../shared/health/facts/freshness.ts";
import { batchesPerSecond, requestsPerSecond } from "../../shared/health/facts/memory.ts";
import { problemsOf } from "../../shared/health/rules/rules.ts";
import { count, duration, loss, rate, ratio } from "../../shared/health/views/figures.ts";
import { healthOf } from "../../shared/health/views/health.ts";
import { nothingRemembered, remember } from "../../shared/health/views/remember.ts";

const now = 1_700_000_000_000;
const second = 1000;

type Statuses = Record<string, Record<string, unknown> | undefined>;

const healthy = {
  ingest: {
    state: "consuming",
    read: 1000,
    dead: 2,
    buffered: 3,
    lag: { messages: 12, seconds: 1 },
    table: { version: 4, files: 8, rows: 985 },
    lastCommitAt: now - 2 * second,
    newestArrival: now - second,
    eventsPerSecond: 100,
  },
  server: {
    state: "training",
    hint: null,
    round: 12,
    step: 480,
    loss: { reconstruction: 400, kl: 5, total: 405 },
    stepsPerMinute: 600,
    contributions: { accepted: 960 },
    trainers: [{ name: "a", engine: "wasm", lastSeenAt: now }],
    checkpoint: { step: 480, round: 12, at: now - 5 * second },
  },
  trainer: { state: "computing" },
  evaluator: {
    evaluations: [
      {
        at: now - 4 * second,
        round: 12,
        model: { "ndcg@100": 0.412 },
        popularity: { "ndcg@100": 0.211 },
        outcome: "published",
        reason: null,
      },
    ],
    published: {
      version: "12",
      at: now - 4 * second,
      watermark: now - 9 * second,
      round: 12,
      metrics: { "ndcg@100": 0.412 },
      popularity: { "ndcg@100": 0.211 },
    },
  },
  serve: { model: "12", requests: 50, errors: 0 },
} satisfies Statuses;

/** Answers of services that have run for an hour; `age` in seconds makes them younger. */
function answers(statuses: Statuses, age = 3600): Answer[] {
  return Object.entries(statuses).flatMap(([service, status], k) =>
    status
      ? [
          {
            service,
            pid: 100 + k,
            url: `http://127.0.0.1:${5000 + k}`,
            startedAt: now - age * second,
            status,
            answeredAt: now,
          },
        ]
      : [],
  );
}

const look = (statuses: Statuses, age?: number) => healthOf(flowOf(answers(statuses, age), now), nothingRemembered);

test("the verdict says by how much the model is below popular now on what arrives, where that is no chance", () => {
  const point = (users: number, ndcg: number) => ({
    ...{ at: now, tableVersion: 3, model: "12", events: 500, users, unknownItems: 0, "recall@20": 0, "ndcg@100": 0 },
    popularity: { "recall@20": 0, "ndcg@100": 0 },
    lead: { popularNow: { "recall@20": 0, "ndcg@100": ndcg, "recall@20:se": 0, "ndcg@100:se": 0.01 } },
  });
  const headline = (users: number, ndcg: number) =>
    look({ ...healthy, evaluator: { ...healthy.evaluator, prequential: [point(users, ndcg)] } }).verdict.headline;
  expect(headline(30, -0.12)).toMatch(/\(popularity \.211\), on what arrives \.120 below popular now$/);
  for (const silent of [headline(29, -0.12), headline(30, -0.016), headline(30, 0.12)])
    expect(silent).toMatch(/\(popularity \.211\)$/);
});

test("of a model that is out of date the hint names the stage that the time goes into", () => {
  const stale = { ...healthy.evaluator.published, watermark: now - 300 * second };
  const judged = (seconds: number, took: Record<string, number>) => ({
    ...{ ...healthy.evaluator.evaluations[0], seconds, took },
  });
  const lossHistory = [200, 100].map((age) => ({ at: now - age * second, round: 1, reconstruction: 1, kl: 1 }));
  const quick = [20, 18].map((age) => ({ at: now - age * second, round: 1, reconstruction: 1, kl: 1 }));
  const hint = (pinned: number, rounds: object[], evaluator: object = {}, lag = 1) =>
    look({
      ...{ ...healthy, ingest: { ...healthy.ingest, lag: { messages: 9, seconds: lag } } },
      server: { ...healthy.server, watermark: now - pinned * second, lossHistory: rounds },
      evaluator: { ...healthy.evaluator, published: stale, ...evaluator },
    }).problems.find(({ reason }) => reason.includes("5 min behind the events"))?.hint;
  expect(hint(200, lossHistory)).toContain("rounds take too long");
  const evaluations = [judged(33, { opening: 1, arrivals: 23, heldOut: 5 })];
  expect(hint(4, quick, { evaluations })).toBe(
    "the evaluator takes too long: the newest evaluation took 33 s, most of it for scoring what arrives " +
      "(`--prequential-events`); give it a core of its own",
  );
  expect(hint(4, quick)).toBe("the evaluator takes too long; give it a core of its own");
  expect(hint(290, quick, {}, 280)).toContain("ingest is what is behind");
  expect(hint(4, quick, { evaluations: [{ ...evaluations[0], outcome: "refused" }] })).toContain("are refused");
  expect(hint(4, quick, { pinned: "v000001" })).toContain("models pin --off");
});

test("a healthy flow says how far, how fresh and how good it is", () => {
  const { verdict, boxes, problems } = look(healthy);
  expect(verdict).toEqual({
    state: "ok",
    word: "Healthy",
    headline: "Training: round 12, model is 9 s behind the events, NDCG@100 .412 (popularity .211)",
    hint: null,
  });
  expect(problems).toEqual([]);
  expect(boxes.map(({ id, state }) => `${id} ${state}`)).toEqual(
    ["events", "waiting", "files", "batches", "training", "checkpoint", "quality", "requests"].map((id) => `${id} ok`),
  );
});

const { ingest, server, evaluator, serve } = healthy;
const refused = {
  ...evaluator.evaluations[0],
  outcome: "refused",
  reason: "NDCG@100 .301 is below that of the model in use",
};

test.each([
  ["no ingest", { ingest: undefined }, "waiting", "red", "Ingest does not run", "tributary ingest"],
  [
    "no broker",
    { ingest: { ...ingest, state: "stalled" } },
    "waiting",
    "red",
    "Ingest is stalled: Kafka does not answer, 12 messages wait",
    "tributary broker status",
  ],
  [
    "no commit",
    { ingest: { ...ingest, lastCommitAt: now - 75 * second } },
    "files",
    "red",
    "Ingest has committed nothing for 75 s, 12 messages wait",
    "disk",
  ],
  [
    "a lag",
    { ingest: { ...ingest, lag: { messages: 9000, seconds: 240 } } },
    "waiting",
    "amber",
    "Ingest is 4 min behind the topic, 9,000 messages wait",
    "catches up",
  ],
  [
    "malformed events",
    { ingest: { ...ingest, dead: 50 } },
    "files",
    "amber",
    "5.00 % of the events are malformed (50 dead letters)",
    "producer",
  ],
  [
    "no parameter server",
    { server: undefined },
    "training",
    "red",
    "The parameter server does not run",
    "tributary server",
  ],
  [
    "no trainers",
    { server: { ...server, state: "waiting for trainers", trainers: [] }, trainer: undefined },
    "batches",
    "red",
    "Training is stalled: no trainer is connected",
    "tributary trainer",
  ],
  [
    "a trainer that is not connected",
    { server: { ...server, state: "idle", trainers: [] } },
    "batches",
    "amber",
    "0 of 1 trainers are connected to the server",
    "log",
  ],
  [
    "an old checkpoint",
    { server: { ...server, checkpoint: { step: 1, round: 12, at: now - 900 * second } } },
    "checkpoint",
    "amber",
    "The newest checkpoint is 15 min old",
    "trainers",
  ],
  [
    "a trainer that did not answer in time",
    { server: { ...server, trainers: [{ name: "a" }, { name: "b", state: "suspect" }] } },
    "batches",
    "amber",
    "A trainer did not return a part in time: b",
    "log",
  ],
  [
    "trainers that do not read",
    { server: { ...server, trainers: ["a", "b", "c", "\u001bd"].map((name) => ({ name, state: "clogged" })) } },
    "batches",
    "amber",
    "A trainer does not take what it is sent: a, b, c and 1 more",
    "network",
  ],
  [
    "a checkpoint that could not be written",
    {
      server: { ...server, checkpoint: { step: 480, round: 12, at: now - second, lastError: "ENOSPC: no space left" } },
    },
    "checkpoint",
    "red",
    "The checkpoint could not be written: ENOSPC: no space left",
    "disk",
  ],
  [
    "a first checkpoint that could not be written",
    { server: { ...server, checkpoint: { step: null, round: null, at: null, lastError: "EACCES" } } },
    "checkpoint",
    "red",
    "The checkpoint could not be written: EACCES",
    "--out",
  ],
  ["no evaluator", { evaluator: undefined }, "quality", "red", "The evaluator does not run", "tributary evaluator"],
  [
    "one refusal",
    { evaluator: { ...evaluator, evaluations: [refused] } },
    "quality",
    "amber",
    "Publication of round 12 was refused: NDCG@100 .301 is below that of the model in use",
    "stays in use",
  ],
  [
    "three refusals",
    { evaluator: { ...evaluator, evaluations: [refused, refused, refused] } },
    "quality",
    "red",
    "Publication of round 12 was refused",
    "stays in use",
  ],
  [
    "a pinned model",
    {
      evaluator: {
        ...evaluator,
        pinned: "v000007",
        evaluations: [{ ...refused, outcome: "held", reason: "pinned to v000007" }],
      },
    },
    "quality",
    "amber",
    "Publication is pinned to v000007",
    "tributary models pin --off",
  ],
  [
    "a pinned model out of date",
    {
      evaluator: {
        ...evaluator,
        pinned: "v000007",
        published: { ...evaluator.published, watermark: now - 1800 * second },
      },
    },
    "checkpoint",
    "red",
    "The published model is 30 min behind the events",
    "tributary models pin --off",
  ],
  [
    "a checkpoint not evaluated",
    { server: { ...server, checkpoint: { step: 9, round: 13, at: now - 180 * second } } },
    "quality",
    "amber",
    "The checkpoint of round 13 has waited 3 min",
    "log",
  ],
  [
    "a model out of date",
    { evaluator: { ...evaluator, published: { ...evaluator.published, watermark: now - 1800 * second } } },
    "checkpoint",
    "red",
    "The published model is 30 min behind the events",
    "tributary trainer",
  ],
  ["no serve", { serve: undefined }, "requests", "amber", "Serve does not run", "tributary serve"],
  ["failing requests", { serve: { ...serve, errors: 5 } }, "requests", "amber", "10.0 % of the requests failed", "log"],
  [
    "a serve without Kafka",
    { serve: { ...serve, following: { state: "waiting", reason: "no Kafka broker answers" } } },
    ...["requests", "amber", "Serve does not follow the topic: no Kafka broker answers", "from the table"],
  ],
  [
    "late answers",
    { serve: { ...serve, following: { state: "following" }, freshness: { p95: 1.3, events: 60 } } },
    ...["requests", "amber", "Events change answers late: 5 of 100 took more than 1.3 s", "core"],
  ],
] as const)("%s turns its box %s and the verdict names it", (_, change, box, level, reason, hint) => {
  const { verdict, boxes } = look({ ...healthy, ...change });
  expect(verdict.state).toBe(level);
  expect(verdict.headline).toContain(reason);
  expect(verdict.hint).toContain(hint);
  expect(boxes.find(({ id }) => id === box)).toMatchObject({ state: level });
});

test("a service that no longer answers is named with its process", () => {
  const old = answers(healthy).map((answer) =>
    answer.service === "ingest" ? { ...answer, answeredAt: now - 8 * second } : answer,
  );
  const { verdict, services } = healthOf(flowOf(old, now), nothingRemembered);
  expect(verdict.headline).toBe("Ingest has not answered for 8 s (process 100)");
  expect(services.find(({ service }) => service === "ingest")?.answers).toBe(false);
});

test("a step that does not move for a minute is a stalled training, and one step later it is not", () => {
  const later = (ms: number, step: number) => {
    const late = { ...healthy, server: { ...server, step } };
    return flowOf(
      answers(late).map((answer) => ({ ...answer, answeredAt: now + ms })),
      now + ms,
    );
  };
  let memory = remember(nothingRemembered, later(0, 480));
  const stuck = later(70 * second, 480);
  memory = remember(memory, stuck);
  expect(healthOf(stuck, memory).problems.find(({ box }) => box === "training")?.reason).toBe(
    "Training is stalled: no step for 70 s with 1 trainer",
  );
  const moved = later(71 * second, 481);
  expect(healthOf(moved, remember(memory, moved)).problems.filter(({ box }) => box === "training")).toEqual([]);
});

test("the first events after a quiet hour are no stalled ingest", () => {
  const quiet = { ...ingest, lastCommitAt: now - 3600 * second, lag: { messages: 0, seconds: 0 } };
  const memory = remember(nothingRemembered, flowOf(answers({ ...healthy, ingest: quiet }), now));
  const arrived = flowOf(answers({ ...healthy, ingest: { ...quiet, lag: { messages: 3, seconds: 3600 } } }), now);
  expect(healthOf(arrived, remember(memory, arrived)).problems).toEqual([]);
});

test("the stage furthest upstream is the verdict, the others stand below, and red comes before amber", () => {
  const { verdict, problems } = look({
    ...healthy,
    ingest: { ...ingest, dead: 50 },
    server: undefined,
    evaluator: undefined,
  });
  expect(verdict.headline).toBe("The parameter server does not run");
  expect(problems.map(({ level }) => level)).toEqual(["amber", "red", "red"]);
});

test("nothing runs, a flow that starts, and one that drains are states of their own", () => {
  expect(look({}).verdict).toMatchObject({ state: "empty", hint: "start the whole flow with `npm start`" });
  expect(look({ ingest }, 4).verdict).toMatchObject({
    state: "starting",
    headline: "Starting: waiting for the services to answer",
  });
  const nothing = {
    ingest: { ...ingest, table: { version: -1, files: 0, rows: 0 } },
    server: { ...server, state: "waiting for events" },
    evaluator: { evaluations: [], published: null },
  };
  expect(look(nothing, 4).verdict).toMatchObject({ state: "starting", headline: "Waiting for the first event" });
  const first = { ...healthy, evaluator: { evaluations: [], published: null } };
  expect(look(first).verdict).toMatchObject({
    state: "starting",
    headline: "Training the first model: round 12, loss 405.0, 1 trainer",
  });
  expect(look({ ingest: { ...ingest, state: "draining" } }).verdict).toMatchObject({
    state: "amber",
    word: "Draining",
  });
});

test("freshness is 0 when the model covers the newest event, and unknown while there is no model", () => {
  expect(freshnessOf(flowOf(answers(healthy), now))).toBe(9);
  expect(
    freshnessOf(flowOf(answers({ ...healthy, ingest: { ...ingest, newestArrival: now - 9 * second } }), now)),
  ).toBe(0);
  expect(freshnessOf(flowOf(answers({ ingest }), now))).toBeNull();
});

test("a model covers every event only as long as ingest says what has arrived", () => {
  const covered = answers({ ...healthy, ingest: { ...ingest, newestArrival: now - 9 * second } });
  const silent = covered.map((each) => (each.service === "ingest" ? { ...each, answeredAt: now - 6 * second } : each));
  expect(freshnessOf(flowOf(silent, now))).toBe(9);
  expect(freshnessOf(flowOf(answers({ evaluator: healthy.evaluator }), now))).toBe(0); // nothing arrives here
});

test("an answer of another shape loses its unknown figures and nothing else", () => {
  const { boxes, verdict } = look({
    ...healthy,
    ingest: { ...ingest, lag: "much", eventsPerSecond: "fast", surprise: 1 },
    serve: { nonsense: true },
  });
  expect(verdict.state).toBe("ok");
  expect(boxes.find(({ id }) => id === "events")).toMatchObject({ value: "–", state: "off" });
  expect(boxes.find(({ id }) => id === "files")).toMatchObject({ value: "8", detail: "985 rows" });
});

test("requests per second are the difference over the last looks, and a restart of serve starts anew", () => {
  const at = (ms: number, requests: number) =>
    flowOf(answers({ serve: { model: "1", requests, errors: 0 } }), now + ms);
  let memory = remember(nothingRemembered, at(0, 100));
  expect(requestsPerSecond(memory)).toBeNull();
  memory = remember(memory, at(2000, 130));
  expect(requestsPerSecond(memory)).toBe(15);
  expect(requestsPerSecond(remember(memory, at(3000, 1)))).toBeNull();
});

test("figures are written one way everywhere, and the unknown is a dash", () => {
  expect([0.4123, 1, 0, -0.012, null].map(ratio)).toEqual([".412", "1.000", ".000", "−.012", "–"]);
  expect([0.4, 94, 119.4, 720, 18_000, 400_000, null].map(duration)).toEqual([
    "0 s",
    "94 s",
    "119 s",
    "12 min",
    "5 h",
    "5 days",
    "–",
  ]);
  expect([0, 999.6, 1234, 12_345_678, null].map(count)).toEqual(["0", "1,000", "1,234", "12.3 M", "–"]);
  expect([0, 0.44, 9.97, 1238.4].map(rate)).toEqual(["0", "0.4", "10", "1,238"]);
  expect([412.34, 6.0521, 12_345].map(loss)).toEqual(["412.3", "6.052", "12,345"]);
});

test("a trainer that was killed elsewhere is missed for five minutes", () => {
  const at = (seconds: number, names: readonly string[]) => {
    const all = answers({ ...healthy, server: { ...server, trainers: names.map((name) => ({ name })) } });
    return { ...flowOf(all, now), now: now + seconds * second };
  };
  const both = remember(nothingRemembered, at(0, ["a", "b"]));
  const one = remember(both, at(1, ["a"]));
  const { problems, tiles } = healthOf(at(1, ["a"]), one);
  expect(problems.map(({ reason }) => reason)).toContain("1 of 2 trainers are connected to the server");
  expect(tiles.find(({ id }) => id === "trainers")).toMatchObject({
    value: "1",
    unit: "of 2 live",
    state: "amber",
    word: "partial",
  });
  const later = remember(one, at(302, ["a"]));
  expect(healthOf(at(302, ["a"]), later).problems.map(({ word }) => word)).not.toContain("partial");
});

test("batches a second are the contributions of the last seconds, and a server that began anew does not make them negative", () => {
  const at = (seconds: number, accepted: number) => ({
    ...flowOf(answers({ ...healthy, server: { ...server, contributions: { accepted } } }), now),
    now: now + seconds * second,
  });
  const memory = [at(0, 100), at(2, 180)].reduce(remember, nothingRemembered);
  expect(batchesPerSecond(memory)).toBe(40);
  expect(batchesPerSecond(remember(memory, at(3, 5)))).toBeNull();
});

test("regression: where there is a training run and nothing of the stream, status speaks of training and misses no ingest", () => {
  const run = { ...server, epochsWanted: 50, epochs: [{ validation: { "ndcg@100": 0.3456 } }] };
  const { verdict, problems } = look({ server: run, trainer: healthy.trainer });
  expect(problems).toEqual([]);
  expect(verdict).toEqual({
    state: "ok",
    word: "Training",
    headline: "A training run: epoch 12 of 50, loss 405.0, validation NDCG@100 .346, 1 trainer",
    hint: null,
  });
  expect(look({ trainer: healthy.trainer, server: undefined }, 5).verdict.headline).toBe("A training run starts");
  const waits = look({ server: { ...run, state: "waiting for trainers", trainers: [] } });
  expect(waits.problems.map(({ reason }) => reason)).toEqual(["Training is stalled: no trainer is connected"]);
  expect(look({ server, trainer: healthy.trainer }).problems.map(({ reason }) => reason)).toContain(
    "Ingest does not run",
  );
});

test("regression: of a training run neither tiles nor boxes speak of a stream, and they say how far its epoch is", () => {
  const epoch = { step: 30, steps: 80, loss: null, usersPerSecond: 812, secondsLeft: 65 };
  const run = { ...server, epochsWanted: 50, epochs: [], epoch };
  const { tiles, boxes, verdict } = look({ server: run, trainer: healthy.trainer });
  expect(tiles.map(({ title }) => title)).toEqual(["Epochs", "Trainers", "Loss", "NDCG@100"]);
  expect(tiles[0]).toMatchObject({
    value: "12",
    unit: "of 50",
    detail: "step 30 of 80, 812 users/s, 65 s left of it",
  });
  expect(boxes.map(({ title }) => title)).toEqual(["Batches", "Training", "Checkpoint"]);
  expect(verdict.headline).toContain("step 30 of 80 of the next, 65 s left of it");
  expect(look(healthy).tiles.map(({ title }) => title)).toContain("Lag");
});

test("a service that a full disk holds up is red, with why and what helps", () => {
  const why = "the model cannot be published: ENOSPC: no space left on device, write";
  const { problems } = look({ ...healthy, evaluator: { ...evaluator, heldUp: why } });
  expect(problems).toMatchObject([
    { box: "quality", level: "red", word: "waits", reason: `The evaluator waits: ${why}` },
  ]);
  const stalled = look({
    ...healthy,
    ingest: { ...ingest, state: "stalled", stalledBy: "disk", reason: "cannot write: ENOSPC" },
  });
  expect(stalled.problems[0]?.hint).toMatch("make room");
});

/** Every text that services make for people, in other words. */
function reworded(value: unknown, words: string, name = ""): unknown {
  if (typeof value === "string") return forEyes.has(name) ? words : value;
  if (Array.isArray(value)) return value.map((each) => reworded(each, words, name));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, reworded(each, words, key)]));
}
const forEyes = new Set(["reason", "hint", "heldUp", "lastError", "warnings", "name", "engine"]);

test("regression: no rule reads a text that was made for eyes: in other words the same problems are found", () => {
  const troubled = {
    replay: { produced: 5, heldUp: "the position cannot be written" },
    ingest: { ...ingest, state: "stalled", stalledBy: "disk", reason: "cannot write: ENOSPC", dead: 50 },
    server: {
      ...{ ...server, heldUp: "the checkpoint cannot be removed", hint: "no trainer connected" },
      checkpoint: { step: 480, round: 14, at: now - 900 * second, lastError: "ENOSPC" },
      trainers: [
        { name: "a", state: "suspect" },
        { name: "b", state: "clogged" },
      ],
    },
    evaluator: { ...evaluator, heldUp: "cannot publish", pinned: "v000007", evaluations: [refused, refused, refused] },
    serve: { ...serve, errors: 9 },
  };
  const found = (statuses: Statuses) =>
    problemsOf(flowOf(answers(statuses), now), nothingRemembered).map(({ code, level }) => [code, level]);
  const as = found(troubled);
  expect(as.map(([code]) => code)).toEqual([
    ...[
      "REPLAY_WAITS",
      "INGEST_STALLED",
      "INGEST_REJECTS",
      "TRAINER_SUSPECT",
      "TRAINER_CLOGGED",
      "SERVER_WAITS",
      "SERVER_NOT_SAVED",
    ],
    ...["EVALUATOR_WAITS", "EVALUATOR_REFUSED", "EVALUATOR_PINNED", "EVALUATOR_BEHIND", "SERVE_ERRORS"],
  ]);
  for (const words of ["cannot", "missing", "–", "0", "stalled"])
    expect(found(reworded(troubled, words) as Statuses)).toEqual(as);
});

test("what a stalled ingest waits for is a fact, and the advice follows it, whatever its sentence says", () => {
  const stalled = (stalledBy: string | null, reason: string) =>
    look({ ...healthy, ingest: { ...ingest, state: "stalled", stalledBy, reason } });
  expect(stalled("disk", "no room").verdict.hint).toMatch("make room");
  expect(stalled("kafka", "cannot reach it").verdict.hint).toMatch("tributary broker status");
  expect(stalled(null, "an older ingest").verdict.hint).toMatch("tributary broker status");
});
