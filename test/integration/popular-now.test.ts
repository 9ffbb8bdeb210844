// The evaluator on a table whose users turn to one item: a model that does not know is below popular now and is held
// back, unless that is allowed; the windows outlast a restart; and what is hot is laid over a model that it helps.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readManifest } from "../../shared/checkpoints/manifest.ts";
import { currentVersion } from "../../shared/checkpoints/pointer.ts";
import { batchOf } from "../../shared/events/batch.ts";
import type { Histories } from "../../shared/events/histories.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { openEvents, writeEvents } from "../../shared/table/events.ts";
import { eventually, popular, type Service, startService, writeCheckpoint, writeTable } from "./published.ts";

const dataDir = mkdtempSync(join(tmpdir(), "popular-now-"));
const paths = pathsOf(dataDir);
/** Column of an item that few have had. */
const HOT = 39;
let histories: Histories;
let evaluator: Service<"evaluator">;

beforeAll(async () => {
  histories = await writeTable(paths.table);
  evaluator = await startService("evaluator", dataDir, ["--prequential-seconds", "0"]);
  await writeCheckpoint(dataDir, 1, histories, knowsNothing);
  await eventually(async () => (await evaluator.status()).published);
});
afterAll(async () => {
  await evaluator.process.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

/** Popularity of before, without the item that they turn to. */
function knowsNothing(weights: Parameters<ReturnType<typeof popular>>[0]): void {
  popular(histories)(weights);
  weights["decoder.bias"]!.data[histories.vocabulary.column(`i${HOT}`)!] = -1;
}

/** These training users, who had it not yet, come to the item: those held out do not change. Returns the version. */
async function turn(from: number, to: number, item = HOT): Promise<number> {
  const table = await openEvents(paths.table);
  const offset = 1e6 * (table.version + 2);
  const column = histories.vocabulary.column(`i${item}`)!;
  const others = histories.users.filter(
    (_, k) => histories.partOf(k) === "train" && !histories.rowOf(k).includes(column),
  );
  const rows = others.slice(from, to).map((user, k) => ({
    ...{ user, item: `i${item}`, timestamp: 0, value: null, partition: 0, offset: offset + k },
  }));
  const add = [await writeEvents(table.store, batchOf(rows))];
  const version = await table.commit({ add, newestArrival: Date.now() });
  await eventually(async () => (await evaluator.status()).version === version);
  return version;
}

const verdict = (step: number) =>
  eventually(async () => (await evaluator.status()).evaluations.find((line) => line.step === step));

test("a model below popular now is held back, and the line says by how much, over which window and what to do", async () => {
  const learned = await turn(0, 70);
  await turn(70, 140);
  await writeCheckpoint(dataDir, 2, histories, knowsNothing, { tableVersion: learned });
  const { outcome, reason, warning, overPopularNow } = await verdict(2);
  expect(outcome).toBe("refused");
  expect(reason).toMatch(
    /^on what arrived since it was pinned its NDCG@100 is 0\.\d{4} ± 0\.\d{4} below popular now, what most users met in (the last [\d,]+|all) events before \(\d+ users\); --allow-below-popular-now publishes it all the same$/,
  );
  expect(warning).toBe(reason);
  expect(overPopularNow!.users).toBe(70);
  expect(overPopularNow!["ndcg@100"]).toBeLessThan(-0.1);
  expect(await currentVersion(paths.models)).toBe("v000001");
});

test("the curve, the figures of /status and those of /metrics stand beside the references", async () => {
  const point = (await evaluator.status()).prequential.at(-1)!;
  // Of the second seventy: by then the item is hot. The published model was pinned before anybody turned to it.
  expect(point.popularNow!["recall@20"]).toBeGreaterThan(point.popularThen!["recall@20"]);
  expect(point.lead!.popularNow["recall@20"]).toBeLessThan(-0.3);
  expect(point.behind).toBe(140);
  const metrics = await (await fetch(`${evaluator.url}/metrics`)).text();
  for (const model of ["popular-now", "popular-then", "co-visits", "co-visits-then"])
    expect(metrics).toMatch(new RegExp(`tributary_prequential_ratio{metric="ndcg@100",model="${model}",.*} 0`));
  expect(metrics).toMatch(/tributary_prequential_lead_ratio{metric="recall@20",model="popular-now",.*} -0\.\d/);
  expect(metrics).toMatch(/tributary_prequential_lead_error_ratio{metric="recall@20",model="popular-now",.*} 0\.\d/);
});

test("told to publish what is below popular now, it does, and says what is against it; the windows have outlasted the restart", async () => {
  await evaluator.process.stop();
  const flags = ["--prequential-seconds", "0", "--allow-below-popular-now"];
  evaluator = await startService("evaluator", dataDir, flags);
  const learned = (await eventually(async () => (await evaluator.status()).version))!;
  const before = (await evaluator.status()).prequential.length;
  await turn(140, 210);
  const points = await eventually(async () => {
    const { prequential } = await evaluator.status();
    return prequential.length > before && prequential;
  });
  expect(points.at(-1)!.popularNow!["recall@20"]).toBe(1); // though this process has seen nobody turn before
  await writeCheckpoint(dataDir, 3, histories, knowsNothing, { tableVersion: learned });
  const { outcome, reason, warning } = await verdict(3);
  expect([outcome, reason]).toEqual(["published", null]);
  expect(warning).toMatch(/below popular now, .*; published since that is allowed$/);
  expect(await currentVersion(paths.models)).toBe("v000002");
});

test("a stream that turns to an item ends in a published model with what is hot laid over it, and everybody is told", async () => {
  const learned = (await eventually(async () => (await evaluator.status()).version))!;
  for (const k of [0, 1, 2, 3]) await turn(50 * k, 50 * (k + 1), 38);
  await writeCheckpoint(dataDir, 4, histories, knowsNothing, { tableVersion: learned });
  const { outcome, version, mix, took } = await verdict(4);
  expect([outcome, version]).toEqual(["published", "v000003"]);
  expect(mix!.why).toMatch(/^it helps.* NDCG@100 of \d+ arrivals \+0\.\d{4} ± 0\.\d{4}/);
  expect(Math.max(...mix!.weights!.hot)).toBeGreaterThan(0);
  expect((await readManifest(join(paths.models, "v000003"))).trends).toEqual(mix!.weights);
  const { published } = await eventually(async () => {
    const status = await evaluator.status();
    return status.published?.version === "v000003" && status;
  });
  expect(published!.mix).toEqual({ ...mix, since: expect.closeTo(Date.now(), -5) });
  expect(Object.keys(took!)).toEqual(["opening", "arrivals", "mix", "beside", "heldOut", "publishing"]);
  const metrics = await (await fetch(`${evaluator.url}/metrics`)).text();
  expect(metrics).toContain(`tributary_mix_weight{part="follows",service="evaluator"} ${mix!.weights!.follows}`);
  expect(metrics).toMatch(/tributary_mix_since_seconds{.*} 1/);
});
