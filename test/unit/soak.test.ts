// The soak's plan and its judge, which must be able to fail: growing memory, a missing row, a wrong answer, an end that
// nobody asked for.
import { expect, test } from "vitest";
import { malformed, unlike, wishOf } from "../soak/answers.ts";
import { type Evidence, holds, judge, type Rows } from "../soak/judge.ts";
import { planOf, targets } from "../soak/plan.ts";
import { reportOf } from "../soak/report.ts";
import { riseOf, slopeOf } from "../soak/slope.ts";
import { nameOf, type Sample, type Seen } from "../soak/tree.ts";

const quiet = { began: 600, from: 1200, to: 1680 };

/** Every service, sampled each 5 s, as `shape` has it. */
function samplesOf(shape: (at: number, process: Seen) => Partial<Seen> | undefined): Sample[] {
  return Array.from({ length: 337 }, (_, k) => {
    const at = 5 * k;
    const processes = [...targets, "trainer"].flatMap((name, pid) => {
      const calm = { pid, name, rss: 300 + 12 * ((k * 7) % 5), anonymous: 200, descriptors: 20, threads: 11 };
      const changed = shape(at, calm);
      return changed === undefined ? [] : [{ ...calm, ...changed }];
    });
    return { at, processes };
  });
}

const rows: Rows = {
  ...{ produced: 1000, rows: 980, dead: 15, filtered: 5, problems: [] },
  ...{ own: { sent: 90, lost: [] }, ownBad: { sent: 4, found: 4 } },
};
const answers = { right: 900, wrong: [], unchecked: 2, versions: 30, none: { ECONNREFUSED: 12 }, noneInQuiet: 0 };

const calm: Evidence = {
  ...{ quiet, samples: samplesOf(() => ({})), rows, answers, failures: [], left: [], skipped: {} },
  ...{ logs: [{ name: "logs/ingest.log", before: 0.2, after: 0.3 }], registrations: 9 },
};
const failing = (evidence: Partial<Evidence>) =>
  judge({ ...calm, ...evidence })
    .filter((each) => each.holds === false)
    .map(({ name, told }) => `${name}: ${told}`);

test("a calm soak passes, its sawtooth of collections included", () => {
  expect(failing({})).toEqual([]);
  expect(holds(judge(calm))).toBe(true);
});

test.each([
  [
    "memory that grows",
    { samples: samplesOf((at, { rss, name }) => ({ rss: rss + (name === "trainer" ? at / 40 : 0) })) },
    "memory",
  ],
  [
    "a descriptor a minute",
    { samples: samplesOf((at, { name }) => (name === "serve" ? { descriptors: 20 + Math.floor(at / 60) } : {})) },
    "descriptors",
  ],
  [
    "threads that pile up",
    { samples: samplesOf((at, { name }) => (name === "ingest" ? { threads: 11 + Math.floor(at / 100) } : {})) },
    "threads",
  ],
  [
    "a service that is started again",
    { samples: samplesOf((at, { name }) => (name === "server" && at > 900 ? { pid: 99 } : {})) },
    "in the quiet part",
  ],
  [
    "a service that stays away",
    { samples: samplesOf((at, { name }) => (name === "broker" && at > 900 ? undefined : {})) },
    "in the quiet part",
  ],
  [
    "a trainer that stays away",
    { samples: samplesOf((_, { pid }) => (pid === 9 ? undefined : {})), registrations: 8 },
    "in the quiet part",
  ],
  ["a missing row", { rows: { ...rows, rows: 979 } }, "no row is lost"],
  ["an own event in no row", { rows: { ...rows, own: { sent: 90, lost: [17] } } }, "no row is lost"],
  ["a malformed one that is no dead letter", { rows: { ...rows, ownBad: { sent: 4, found: 3 } } }, "no row is lost"],
  ["what verify finds", { rows: { ...rows, problems: ["verify: partition 0: 1 missing"] } }, "no row is lost"],
  ["a stream that cannot be read to its end", { rows: "the stream could not be read" }, "no row is lost"],
  ["a wrong answer", { answers: { ...answers, wrong: ["v1: an item twice"] } }, "no wrong answer"],
  ["no answer at all", { answers: { ...answers, right: 0, unchecked: 0 } }, "no wrong answer"],
  ["answers of versions that were never seen", { answers: { ...answers, unchecked: 300 } }, "every answer's version"],
  ["silence in the quiet part", { answers: { ...answers, noneInQuiet: 1 } }, "in the quiet part"],
  ["an `up` that ends", { failures: ["at 40 s `up` ended by itself (1)"] }, "`up` goes on"],
  ["a process that is left", { left: ["process trainer (7)"] }, "nothing is left behind"],
  ["a log without bound", { logs: [{ name: "logs/serve.log", before: 1, after: 4 }] }, "logs and registrations"],
  ["registrations of the dead", { registrations: 10 }, "logs and registrations"],
])("%s fails it, and nothing else does", (_, evidence, verdict) => {
  const found = failing(evidence);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(new RegExp(`^${verdict}`));
});

test("memory is not judged while caches fill, and what was skipped is told; neither fails", () => {
  const verdicts = judge({ ...calm, quiet: { ...quiet, began: 900 }, skipped: { "full disk": "it takes root" } });
  expect(verdicts.filter((each) => each.holds === undefined).map(({ name }) => name)).toEqual(["memory", "full disk"]);
  expect(holds(verdicts)).toBe(true);
});

test("the slope of a line with a sawtooth and wild samples is the line's", () => {
  const points = Array.from({ length: 100 }, (_, k) => ({
    at: 5 * k,
    value: 100 + 0.01 * 5 * k + (k % 4) + (k % 17 === 0 ? 200 : 0),
  }));
  expect(slopeOf(points)).toBeCloseTo(0.01, 3);
  expect(slopeOf([])).toBe(0);
  expect(riseOf([3, 3, 9, 3, 4, 4, 5, 5])).toBe(2);
});

test("a plan is its seed's, strikes everything in every way, and leaves time to stand up again", () => {
  const plan = planOf(1800, 7);
  expect(planOf(1800, 7)).toEqual(plan);
  expect(planOf(1800, 8)).not.toEqual(plan);
  const { chaos, disk, clock, quiet } = plan;
  expect(chaos.seconds + disk.seconds + clock.seconds + quiet.seconds).toBe(1800);
  expect(quiet.warm).toBeGreaterThanOrEqual(600);
  const kinds = new Set(chaos.blows.map(({ target, how }) => `${target} ${how}`));
  expect(kinds.size).toBe(3 * targets.length);
  for (const { at, held } of chaos.blows) expect(at + held).toBeLessThan(chaos.seconds);
  for (const { at } of disk.blows) expect(at > disk.full[0] && at < disk.full[1]).toBe(true);
  expect(clock.steps.at(-1)!.offset).toBe(0);
});

test("an answer must be of the asked length, in order, without the history, and what the version's files say", () => {
  const wish = { items: ["i1"], k: 2 };
  const right = {
    model: "v1",
    items: [
      { item: "i2", score: 2 },
      { item: "i3", score: 1 },
    ],
  };
  const other = (...items: [string, number][]) => ({
    model: "v1",
    items: items.map(([item, score]) => ({ item, score })),
  });
  expect(malformed(right, wish)).toBeUndefined();
  expect(unlike(right, right)).toBeUndefined();
  expect(unlike(other(["i2", 2.0001], ["i4", 0.9999]), right)).toBeUndefined(); // as good as the last one listed
  for (const bad of [
    other(["i2", 2]),
    other(["i2", 2], ["i2", 2]),
    other(["i2", 2], ["i1", 1]),
    other(["i2", 1], ["i3", 2]),
  ])
    expect(malformed(bad, wish)).toBeTypeOf("string");
  for (const bad of [
    other(["i2", 2], ["i3", 1.1]),
    other(["i9", 2], ["i3", 1]),
    { ...right, fallback: "popular" as const },
  ])
    expect(unlike(bad, right)).toBeTypeOf("string");
  for (let n = 0; n < 48; n++) expect(new Set(wishOf(n).items).size).toBe(wishOf(n).items.length);
});

test("processes are named by their command", () => {
  expect(nameOf(["/usr/bin/node", "--flag", "/x/infra/tributary.mjs", "trainer", "--data-dir", "d"])).toBe("trainer");
  expect(nameOf(["java", "-Xmx384m", "kafka.Kafka", "server.properties"])).toBe("broker");
  expect(nameOf(["/bin/sh", "-c", "x"])).toBe("sh");
});

test("the report shows every verdict, and that one failed", () => {
  const evidence = { ...calm, failures: ["`up` ended | by itself"] };
  const told = { seconds: 1800, seed: 7, rate: 1000, startedAt: "2026-01-01", machine: "2 cores", marks: [] };
  const text = reportOf({ ...told, evidence, verdicts: judge(evidence) });
  expect(text).toContain("# Soak: FAILED");
  expect(text).toContain("| ✗ | `up` goes on through every fault | `up` ended \\| by itself |");
  expect(text).toContain("| trainer 3 |");
});
