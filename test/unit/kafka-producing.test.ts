// Batches that we write ourselves: byte for byte what kafkajs writes and reads, and each taken once by a Kafka that
// fails in between.
import { createRequire } from "node:module";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { crc32c } from "../../shared/kafka/crc32c.ts";
import type { Broker, Cluster } from "../../shared/kafka/inside.ts";
import { bundleOf, type Outgoing } from "../../shared/kafka/outgoing.ts";
import { partitionOf } from "../../shared/kafka/partitioner.ts";
import { outcomesIn, produceRequest } from "../../shared/kafka/produce-request.ts";
import { openProducing } from "../../shared/kafka/producing.ts";
import { batchOf, recordsOf } from "../../shared/kafka/record-batch.ts";

const require = createRequire(import.meta.url);
const kafkajsRequest = require("kafkajs/src/protocol/requests/produce/v7/request");
const Decoder = require("kafkajs/src/protocol/decoder");

const now = 1_700_000_000_000;
const producer = { id: 77n, epoch: 3, sequence: 12 };

test("CRC-32C of the text that everybody checks with, and of every length", () => {
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  const slow = (bytes: Buffer) => {
    let crc = ~0;
    for (const byte of bytes) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    }
    return ~crc >>> 0;
  };
  for (let length = 0; length < 40; length++) {
    const bytes = Buffer.from(Array.from({ length }, (_, k) => (k * 37 + 11) & 255));
    expect(crc32c(bytes)).toBe(slow(bytes));
  }
});

const messages: Outgoing[] = ["u1", "u2", "ü3", "", "k".repeat(300)].flatMap((key, k) => [
  { key, value: `{"user":"${key}"}` },
  { key, value: "é".repeat(k * 40) },
  { key, value: Buffer.from([0, 255, k]) },
]);

test("a request is what kafkajs writes, byte for byte", async () => {
  const batches = recordsOf(bundleOf(messages), 3).map(({ partition, count, bytes }) => ({
    partition,
    bytes: batchOf(count, bytes, 0, producer, now),
  }));
  for (const { bytes } of batches) bytes.writeInt32BE(0, 12); // the leader's epoch, which kafkajs leaves at 0
  const partitions = batches.map(({ partition }) => ({
    partition,
    firstSequence: producer.sequence,
    messages: messages
      .filter(({ key }) => partitionOf(key, 3) === partition)
      .map(({ key, value }) => ({ key: Buffer.from(key), value: Buffer.from(value as string), timestamp: now })),
  }));
  const wanted = kafkajsRequest({
    acks: -1,
    timeout: 30_000,
    producerId: producer.id.toString(),
    producerEpoch: producer.epoch,
    topicData: [{ topic: "events", partitions }],
  });
  expect(produceRequest("events", batches, 30_000).toString("hex")).toBe(
    (await wanted.encode()).buffer.toString("hex"),
  );
});

test("any messages: every partition holds its keys' messages in order", () => {
  const text = fc.string({ unit: "binary", maxLength: 200 });
  fc.assert(
    fc.property(
      fc.array(fc.record({ key: text, value: text }), { maxLength: 60 }),
      fc.integer({ min: 1, max: 9 }),
      (all, n) => {
        const made = recordsOf(bundleOf(all), n);
        expect(made.reduce((sum, { count }) => sum + count, 0)).toBe(all.length);
        for (const { partition, bytes, count } of made) {
          const here = all.filter(({ key }) => partitionOf(key, n) === partition);
          expect(count).toBe(here.length);
          const decoder = new Decoder(bytes);
          for (const [k, { key, value }] of here.entries()) {
            decoder.readVarInt();
            expect([decoder.readInt8(), decoder.readVarInt(), decoder.readVarInt()]).toEqual([0, 0, k]);
            expect(decoder.readVarIntBytes()).toEqual(Buffer.from(key));
            expect(decoder.readVarIntBytes()).toEqual(Buffer.from(value));
            expect(decoder.readVarInt()).toBe(0);
          }
          expect(decoder.offset).toBe(bytes.length);
        }
      },
    ),
  );
});

/** What a broker does with the next request: takes it and answers, takes it in silence, or says a number of Kafka's. */
type Step = "ok" | "lost before" | "lost after" | number;

/** A Kafka of one broker that knows producers as Kafka does. */
function fake(steps: Step[], partitions = 2) {
  const state = { partitions, unknownFor: 0, logs: new Map<number, string[]>(), refreshes: 0, requests: 0 };
  const next = new Map<number, number>();
  const lost = () => Object.assign(new Error("lost"), { name: "KafkaJSConnectionError", retriable: true });
  function take(partition: number, batch: Buffer): number {
    const [sequence, count] = [batch.readInt32BE(53), batch.readInt32BE(57)];
    const expected = next.get(partition) ?? 0;
    if (sequence + count <= expected) return 46;
    if (sequence !== expected) return 45;
    next.set(partition, expected + count);
    const decoder = new Decoder(batch.subarray(61));
    for (let k = 0; k < count; k++) {
      decoder.readVarInt();
      decoder.readInt8();
      decoder.readVarInt();
      decoder.readVarInt();
      decoder.readVarIntBytes();
      const log = state.logs.get(partition) ?? [];
      state.logs.set(partition, [...log, decoder.readVarIntBytes().toString()]);
      decoder.readVarInt();
    }
    return 0;
  }
  const broker: Broker = {
    initProducerId: async () => ({ producerId: "5", producerEpoch: 0 }),
    connectionPool: {
      send: async ({ request, response }) => {
        state.requests++;
        const step = steps.shift() ?? "ok";
        if (step === "lost before") throw lost();
        const bytes = (await request.encode()).buffer;
        const name = bytes.readInt16BE(12);
        let at = 14 + name;
        const count = bytes.readInt32BE(at);
        at += 4;
        const answer = Buffer.alloc(10 + name + 30 * count + 4);
        answer.writeInt32BE(1, 0);
        answer.writeInt16BE(name, 4);
        answer.writeInt32BE(count, 6 + name);
        for (let k = 0; k < count; k++) {
          const [partition, size] = [bytes.readInt32BE(at), bytes.readInt32BE(at + 4)];
          // a number is said of the first partition alone
          const error =
            typeof step === "number" && k === 0 ? step : take(partition, bytes.subarray(at + 8, at + 8 + size));
          answer.writeInt32BE(partition, 10 + name + 30 * k);
          answer.writeInt16BE(error, 14 + name + 30 * k);
          at += 8 + size;
        }
        if (step === "lost after") throw lost();
        return response.parse(await response.decode(answer));
      },
    },
  };
  const cluster = {
    addTargetTopic: async () => undefined,
    refreshMetadata: async () => void state.refreshes++,
    refreshMetadataIfNecessary: async () => undefined,
    findTopicPartitionMetadata: () =>
      Array.from({ length: state.unknownFor-- > 0 ? 0 : state.partitions }, (_, partitionId) => ({
        partitionId,
        leader: 1,
      })),
    findControllerBroker: async () => broker,
    findBroker: async () => broker,
    isConnected: () => true,
    disconnect: async () => undefined,
  } as unknown as Cluster;
  return {
    state,
    open: () =>
      openProducing(
        async () => cluster,
        "none",
        async () => undefined,
      ),
  };
}

const events = Array.from({ length: 20 }, (_, k) => ({ key: `u${k}`, value: `v${k}` }));
const inOrder = (partition: number, n: number, times: number) =>
  Array.from({ length: times }, () => events.filter(({ key }) => partitionOf(key, n) === partition))
    .flat()
    .map(({ value }) => value);

describe("sending", () => {
  test.each<[string, Step[]]>([
    ["nothing fails", []],
    ["a request is lost", ["lost before"]],
    ["an answer is lost", ["lost after"]],
    ["the leader has moved for one partition", [6]],
    ["replicas are missing, then an answer is lost", [19, "lost after", "lost after"]],
    ["all of it, twice", [6, "lost after", "lost before", 5, "ok", 6, "lost after"]],
  ])("each message once and in order: %s", async (_, steps) => {
    const { state, open } = fake([...steps]);
    const producing = await open();
    await Promise.all([
      producing.send("t", bundleOf(events)),
      producing.send("t", bundleOf(events)),
      producing.send("t", bundleOf(events)),
    ]);
    for (const partition of [0, 1]) expect(state.logs.get(partition)).toEqual(inOrder(partition, 2, 3));
  });

  test("calls are sent in their order though the first has to wait for the topic: the second came before it", async () => {
    const { state, open } = fake([], 1);
    state.unknownFor = 1;
    const producing = await open();
    await Promise.all(
      ["first", "second", "third"].map((value) => producing.send("t", bundleOf([{ key: "u", value }]))),
    );
    expect(state.logs.get(0)).toEqual(["first", "second", "third"]);
  });

  test("any order of failures", async () => {
    const step = fc.constantFrom<Step>("ok", "lost before", "lost after", 3, 5, 6, 7, 19, 56);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const { state, open } = fake([...steps]);
        const producing = await open();
        for (let k = 0; k < 3; k++) await producing.send("t", bundleOf(events));
        for (const partition of [0, 1]) expect(state.logs.get(partition)).toEqual(inOrder(partition, 2, 3));
      }),
    );
  });

  test.each([
    [29, "TOPIC_AUTHORIZATION_FAILED"],
    [10, "MESSAGE_TOO_LARGE"],
    [45, "OUT_OF_ORDER_SEQUENCE_NUMBER"],
  ])("%i ends it: to try again cannot help", async (error, type) => {
    const { state, open } = fake([error]);
    await expect((await open()).send("t", bundleOf(events))).rejects.toMatchObject({ type });
    expect(state.requests).toBe(1);
  });

  test("a topic that was made anew with fewer partitions gets what was not taken", async () => {
    const { state, open } = fake([6]);
    const producing = await open();
    const sending = producing.send("t", bundleOf(events));
    state.partitions = 1;
    await sending;
    expect([...state.logs.values()].flat().sort()).toEqual(events.map(({ value }) => value).sort());
  });

  test("nothing to send is sent at once", async () => {
    const { state, open } = fake([]);
    await (await open()).send("t", bundleOf([]));
    expect(state.requests).toBe(0);
  });
});

test("an answer's outcomes", () => {
  const answer = Buffer.alloc(10 + 1 + 60 + 4);
  answer.writeInt32BE(1, 0);
  answer.writeInt16BE(1, 4);
  answer.writeInt32BE(2, 7);
  answer.writeInt32BE(3, 11);
  answer.writeInt16BE(6, 15);
  answer.writeInt32BE(1, 41);
  expect(outcomesIn(answer)).toEqual([
    { partition: 3, error: 6 },
    { partition: 1, error: 0 },
  ]);
});
