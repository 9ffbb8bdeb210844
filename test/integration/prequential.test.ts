// The evaluator on a table that grows: arriving events are scored by the published model, marked ones timed to it, and
// nothing that claims to know the future is published.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { currentVersion } from "../../shared/checkpoints/pointer.ts";
import { batchOf } from "../../shared/events/batch.ts";
import type { Histories } from "../../shared/events/histories.ts";
import { partOf } from "../../shared/events/split.ts";
import type { PrequentialLine } from "../../shared/judging/point.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { openEvents, writeEvents } from "../../shared/table/events.ts";
import { eventually, popular, type Service, startService, writeCheckpoint, writeTable } from "./published.ts";

const dataDir = mkdtempSync(join(tmpdir(), "prequential-"));
const paths = pathsOf(dataDir);
let histories: Histories;
let evaluator: Service<"evaluator">;

beforeAll(async () => {
  histories = await writeTable(paths.table);
  evaluator = await startService("evaluator", dataDir);
  await writeCheckpoint(dataDir, 1, histories, popular(histories));
  await eventually(async () => (await evaluator.status()).published);
});
afterAll(async () => {
  await evaluator.process.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

/** The users come to an item each that they have not had yet, and 40 to one that nobody has met. */
async function commit(from: number, to: number): Promise<number> {
  const { items } = histories.vocabulary;
  const rows = histories.users.slice(from, to).flatMap((user, k) => {
    const had = new Set(histories.rowOf(histories.indexOf(user)!));
    const fresh = items.find((_, column) => !had.has(column));
    return [...(fresh === undefined ? [] : [{ user, item: fresh }]), ...(k < 40 ? [{ user, item: "unheard of" }] : [])];
  });
  return commitOf(rows);
}

async function commitOf(rows: readonly { user: string; item: string }[]): Promise<number> {
  const table = await openEvents(paths.table);
  const offset = 1e6 * (table.version + 2);
  const batch = batchOf(
    rows.map((row, k) => ({ ...row, timestamp: 0, value: null, partition: 0, offset: offset + k })),
  );
  const arrival = Date.now() - 2_000;
  return table.commit({ add: [await writeEvents(table.store, batch)], newestArrival: arrival, marks: [arrival] });
}

test("events that arrive are scored by the published model, beside popularity, and counted", async () => {
  const version = await commit(0, 100);
  const [line] = await eventually(async () => {
    const { prequential } = await evaluator.status();
    return prequential.length > 0 && prequential;
  });
  expect(line).toMatchObject({ model: "v000001", tableVersion: version });
  expect(line!.events).toBeGreaterThan(120);
  expect(line!.users).toBeGreaterThan(80);
  expect(line!.unknownItems).toBeCloseTo(40 / line!.events, 10);
  // The model is popularity, so both have the same figures, and those are not trivial.
  expect(line!.popularity).toEqual({ "recall@20": line!["recall@20"], "ndcg@100": line!["ndcg@100"] });
  expect(line!["recall@20"]).toBeGreaterThan(0.1);
  expect(line!["recall@20"]).toBeLessThan(1);
  const { block, ...told } = JSON.parse(readFileSync(paths.prequential, "utf8")) as PrequentialLine;
  expect(told).toEqual(line);
  expect(block).toMatchObject({ events: line!.events, lead: line!.lead }); // of the first line it is all of it
  const metrics = await (await fetch(`${evaluator.url}/metrics`)).text();
  expect(metrics).toMatch(new RegExp(`tributary_prequential_events_total{outcome="scored",.*} ${line!.events}\\b`));
  expect(metrics).toMatch(/tributary_prequential_ratio{metric="recall@20",model="model",.*} 0\.\d/);
});

test("a checkpoint that claims to have learned from versions that are still to come is refused", async () => {
  await writeCheckpoint(dataDir, 2, histories, popular(histories), { tableVersion: 99 });
  const refused = await eventually(async () => (await evaluator.status()).evaluations.find(({ step }) => step === 2));
  expect(refused).toMatchObject({ outcome: "refused", model: null });
  expect(refused.reason).toBe("it claims to have learned from version 99 of a table that ends at 1");
  expect(await currentVersion(paths.models)).toBe("v000001");
});

test("a model that is good enough for those held out and worse for what arrives is refused, and says so", async () => {
  const rare = 12;
  const { items } = histories.vocabulary;
  const late = histories.users.filter(
    (user, k) => partOf(user, "pepper") === "train" && !histories.rowOf(k).includes(rare),
  );
  await commitOf(late.map((user) => ({ user, item: items[rare]! })));
  await eventually(async () => (await evaluator.status()).version === 2);
  await writeCheckpoint(dataDir, 3, histories, (weights) => {
    weights["decoder.weight"]!.data.fill(0);
    const bias = weights["decoder.bias"]!.data.fill(0);
    histories.users.forEach((user, k) => {
      if (partOf(user, "pepper") === "validation") for (const column of histories.rowOf(k)) bias[column]!++;
    });
    bias[rare] = -1;
  });
  const refused = await eventually(async () => (await evaluator.status()).evaluations.find(({ step }) => step === 3));
  expect(refused).toMatchObject({ outcome: "refused" });
  expect(refused.model!["ndcg@100"]).toBeGreaterThan(refused.popularity!["ndcg@100"]);
  expect(refused.reason).toMatch(
    /^on the prequential window its NDCG@100 is \.?\d.* below that of v000001 \(2\d\d users\)/,
  );
});

test("a marked event is timed to the model that covers it", async () => {
  expect((await evaluator.status()).freshness).toEqual({ p50: null, p95: null, max: null, events: 0 });
  await writeCheckpoint(dataDir, 4, histories, popular(histories), { tableVersion: 1 });
  await eventually(async () => (await evaluator.status()).published?.version === "v000002");
  const { freshness } = await evaluator.status();
  expect(freshness.events).toBe(1); // the other one came in version 2
  expect(freshness.p50).toBeGreaterThanOrEqual(2);
  expect(freshness.p95).toBe(freshness.p50);
});
