// Serve follows the topic beside the table, with a real Kafka: an event changes answers before ingest has seen it,
// whatever else lies in the topic; it leaves with the table, is forgotten with it, and a Kafka that is away ends
// nothing.
import kafkajs from "kafkajs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { publish } from "../../shared/checkpoints/models.ts";
import { batchOf } from "../../shared/events/batch.ts";
import { Histories } from "../../shared/events/histories.ts";
import { startBroker, stopBroker } from "../../shared/kafka/broker.ts";
import type { RecommendAnswer } from "../../shared/recommending/requests.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { useBroker } from "./broker-folder.ts";
import { start as startProcess, until } from "./processes.ts";
import { type Service, startService, writeCheckpoint } from "./published.ts";

const broker = useBroker("fresh");
const { folder } = broker;
const items = Array.from({ length: 12 }, (_, k) => `i${k}`);
const services: Service<"serve">[] = [];
let serve: Service<"serve">;

const startServe = async () => {
  const started = await startService("serve", folder);
  services.push(started);
  return started;
};
const send = (...events: (object | string | Buffer)[]) =>
  broker.kafka.produce(
    "interactions",
    events.map((event) => {
      const isEvent = typeof event === "object" && !Buffer.isBuffer(event);
      return {
        key: isEvent ? String((event as { user?: string }).user) : "bad",
        value: isEvent ? JSON.stringify(event) : event,
      };
    }),
  );
const ingest = () => startProcess(["ingest", "--until-end", "--data-dir", folder], broker.env).ended;

/** All that is recommended to a user, by name; the HTTP status where it is refused. */
async function recommended(user: string, from = serve, k = items.length): Promise<string[] | number> {
  const response = await fetch(`${from.url}/v1/recommend`, {
    ...{ method: "POST", headers: { "content-type": "application/json" } },
    body: JSON.stringify({ user, k }),
  });
  if (!response.ok) return response.status;
  return ((await response.json()) as RecommendAnswer).items.map(({ item }) => item);
}
const unseen = (...seen: string[]) => items.filter((item) => !seen.includes(item)).sort();
const gets = async (user: string, wanted: string[] | number, from = serve) =>
  until(`${user} gets ${wanted}`, async () => {
    const found = await recommended(user, from);
    return JSON.stringify(typeof found === "number" ? found : found.sort()) === JSON.stringify(wanted);
  });
const following = async () => (await serve.status()).following;

/** Of one user, who has them all. */
function historiesOfAll(): Histories {
  const rows = items.map((item, offset) => ({ user: "u", item, timestamp: 0, value: null, partition: 0, offset }));
  const histories = new Histories("salt");
  histories.append(batchOf(rows), 0);
  return histories;
}

beforeAll(async () => {
  serve = await startServe();
  await publish(pathsOf(folder).models, await writeCheckpoint(folder, 1, historiesOfAll()), { at: 1 });
});
afterAll(async () => {
  await Promise.all(services.map(({ process }) => process.stop()));
});

test("an event changes its user's answers before the table has it, bad messages do not, and the table takes it over", async () => {
  expect(await following()).toMatchObject({ state: "waiting", topic: "interactions" });
  await broker.kafka.ensureTopic("interactions", 2);
  expect(await broker.kafka.endOffsets("interactions")).toHaveLength(2);
  await until("the topic is followed", async () => (await following()).state === "following");
  expect(await recommended("ann")).toBe(404);
  await send({ user: "ann", item: "i3" }, "{", Buffer.from([0xff, 0xfe]), "x".repeat(100_000), { user: "", item: 1 });
  await gets("ann", unseen("i3"));
  await send({ user: "ann", item: "i4" }, { user: "ann", item: "new" }, { user: "bea", item: "i0" });
  await gets("ann", unseen("i3", "i4"));
  await gets("bea", unseen("i0"));
  expect(await following()).toMatchObject({ taken: 4, unknown: 1, refused: 4, held: 4, leftOut: 0, lag: 0 });

  expect(await ingest()).toMatchObject({ code: 0 });
  await until("the table has it", async () => (await following()).held === 0);
  expect(((await recommended("ann")) as string[]).sort()).toEqual(unseen("i3", "i4"));
  const { freshness } = await serve.status();
  expect(freshness.events).toBeGreaterThan(0);
  expect(freshness.max).toBeLessThan(10);
}, 120_000);

test("a second serve answers alike, and both read partitions that are added", async () => {
  const other = await startServe();
  await send({ user: "cleo", item: "i5" });
  for (const each of [serve, other]) await gets("cleo", unseen("i5"), each);
  const client = new kafkajs.Kafka({ brokers: [broker.env.KAFKA_BROKERS], logLevel: kafkajs.logLevel.NOTHING });
  const [admin, producer] = [client.admin(), client.producer()];
  await Promise.all([admin.connect(), producer.connect()]);
  await admin.createPartitions({ topicPartitions: [{ topic: "interactions", count: 5 }] });
  const value = JSON.stringify({ user: "dot", item: "i6" });
  await producer.send({ topic: "interactions", messages: [{ partition: 4, value }] });
  for (const each of [serve, other]) await gets("dot", unseen("i6"), each);
  expect(await broker.kafka.endOffsets("interactions")).toHaveLength(5); // kafkajs remembered two for five minutes
  await Promise.all([admin.disconnect(), producer.disconnect()]);
  await other.process.stop();
}, 120_000);

test("what is hot this second is listed to everybody, an item that the model has never met too, and goes back with the model", async () => {
  const checkpoint = await writeCheckpoint(folder, 2, historiesOfAll());
  const mix = { model: 0.1, hot: [1, 1, 1] as [number, number, number], follows: 0 };
  expect(await publish(pathsOf(folder).models, checkpoint, { at: 2 }, undefined, undefined, mix)).toBe("v000002");
  await until("it is in use", async () => (await serve.status()).model === "v000002");
  expect(await recommended("bea")).not.toContain("hot");
  await send(...Array.from({ length: 500 }, () => ({ user: "crawler", item: "spam" })));
  await send(...Array.from({ length: 30 }, (_, k) => ({ user: `fan ${k}`, item: "hot" })));
  await until("all are told", async () => ((await recommended("bea")) as string[])[0] === "hot");
  const all = (await recommended("bea", serve, 100)) as string[];
  expect(all).not.toContain("spam");
  expect(await recommended("fan 3")).not.toContain("hot"); // they have it
  expect(await startProcess(["models", "rollback", "--data-dir", folder]).ended).toMatchObject({ code: 0 });
  await until("it is back", async () => (await serve.status()).model === "v000001");
  await gets("bea", unseen("i0"));
}, 120_000);

test("who is forgotten does not come back from the topic, not even to a serve that was killed", async () => {
  expect(await ingest()).toMatchObject({ code: 0 });
  const { ended } = startProcess(["forget", "--user", "ann", "--data-dir", folder]);
  expect(await ended).toMatchObject({ code: 0 });
  await gets("ann", 404);
  serve.process.child.kill("SIGKILL");
  await serve.process.exited;
  serve = await startServe();
  await send({ user: "joe", item: "i7" });
  await gets("joe", unseen("i7"));
  expect(await recommended("ann")).toBe(404);
  await gets("cleo", unseen("i5"));
}, 120_000);

test("while Kafka is away answers go on and status says so; then the topic is followed again", async () => {
  await stopBroker(folder);
  await until("it is said", async () => (await following()).state === "waiting");
  expect(((await recommended("joe")) as string[]).sort()).toEqual(unseen("i7"));
  await startBroker(folder, { port: Number(broker.env.KAFKA_BROKERS.split(":")[1]) });
  await until("the topic is followed again", async () => (await following()).state === "following");
  await send({ user: "kim", item: "i8" });
  await gets("kim", unseen("i8"));
}, 120_000);
