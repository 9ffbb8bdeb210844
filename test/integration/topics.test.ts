// Nothing lost without a word, on the real Kafka: topics that are made anew, messages deleted before they were read,
// several topics in one table.
import { join } from "node:path";
import kafkajs from "kafkajs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { prove } from "../../services/commands/table/proof.ts";
import { openConsuming } from "../../services/ingest/consuming.ts";
import { openPipeline } from "../../services/ingest/pipeline.ts";
import { lookAt, printAt } from "../../services/ingest/seen.ts";
import { openKafka } from "../../shared/kafka/client.ts";
import type { Kafka } from "../../shared/kafka/port.ts";
import { plainKafka } from "../../shared/kafka/settings.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { useBroker } from "./broker-folder.ts";
import { start, until } from "./processes.ts";

const broker = useBroker("topics");
let admin: kafkajs.Admin;
beforeAll(async () => {
  const brokers = [broker.env.KAFKA_BROKERS];
  admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
});
afterAll(() => admin.disconnect());

const ingest = (dataDir: string, ...args: string[]) =>
  start(["ingest", ...args, "--flush-seconds", "0.5", "--no-upkeep", "--data-dir", dataDir], broker.env);

/** A topic of one partition with so many events. */
async function make(topic: string, events: number): Promise<void> {
  await broker.kafka.ensureTopic(topic, 1);
  await send(topic, events);
}
const send = (topic: string, events: number) =>
  broker.kafka.produce(
    topic,
    Array.from({ length: events }, (_, k) => ({ key: "k", value: `{"user":"u${k}","item":"i"}` })),
  );

async function makeAnew(topic: string, events: number): Promise<void> {
  await admin.deleteTopics({ topics: [topic] });
  await until("it is gone", async () => !(await admin.listTopics()).includes(topic));
  await make(topic, events);
}

async function proof(dataDir: string) {
  const { table, deadLetters } = pathsOf(dataDir);
  const { ok, partitions } = await prove(table, deadLetters);
  return [ok, ...partitions.map(({ topic, epoch, rows, lost }) => [topic, epoch, rows, lost])];
}

test("two topics in one table, one of them made anew with as many messages: stopped, or its next epoch", async () => {
  const dataDir = join(broker.folder, "two");
  await make("a", 20);
  await make("b", 30);
  expect(await ingest(dataDir, "--topic", "a,b", "--until-end").ended).toMatchObject({ code: 0 });
  await makeAnew("a", 20);
  expect(await ingest(dataDir, "--topic", "a", "--until-end").ended).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("OFFSETS_LOST: the topic was made anew"),
  });
  const restarted = await ingest(dataDir, "--topic", "/[ab]/", "--until-end", "--on-new-topic", "restart").ended;
  expect(restarted).toMatchObject({ code: 0 });
  expect(await proof(dataDir)).toEqual([true, ["a", 0, 20, 0], ["a", 1, 20, 0], ["b", 0, 30, 0]]);
});

test("while it runs a topic is made anew: its next epoch begins, and nothing of it is taken for the one before", async () => {
  const dataDir = join(broker.folder, "running");
  await make("c", 20);
  const { child, ended } = ingest(dataDir, "--topic", "c", "--on-new-topic", "restart");
  const rows = (expected: unknown[]) => async () =>
    JSON.stringify(await proof(dataDir).catch(() => [])) === JSON.stringify(expected);
  await until("the first is read", rows([true, ["c", 0, 20, 0]]));
  await makeAnew("c", 50);
  await until("the second is read", rows([true, ["c", 0, 20, 0], ["c", 1, 50, 0]]));
  child.kill("SIGTERM");
  expect(await ended).toMatchObject({ code: 0 });
}, 120_000);

test("messages deleted before they were read: it stops before the gap, or books it as lost", async () => {
  const dataDir = join(broker.folder, "lost");
  await make("d", 20);
  expect(await ingest(dataDir, "--topic", "d", "--until-end").ended).toMatchObject({ code: 0 });
  await send("d", 40);
  await admin.fetchTopicOffsets("d"); // or kafkajs knows of no leader
  await admin.deleteTopicRecords({ topic: "d", partitions: [{ partition: 0, offset: "45" }] });
  expect(await ingest(dataDir, "--topic", "d", "--until-end").ended).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("OFFSETS_LOST: 25 messages were deleted before they were read"),
  });
  const goesOn = await ingest(dataDir, "--topic", "d", "--until-end", "--on-lost-offsets", "continue").ended;
  expect(goesOn).toMatchObject({ code: 0 });
  expect(await proof(dataDir)).toEqual([true, ["d", 0, 35, 25]]);
});

/** Reads a topic to its end as `ingest` does, of a Kafka that tells no ids of topics. */
async function ingestWithoutIds(dataDir: string, topic: string, stopOnNewTopic: boolean): Promise<void> {
  const { table, deadLetters } = pathsOf(dataDir);
  const real = await openKafka(plainKafka(broker.env.KAFKA_BROKERS), createLog("test"));
  const kafka: Kafka = {
    ...real,
    topicId: async (name) => ((await real.topicId(name)) === undefined ? undefined : null),
  };
  const look = (name: string) => lookAt(kafka, name);
  const pipeline = await openPipeline({
    ...{ tableDir: table, deadLettersDir: deadLetters, look, bytesUnderWay: 1e7, heapMegabytes: 200, retryMs: 100 },
    ...{ inWorkDir: join(dataDir, "in-work"), stopOnBadEvent: false, stopOnLost: true, stopOnNewTopic },
    limits: { rows: 10, bytes: 1e6, ageMs: 200 },
    printAt: (...place) => printAt(kafka, ...place),
    hear: () => undefined,
    reassign: (name) => consuming.reassign(name),
    committed: () => undefined,
  });
  const consuming = openConsuming({
    ...{ kafka, pipeline, look, fetchBytes: 1e6, batchBytes: 1e6, log: createLog("test") },
    groupOf: (name) => `without-ids-${dataDir}-${name}`,
    shapeFor: () => null,
  });
  try {
    await consuming.begin({ names: [topic] }, true);
    await Promise.race([pipeline.ended, pipeline.failed, consuming.failed]);
    await pipeline.drain(2000);
  } finally {
    consuming.stop();
    await kafka.close();
    await pipeline.close();
  }
}

test("a Kafka that tells no ids of topics: one made anew with as many messages is known by the last that was read", async () => {
  const dataDir = join(broker.folder, "no-ids");
  await make("e", 20);
  await ingestWithoutIds(dataDir, "e", true);
  await send("e", 5);
  await ingestWithoutIds(dataDir, "e", true);
  expect(await proof(dataDir)).toEqual([true, ["e", 0, 25, 0]]);
  await makeAnew("e", 30);
  await expect(ingestWithoutIds(dataDir, "e", true)).rejects.toMatchObject({
    code: "OFFSETS_LOST",
    message: expect.stringContaining("offset 24 of partition 0 holds another message"),
  });
  await ingestWithoutIds(dataDir, "e", false);
  expect(await proof(dataDir)).toEqual([true, ["e", 0, 25, 0], ["e", 1, 30, 0]]);
}, 120_000);

test("offsets asked for right after partitions were added are answered: they were refused for a moment", async () => {
  await broker.kafka.ensureTopic("f", 1);
  await broker.kafka.endOffsets("f");
  for (let count = 2; count <= 12; count += 2) {
    await admin.createPartitions({ topicPartitions: [{ topic: "f", count }] });
    expect((await broker.kafka.endOffsets("f")).length).toBeGreaterThan(0);
  }
  await until("all are known", async () => (await broker.kafka.endOffsets("f")).length === 12);
});
