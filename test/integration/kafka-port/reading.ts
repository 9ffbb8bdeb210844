// What a reader is given of a topic: everything that was committed, once, in order, whatever happens to the group, the
// transactions, the log and the broker.
import kafkajs from "kafkajs";
import { expect, test } from "vitest";
import type { Consumption, Kafka } from "../../../shared/kafka/port.ts";
import { until } from "../processes.ts";
import { login, open, secured, trusting } from "./secured.ts";

export interface Reader {
  /** In the order in which they came. */
  readonly values: string[];
  readonly offsets: number[];
  readonly generations: number[];
  /** By partition, of the newest assignment. */
  readonly next: Map<number, number>;
  readonly partitions: readonly number[];
  readonly consumption: Consumption;
}

/** `next`: where each partition is read on; several readers may share it, as those of one table do. */
export async function read(kafka: Kafka, topic: string, group: string, next = new Map<number, number>()) {
  const reader = {
    values: [] as string[],
    offsets: [] as number[],
    generations: [] as number[],
    next,
    partitions: [] as readonly number[],
  };
  const consumption = await kafka.consume({
    topic,
    group,
    fetchBytes: 1e6,
    assigned: async (partitions, generation) => {
      reader.partitions = partitions;
      reader.generations.push(generation);
      return new Map(partitions.map((partition) => [partition, next.get(partition) ?? 0]));
    },
    rebalancing: () => undefined,
    fetched: async (batch) => {
      const { offsets, lengths, values } = batch.messages;
      for (let k = 0, at = 0; k < offsets.length; at += lengths[k++]!) {
        reader.offsets.push(offsets[k]!);
        reader.values.push(Buffer.from(values.subarray(at, at + lengths[k]!)).toString());
      }
      next.set(batch.partition, batch.next);
    },
  });
  return Object.assign(reader, { consumption }) satisfies Reader;
}

const plain = () => new kafkajs.Kafka({ brokers: [secured.at.PLAIN], logLevel: kafkajs.logLevel.NOTHING });
const numbered = (from: number, count: number) =>
  Array.from({ length: count }, (_, k) => ({ key: `k${(from + k) % 16}`, value: String(from + k) }));
const inOrder = (count: number) => Array.from({ length: count }, (_, k) => String(k));
const byNumber = (values: readonly string[]) => [...values].sort((a, b) => Number(a) - Number(b));

export function readsAll(): void {
  test("transactions: what was committed, nothing of what was aborted, and an open one holds back all behind it", async () => {
    const kafka = await open("PLAIN");
    await kafka.ensureTopic("transactions", 1);
    const producer = plain().producer({ transactionalId: "t", maxInFlightRequests: 1, idempotent: true });
    await producer.connect();
    const begin = async (...values: string[]) => {
      const transaction = await producer.transaction();
      await transaction.send({ topic: "transactions", messages: values.map((value) => ({ value })) });
      return transaction;
    };
    await (await begin("a", "b")).commit();
    await (await begin("x", "y")).abort();
    await (await begin("c")).commit();
    const last = await begin("d");
    await kafka.produce("transactions", [{ key: "k", value: "e" }]);
    expect(await kafka.endOffsets("transactions")).toEqual([{ partition: 0, begin: 0, end: 10, stable: 8 }]);
    const reader = await read(kafka, "transactions", "transactions");
    await until("what is stable is read", () => reader.next.get(0) === 8);
    expect([reader.values, reader.offsets]).toEqual([
      ["a", "b", "c"],
      [0, 1, 6],
    ]);
    await last.commit();
    await until("the rest is read, the markers too", () => reader.next.get(0) === 11);
    expect([reader.values.slice(3), reader.offsets.slice(3)]).toEqual([
      ["d", "e"],
      [8, 9],
    ]);
    expect(await kafka.endOffsets("transactions")).toEqual([{ partition: 0, begin: 0, end: 11, stable: 11 }]);
    await Promise.all([reader.consumption.stop(), producer.disconnect()]);
  });

  test("compaction: the newest of each key, and no offset is waited for that is gone", async () => {
    const [kafka, admin] = [await open("PLAIN"), plain().admin()];
    await admin.connect();
    const settings = { "cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.001" };
    const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
    await admin.createTopics({ topics: [{ topic: "compacted", numPartitions: 1, configEntries }] });
    await admin.disconnect();
    for (let k = 0; k < 4; k++) {
      await kafka.produce(
        "compacted",
        numbered(10 * k, 10).map((each) => ({ ...each, key: `k${Number(each.value) % 3}` })),
      );
      await new Promise((resolve) => setTimeout(resolve, 120)); // the next begins a segment
    }
    let reader = await read(kafka, "compacted", "compacted-0");
    for (let tries = 1; ; tries++) {
      await until("all is read", () => reader.next.get(0) === 40);
      await reader.consumption.stop();
      if (reader.values.length < 20) break; // three of the first 30, and the last segment, which is never compacted
      reader = await read(kafka, "compacted", `compacted-${tries}`);
    }
    expect(reader.offsets.map(String)).toEqual(reader.values); // value k stands at offset k
    expect(reader.values).toEqual(byNumber(reader.values));
    expect(reader.values.slice(-10)).toEqual(inOrder(40).slice(-10));
  });

  test("a group: a second member gets its share, its end gives it back, and each message is read once", async () => {
    const [one, two] = [await open("LOGIN", { ...login("PLAIN", "alice-secret"), ...trusting() }), await open("PLAIN")];
    await one.ensureTopic("shared", 4);
    const next = new Map<number, number>();
    const first = await read(one, "shared", "shared", next);
    await until("it has all", () => first.partitions.length === 4);
    await one.produce("shared", numbered(0, 100));
    const second = await read(two, "shared", "shared", next);
    await until("they share", () => second.partitions.length > 0 && first.partitions.length < 4);
    expect([...first.partitions, ...second.partitions].sort()).toEqual([0, 1, 2, 3]);
    await one.produce("shared", numbered(100, 100));
    const all = () => [...first.values, ...second.values];
    await until("both have read", () => all().length >= 200);
    await second.consumption.commit(new Map(second.partitions.map((partition) => [partition, next.get(partition)!])));
    await second.consumption.stop();
    await until("the first has all again", () => first.partitions.length === 4);
    await one.produce("shared", numbered(200, 100));
    await until("it reads on", () => all().length >= 300);
    expect(byNumber(all())).toEqual(inOrder(300));
    expect(second.values.length).toBeGreaterThan(0);
    expect(first.generations).toEqual(first.generations.map((_, k) => k + 1)); // each assignment is a new one

    for (const partition of first.partitions) next.set(partition, 0);
    first.values.length = 0;
    first.consumption.reassign();
    await until("it has read everything again", () => first.values.length >= 300);
    expect(byNumber(first.values)).toEqual(inOrder(300));
    await first.consumption.stop();
  });
}

/** The last of the suite at BRIEF, whose certificate has expired when the broker is back. */
export function outlivesTheBroker(): void {
  test("a broker that is killed and comes back: each message stands once, in order; one whose certificate has expired meanwhile is refused", async () => {
    const pairs = { ...login("SCRAM-SHA-256", "alice-secret"), ...trusting() };
    const [kafka, brief] = [await open("LOGIN", { ...pairs, "compression.type": "zstd" }), await open("BRIEF", pairs)];
    await kafka.ensureTopic("outlived", 1);
    const reader = await read(kafka, "outlived", "outlived");
    const refused = await read(brief, "outlived", "refused");
    let sent = 0;
    let over = false;
    const stream = (async () => {
      for (; !over; sent += 10) await kafka.produce("outlived", numbered(sent, 10));
    })();
    await until("both read", () => reader.values.length > 20 && refused.values.length > 20);
    await secured.kill();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await secured.comeBack({ expired: true });
    const before = sent;
    await until("it goes on", () => sent > before + 100 && reader.values.length > before + 100);
    over = true;
    await stream;
    await until("all is read", () => reader.values.length >= sent);
    expect(reader.values).toEqual(inOrder(sent));
    await expect(refused.consumption.failed).rejects.toThrowError(/^KAFKA_TLS_REFUSED: .*has expired/);
    await expect(brief.produce("outlived", numbered(0, 1))).rejects.toThrowError(/^KAFKA_TLS_REFUSED: .*has expired/);
    await reader.consumption.stop();
  }, 120_000);
}
