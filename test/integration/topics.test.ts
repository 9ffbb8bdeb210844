// Nothing lost without a word, on the real Kafka: topics that are made anew, messages deleted before they were read,
// several topics in one table.
import { join } from "node:path";
import kafkajs from "kafkajs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { prove } from "../../services/commands/table/proof.ts";
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
