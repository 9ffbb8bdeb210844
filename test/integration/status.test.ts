// `tributary status` against services with recorded answers: the same as on the page, as text and as JSON.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { healthy, serveRecorded } from "../e2e/recorded.ts";

const dataDir = mkdtempSync(join(tmpdir(), "tributary-status-"));
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

const status = (...flags: string[]) =>
  promisify(execFile)(process.execPath, ["infra/tributary.mjs", "status", "--data-dir", dataDir, ...flags]);

test("where nothing runs it says so and ends with 0", async () => {
  expect((await status()).stdout).toBe(`nothing runs in ${dataDir}\n`);
  expect(JSON.parse((await status("--json")).stdout)).toMatchObject({ verdict: { state: "empty" }, services: [] });
});

test("it shows the verdict, what runs, how far and how fresh", async () => {
  const { replay, ...recorded } = healthy(Date.now());
  const services = await Promise.all(
    Object.entries(recorded).map(([name, answer]) => serveRecorded(pathsOf(dataDir).run, name, answer)),
  );
  const text = (await status()).stdout;
  expect(text).toMatch(
    /^✓ Healthy\. Training: round 42, model is \d+ s behind the events, NDCG@100 \.412 \(popularity \.211\)\n/,
  );
  expect(text).toMatch(/^ {2}Batches +[\d,]+ computed +2 trainers$/m);
  expect(text).toMatch(/^ {2}Training +852 steps\/min +step 11,940$/m);
  expect(text).toMatch(/^ {2}ingest +consuming +10 min +process \d+ +http:/m);
  expect(text).toMatch(/^ {2}0 +260,775 +130 +1 s +260,575 +78 +0$/m);
  expect(text).toMatch(
    /^ {2}168 flushes \(age 164, rows 4\) · last file 6,210 rows, .* unknown fields: session 1,204$/m,
  );
  expect(text).toMatch(/^ {2}step 11,940, encoder · parts 1 open, 2 leased, 1 done · .* · checkpoint \d+ s old$/m);
  expect(text).toMatch(
    /^ {2}trainer-2 +computing +tensorflow, 1 thread, shared memory +5,970 +118 ms +11 ms +4 ms +103 ms +8 ms +6 ms +0 \/ 0 /m,
  );
  const health = JSON.parse((await status("--json")).stdout) as {
    freshness: number;
    ingest: object;
    training: object;
    services: { service: string }[];
  };
  expect(health.ingest).toMatchObject({
    partitions: [{ lag: 130 }, {}, {}, {}],
    flushes: { age: 164 },
    unknownFields: { session: 1204 },
  });
  expect(health.training).toMatchObject({
    deadlineMs: 2100,
    trainers: [{ partMs: 118, isSlow: false, seconds: { compute: 612 } }, {}],
  });
  expect(health.freshness).toBeGreaterThan(9);
  expect(health.services.map(({ service }) => service)).toEqual(Object.keys(recorded));
  for (const service of services) await service.close();
});

test("--watch tells one picture after another until it is asked to stop, then ends with 0", async () => {
  const empty = join(dataDir, "empty");
  const child = spawn(process.execPath, ["infra/tributary.mjs", "status", "--data-dir", empty, "--watch"]);
  let told = "";
  child.stdout.on("data", (chunk) => {
    told += chunk;
    if (told.split("nothing runs in").length > 2) child.kill("SIGINT");
  });
  expect(await once(child, "exit")).toEqual([0, null]);
  expect(told).toBe(`nothing runs in ${empty}\n`.repeat(2));
});
