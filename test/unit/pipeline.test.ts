// The way from the client's thread to the writing one: events arrive, a bound on what is under way holds, errors come
// back as what they are.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { News } from "../../services/ingest/news.ts";
import { openPipeline, type Pipeline, type Way } from "../../services/ingest/pipeline.ts";
import { pack } from "../../shared/kafka/messages.ts";
import { openExistingEvents } from "../../shared/table/events.ts";

let folder = "";
let pipeline: Pipeline | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-pipeline-"));
});
afterEach(async () => {
  await pipeline?.close();
  rmSync(folder, { recursive: true, force: true });
});

const news: News[] = [];
const told: number[] = [];

async function open(bytesUnderWay: number, begin = 0): Promise<Pipeline & Way> {
  news.length = 0;
  told.length = 0;
  pipeline = await openPipeline({
    tableDir: join(folder, "table"),
    deadLettersDir: join(folder, "dead"),
    inWorkDir: join(folder, "in-work"),
    limits: { rows: 1000, bytes: 1e9, ageMs: 1e9 },
    stopOnBadEvent: true,
    stopOnLost: true,
    stopOnNewTopic: true,
    retryMs: 10,
    bytesUnderWay,
    heapMegabytes: 64,
    printAt: async () => null,
    look: async () => ({ id: null, isAbsent: false, bounds: [{ partition: 0, begin, end: 10_000, stable: 10_000 }] }),
    hear: (each) => news.push(each),
    reassign: () => undefined,
    committed: (next) => told.push(next.get(0)!),
  });
  return { ...pipeline, ...pipeline.open("t", null, null) };
}

const batch = (from: number, to: number, value = (k: number) => `{"user":"u${k}","item":"i"}`) => ({
  partition: 0,
  generation: 1,
  asked: 0,
  messages: pack(
    Array.from({ length: to - from }, (_, k) => ({
      offset: `${from + k}`,
      timestamp: "1700000000000",
      value: Buffer.from(value(from + k)),
    })),
    0,
  ),
  next: to,
});

test("what is handed over is in the table once the pipeline is drained, and the group is told", async () => {
  const { assigned, fetched, drain } = await open(1e6);
  expect(await assigned([0], 1)).toEqual(new Map([[0, 0]]));
  await fetched(batch(0, 700));
  await fetched(batch(700, 1500));
  await drain(1000);
  expect((await openExistingEvents(join(folder, "table"))).rows).toBe(1500);
  expect(told.at(-1)).toBe(1500);
  expect(news.filter(({ type }) => type === "read")).toHaveLength(2);
});

test("each topic gets the answer to its own question: the one that answered first was taken for the other, made anew", async () => {
  let reassigned = 0;
  const asked = new Set<string>();
  let answered = () => {};
  const quickAnswered = new Promise<void>((resolve) => {
    answered = resolve;
  });
  pipeline = await openPipeline({
    ...{ tableDir: join(folder, "table"), deadLettersDir: join(folder, "dead"), inWorkDir: join(folder, "in-work") },
    limits: { rows: 1000, bytes: 1e9, ageMs: 1e9 },
    ...{ stopOnBadEvent: true, stopOnLost: true, stopOnNewTopic: true, retryMs: 10 },
    ...{ bytesUnderWay: 1e6, heapMegabytes: 64 },
    printAt: async () => null,
    look: async (topic) => {
      const isFirst = !asked.has(topic);
      asked.add(topic);
      if (topic === "slow" && !isFirst) await quickAnswered;
      if (topic === "quick" && !isFirst) setImmediate(answered);
      const bounds = [{ partition: 0, begin: 0, end: 10_000, stable: 10_000 }];
      return { id: `id of ${topic}`, isAbsent: false, bounds };
    },
    ...{ hear: () => undefined, committed: () => undefined, reassign: () => reassigned++ },
  });
  const { open, drain } = pipeline;
  for (const topic of ["slow", "quick"]) {
    const { assigned, fetched } = open(topic, null, null);
    await assigned([0], 1);
    await fetched(batch(0, 100));
  }
  await drain(5000);
  expect((await openExistingEvents(join(folder, "table"))).rows).toBe(200);
  expect(reassigned).toBe(0);
});

test("a partition is paused while more is under way than there is room for, and goes on as soon as there is", async () => {
  const { assigned, fetched, paused, drain } = await open(1000);
  await assigned([0], 1);
  await fetched(batch(0, 500)); // more than the room, but alone
  let second = "waiting";
  const handed = fetched(batch(500, 600)).then(() => {
    second = "handed over";
  });
  await Promise.resolve();
  expect([second, [...paused]]).toEqual(["waiting", [0]]);
  await handed;
  expect([...paused]).toEqual([]);
  await drain(1000);
  expect((await openExistingEvents(join(folder, "table"))).rows).toBe(600);
});

test("an error of the writing thread keeps its code and its facts", async () => {
  const { assigned, fetched, failed } = await open(1e6, 5);
  await assigned([0], 1);
  await fetched({ ...batch(5, 8, () => "broken") });
  await expect(failed).rejects.toMatchObject({ code: "BAD_EVENT", facts: { topic: "t", partition: 0, offset: 5 } });
});
