// The trainers of a run as the page and `status` show them: who is slow, where the time goes, and what an older server
// leaves out.
import { expect, test } from "vitest";
import { type Training, trainingOf } from "../../shared/health/facts/training.ts";
import { readingOf } from "../../shared/health/status/readings.ts";
import { entriesOf, rowOf } from "../../shared/health/views/trainers.ts";
import { trainingLines } from "../../shared/health/views/training-lines.ts";

const now = 1_700_000_000_000;
const trainer = (name: string, more: object = {}) => ({
  id: name,
  name,
  engine: "tensorflow",
  threads: 1,
  tensorsBy: "memory",
  lastSeenAt: now - 2000,
  state: "computing",
  parts: 100,
  late: 0,
  duplicate: 0,
  partMs: 200,
  seconds: { data: 1, compute: 15, push: 2, wait: 1, pull: 1 },
  ...more,
});
const status = {
  listen: "ws://10.0.0.1:7070",
  state: "training",
  step: 480,
  phase: "decoder",
  parts: { total: 4, leased: 2, done: 1 },
  deadlineMs: 2100,
  contributions: { accepted: 900, late: 3, duplicate: 1, expired: 2, unasked: 0, notFinite: 0, rejected: 5 },
  bytes: { sent: 9e8, received: 6e8 },
  bytesPerStep: { sent: 2_412_000, received: 81_000 },
  checkpoint: { step: 470, round: 12, at: now - 9000 },
};
const training = (more: object): Training => trainingOf(readingOf("server", { ...status, ...more })!, now);
const slow = (times: readonly (number | null)[]) =>
  training({ trainers: times.map((partMs, k) => trainer(`t${k}`, { partMs })) }).trainers.map(({ isSlow }) => isSlow);

test("a trainer is slow where its parts take more than 1.5 times the median, of two the faster one's", () => {
  expect(slow([100, 100, 150, 151])).toEqual([false, false, false, true]);
  expect(slow([100, 160])).toEqual([false, true]);
  expect(slow([160, null])).toEqual([false, false]);
  expect(slow([])).toEqual([]);
});

test("the time of a part is split as the trainer spent it, per part", () => {
  const { split, partTime, engine, seen } = rowOf(training({ trainers: [trainer("a")] }).trainers[0]!, now);
  expect(split.map(({ activity, share, time }) => [activity, share, time])).toEqual([
    ["pull", 0.05, "10 ms"],
    ["data", 0.05, "10 ms"],
    ["compute", 0.75, "150 ms"],
    ["push", 0.1, "20 ms"],
    ["wait", 0.05, "10 ms"],
  ]);
  expect([partTime, engine, seen]).toEqual(["200 ms", "tensorflow, 1 thread, shared memory", "2 s ago"]);
});

test("a trainer's device stands beside its engine, and one that does not tell it has none", () => {
  const rows = [{ device: "GPU 0: NVIDIA H200" }, { device: "CPU" }, { device: null }, {}];
  const { trainers } = training({ trainers: rows.map((more, k) => trainer(`t${k}`, more)) });
  expect(trainers.map((each) => rowOf(each, now).engine)).toEqual([
    "tensorflow on GPU 0: NVIDIA H200, 1 thread, shared memory",
    "tensorflow on CPU, 1 thread, shared memory",
    "tensorflow, 1 thread, shared memory",
    "tensorflow, 1 thread, shared memory",
  ]);
});

test("a server that tells less than this has dashes, and no trainer is slow", () => {
  const { trainers, ...old } = training({
    trainers: [{ name: "a", engine: "wasm", lastSeenAt: now }],
    ...{
      parts: undefined,
      phase: undefined,
      deadlineMs: undefined,
      contributions: undefined,
      bytesPerStep: undefined,
      checkpoint: null,
    },
  });
  expect(rowOf(trainers[0]!, now)).toMatchObject({
    word: "–",
    state: "off",
    partTime: "–",
    split: [],
    late: "– / –",
    engine: "wasm",
  });
  expect(entriesOf({ ...old, trainers }).map(({ value }) => value)).toEqual(["480", "–", "–", "–", "–", "none yet"]);
});

test("status writes a line of the open step and one for each trainer, the slow ones marked", () => {
  const trainers = [
    trainer("host/1"),
    trainer("host/22", { state: "suspect", partMs: 1500, late: 2, duplicate: 1, seconds: null }),
  ];
  expect(trainingLines(training({ trainers }), now)).toEqual([
    "  step 480, decoder · parts 1 open, 2 leased, 1 done · deadline of a part 2.1 s · sent and received a step " +
      "2.4 MB, 81.0 kB · contributions 3 late, 1 duplicate, 5 rejected · checkpoint 9 s old",
    "  trainer  state      engine                               parts    part   pull   data  compute   push   wait " +
      " late / duplicate     seen",
    "  host/1   computing  tensorflow, 1 thread, shared memory    100  200 ms  10 ms  10 ms   150 ms  20 ms  10 ms " +
      "            0 / 0  2 s ago",
    "  host/22  suspect    tensorflow, 1 thread, shared memory    100   1.5 s      –      –        –      –      – " +
      "            2 / 1  2 s ago  ! slow",
  ]);
});

test("of many trainers sixteen are shown, and of none what starts one", () => {
  const lines = trainingLines(training({ trainers: Array.from({ length: 20 }, (_, k) => trainer(`t${k}`)) }), now);
  expect(lines).toHaveLength(1 + 1 + 16 + 1);
  expect(lines.at(-1)).toBe("  ... and 4 more");
  expect(trainingLines(training({ trainers: [] }), now).at(-1)).toBe(
    "  no trainer is connected: start one with `tributary trainer --server ws://10.0.0.1:7070`",
  );
});

test("a trainer's name cannot steer a terminal, nor fill it", () => {
  const { name } = rowOf(training({ trainers: [trainer(`\u001b[2J${"x".repeat(500)}`)] }).trainers[0]!, now);
  expect(name).toMatch(/^\\u\{1b\}\[2Jx+…$/);
  expect(name.length).toBeLessThan(70);
});
