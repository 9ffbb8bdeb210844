// Marked events on their way: marked by ingest's buffer, kept by the log, told by a follower, timed by whoever they
// reach.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fallingOf, tellAge } from "../../services/evaluator/telling.ts";
import { RowBuffer } from "../../services/ingest/buffer.ts";
import { openFreshness } from "../../shared/health/status/freshness.ts";
import { latencyLine } from "../../shared/health/views/latency.ts";
import { mixInShort, mixLine } from "../../shared/health/views/mix.ts";
import { prequentialLine, rankersOf, referenceLines } from "../../shared/health/views/prequential.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";
import { openEvents } from "../../shared/table/events.ts";
import { followTable } from "../../shared/table/follow.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tributary-freshness-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test("the first event of a commit is marked, and then one a second of the stream", () => {
  const buffer = new RowBuffer();
  for (const arrivedAt of [5000, 5001, 5999, 6000, 4000, 6500, 7200]) buffer.mark(arrivedAt);
  expect(buffer.marks).toEqual([5000, 6000, 7200]);
  buffer.clear();
  expect(buffer.marks).toEqual([]);
  buffer.mark(7300);
  expect(buffer.marks).toEqual([7300]);
});

test("an arrival that is no time marks nothing, and a backlog of a day no more than 64 events", () => {
  const buffer = new RowBuffer();
  buffer.mark(Number.NaN);
  expect(buffer.marks).toEqual([]);
  for (let second = 0; second < 86_400; second++) buffer.mark(1000 * second);
  expect(buffer.marks).toHaveLength(64);
});

test("a follower tells the marks of what it takes in, each once, and those of a table read anew never", async () => {
  const table = await openEvents(dir);
  await table.commit({ newestArrival: 1000, marks: [1000] });
  const follower = followTable(dir, { append: () => undefined, clear: () => undefined });
  expect((await follower.catchUp()).marks).toEqual([]);
  await table.commit({ newestArrival: 2000, marks: [1500, 2000] });
  await table.commit({ newestArrival: 3000 });
  await table.commit({ newestArrival: 4000, marks: [3500] });
  expect((await follower.catchUp(2)).marks).toEqual([
    { arrival: 1500, version: 1 },
    { arrival: 2000, version: 1 },
  ]);
  expect((await follower.catchUp()).marks).toEqual([{ arrival: 3500, version: 3 }]);
  expect((await follower.catchUp()).marks).toEqual([]);
});

test("a stage tells the median and the 95th percentile of the newest marks, and counts all in the histogram", async () => {
  const metrics = createMetrics("test");
  const freshness = openFreshness(metrics, "published", () => 200_000);
  expect(freshness.latency()).toEqual({ p50: null, p95: null, max: null, events: 0 });
  freshness.reached(Array.from({ length: 100 }, (_, k) => 200_000 - 1000 * (k + 1)));
  expect(freshness.latency()).toEqual({ p50: 50, p95: 95, max: 100, events: 100 });
  const text = await metrics.text();
  expect(text).toMatch(/tributary_freshness_seconds_bucket\{le="60",service="test",stage="published"\} 60/);
  expect(text).toMatch(/tributary_freshness_seconds_count\{service="test",stage="published"\} 100/);
  freshness.reached(new Array(600).fill(201_000)); // a clock that is a little ahead is no negative time
  expect(freshness.latency()).toEqual({ p50: 0, p95: 0, max: 0, events: 700 });
});

test("people are told how the model does on what arrives", () => {
  const popularity = { "recall@20": 0.0764, "ndcg@100": null };
  const point = {
    at: 0,
    model: "v000041",
    events: 5000,
    users: 1366,
    "recall@20": 0.1856,
    "ndcg@100": 0.12,
    popularity,
  };
  expect(prequentialLine(point)).toBe(
    "what arrives: recall@20 .186 (popularity .076) · NDCG@100 .120 (popularity –) · 5,000 arrivals of 1,366 users",
  );
  expect(referenceLines(point)).toEqual([]);
});

test("people are told what the model is set beside, and by how much it leads or trails", () => {
  const pair = (recall: number) => ({ "recall@20": recall, "ndcg@100": recall / 2 });
  const lead = (ndcg: number) => ({ ...pair(0), "ndcg@100": ndcg, "recall@20:se": 0, "ndcg@100:se": 0.0191 });
  const point = {
    ...{ at: 0, model: "v1", events: 9, users: 3, ...pair(0.5), popularity: pair(0.1) },
    ...{ popularNow: pair(0.6), popularThen: pair(0.4), coVisits: pair(0.7), coVisitsThen: pair(0.3) },
    lead: { popularNow: lead(-0.1), popularThen: lead(0.05) },
    over: { popularNow: "the last 2,000 events", popularThen: "all events" },
    behind: 25_003,
  };
  expect(referenceLines(point)).toEqual([
    "popular now: recall@20 .600, then .400 · NDCG@100 .300, then .200 · over the last 2,000 events",
    "co-visits: recall@20 .700, then .300 · NDCG@100 .350, then .150 · then: as the model knew them, 25,003 events ago",
    "the model's NDCG@100 is .100 ± .019 below popular now, .050 ± .019 above popular then",
  ]);
});

test("people are told what is laid over the model, why and since when, and where nothing is", () => {
  const weights = { model: 0.8123, hot: [0.1, 0.25, 0], follows: 0.4 };
  const since = 1_000;
  expect(mixLine(null, 61_000)).toBeUndefined();
  expect(mixLine({ weights, why: "it helps", since }, 61_000)).toBe(
    "laid over the model: popular now .350 (in counts that halve every so many first meetings: 300 .100, 1,000 .250, " +
      "5,000 .000) · co-visits .400 · its own scores .812, for 60 s: it helps",
  );
  expect(mixLine({ weights: null, why: "it did not help", since }, 61_000)).toBe(
    "laid over the model: nothing, for 60 s: it did not help",
  );
  expect(mixLine({ weights: null, why: null, since: null }, 61_000)).toBe("laid over the model: nothing");
  expect([mixInShort(weights), mixInShort(null)]).toEqual(["popular now .350, co-visits .400", "–"]);
});

test("who ranks what arrives is told with what each is worth, as far as it was measured", () => {
  const pair = (recall: number) => ({ "recall@20": recall, "ndcg@100": recall / 2 });
  const point = { at: 0, model: "v1", events: 9, users: 3, ...pair(0.5), popularity: pair(0.1), alone: pair(0.2) };
  expect(rankersOf(null)).toEqual([]);
  expect(rankersOf(point)).toEqual([
    { title: "Served", value: "recall@20 .500 · NDCG@100 .250" },
    { title: "Model alone", value: "recall@20 .200 · NDCG@100 .100" },
    { title: "Popular since ever", value: "recall@20 .100 · NDCG@100 .050" },
  ]);
});

test("people are told of each stage that is known", () => {
  const none = { answer: null, table: null, gradient: null, published: null };
  expect(latencyLine(none)).toBeUndefined();
  expect(
    latencyLine({
      ...none,
      table: { p50: 1.62, p95: 3.2, max: 4, events: 9 },
      published: { p50: 8.5, p95: 14, max: 20, events: 9 },
    }),
  ).toBe("event to table 1.6 s (p95 3.2 s) · to published model 8.5 s (p95 14.0 s)");
});

test("the published model's age counts from the newest event that it covers, and is 0 once it covers the table", async () => {
  const metrics = createMetrics("evaluator");
  const published = { version: "v1", at: 9_000, round: 1, step: 1, watermark: 5_000, metrics: null, popularity: null };
  tellAge(null, 9_000, 20_000, metrics);
  expect((await metrics.text()).includes("tributary_model_age_seconds")).toBe(false);
  const age = async (newest: number | null) => {
    tellAge(published, newest, 20_000, metrics);
    return (await metrics.gauge("tributary_model_age_seconds").get()).values[0]!.value;
  };
  expect(await age(5_001)).toBe(15);
  expect(await age(5_000)).toBe(0);
  expect(await age(null)).toBe(15);
});

test("an evaluation that fell below the one before counts until one does not fall, whatever could not be judged between them", () => {
  const judged = (...values: (number | null)[]) =>
    values.map((value) => ({
      model: value === null ? null : { "ndcg@100": value, "ndcg@100:se": 0.01, "recall@20": 0.1, "recall@50": 0.2 },
    }));
  expect(fallingOf([])).toBe(0);
  expect(fallingOf(judged(0.3))).toBe(0);
  expect(fallingOf(judged(0.3, 0.2, 0.1))).toBe(2);
  expect(fallingOf(judged(0.3, null, 0.2, null, 0.1))).toBe(2);
  expect(fallingOf(judged(0.3, 0.1, 0.2, 0.1))).toBe(1);
  expect(fallingOf(judged(0.3, 0.2, 0.2))).toBe(0);
});
