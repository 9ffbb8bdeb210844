// `bench pipeline` at a small size: every stage from Kafka to answers is measured, by the processes that users start.
import { afterAll, expect, test } from "vitest";
import { killAll, start } from "./processes.ts";

afterAll(killAll);

test("bench pipeline tells each stage's time, memory and disk, from Kafka to answers, beside what it may take", {
  timeout: 170_000,
}, async () => {
  const args = ["bench", "pipeline", "--preset", "ml20m", "--events", "40000", "--trainers", "1", "--json"];
  const { code, stdout, stderr } = await start(args, { TRIBUTARY_GPU: "0", KAFKA_BROKERS: "" }).ended;
  expect(code, stderr).toBe(0);
  const { users, items, events, stages, checkpoint, p50, failures, limits } = JSON.parse(stdout);
  expect({ users, items, events, failures }).toEqual({ users: 547, items: 20_720, events: 40_000, failures: 0 });
  expect(limits).toMatchObject({ server: 4e9, trainer: 1.5e9, p50: 5 });
  const names = stages.map(({ name }: { name: string }) => name.split(/[ :]/)[0]);
  expect(names).toEqual(["replay", "ingest", "compact", "corpus", "an", "validated", "judged", "serve"]);
  for (const { name, seconds } of stages) expect(seconds, name).toBeGreaterThan(0);
  const peaks = Object.assign({}, ...stages.map(({ peaks }: { peaks: object }) => peaks));
  for (const service of ["replay", "ingest", "server", "trainer", "evaluator", "serve"])
    expect(peaks[service], service).toBeGreaterThan(10e6);
  expect(checkpoint.bytesPerMinute).toBeGreaterThanOrEqual(0);
  expect(p50).toBeGreaterThan(0);
});
