// Sends messages in batches that we write ourselves, through kafkajs's connections: acknowledged by all replicas, each
// batch once, one call after the other. Kafka knows a batch that comes twice by its producer and its sequence, so that
// what was not answered may be sent again; that is done for as long as it may help.
import { sleep } from "../runtime/lifecycle.ts";
import { oneAtATime } from "../runtime/turns.ts";
import { type Compression, codecs, compressions } from "./codecs.ts";
import type { Cluster } from "./inside.ts";
import { type Bundle, restOf } from "./outgoing.ts";
import { partitionOfBytes } from "./partitioner.ts";
import {
  isPassing,
  isThere,
  outcomesIn,
  PRODUCE,
  PRODUCE_VERSION,
  produceRequest,
  refusedBy,
} from "./produce-request.ts";
import { batchOf, type Records, recordsOf } from "./record-batch.ts";

export interface Producing {
  send(topic: string, messages: Bundle): Promise<void>;
  close(): Promise<void>;
}

interface ClientError {
  readonly name: string;
  readonly retriable?: boolean;
  readonly host: string;
  readonly port: number;
}

/** By partition, what was not taken yet. */
type Left = Map<number, Records & { readonly packed: Buffer }>;

const TIMEOUT_MS = 30_000;
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [200, 2000];
const MOST_SEQUENCE = 2 ** 31;

/** `pause` waits between two tries, ms. */
export async function openProducing(
  connect: () => Promise<Cluster>,
  compression: Compression,
  pause: (ms: number) => Promise<void> = sleep,
): Promise<Producing> {
  const cluster = await connect();
  const inTurn = oneAtATime();
  const codec = compressions.indexOf(compression);
  const pack = compression === "none" ? undefined : codecs[compression].compress;
  /** By topic and partition, of the next message. */
  const sequences = new Map<string, number>();
  let producer: { readonly id: bigint; readonly epoch: number } | undefined;
  let closed = false;

  async function identify() {
    await cluster.refreshMetadataIfNecessary();
    const broker = await cluster.findControllerBroker();
    const { producerId, producerEpoch } = await broker.initProducerId({ transactionTimeout: TIMEOUT_MS });
    return { id: BigInt(producerId.toString()), epoch: producerEpoch };
  }

  /** Whatever the client fails with in between, unless to try again cannot help. */
  async function again<T>(work: () => Promise<T>): Promise<T> {
    for (let ms = FIRST_PAUSE_MS; ; ms = Math.min(2 * ms, LONGEST_PAUSE_MS)) {
      try {
        if (!cluster.isConnected()) await cluster.connect();
        return await work();
      } catch (error) {
        const { retriable, name, host, port } = error as ClientError;
        if (closed || !(retriable === true || name === "KafkaJSLockTimeout")) throw error;
        if (name === "KafkaJSConnectionClosedError") cluster.removeBroker({ host, port });
      }
      await pause(ms);
      await cluster.refreshMetadata().catch(() => undefined);
    }
  }

  async function partitionsOf(topic: string): Promise<number> {
    await cluster.addTargetTopic(topic);
    await cluster.refreshMetadataIfNecessary();
    const found = cluster.findTopicPartitionMetadata(topic).length;
    if (found === 0) throw passing(`the topic ${topic} is not known yet`);
    return found;
  }

  async function packed(messages: Bundle, partitions: number): Promise<Left> {
    const made = recordsOf(messages, partitions).map(async (each) => {
      const packed = pack ? await pack(each.bytes) : each.bytes;
      return [each.partition, { ...each, packed }] as const;
    });
    return new Map(await Promise.all(made));
  }

  async function madeFor(topic: string, messages: Bundle) {
    const partitions = await again(() => partitionsOf(topic));
    return { partitions, left: await packed(messages, partitions) };
  }

  /** Sends what is left to each leader; what was taken is no longer in it. */
  async function sendLeft(topic: string, left: Left): Promise<void> {
    producer ??= await identify();
    const { id, epoch } = producer;
    const byLeader = new Map<number, number[]>();
    for (const { partitionId, leader } of cluster.findTopicPartitionMetadata(topic))
      if (left.has(partitionId)) byLeader.set(leader, [...(byLeader.get(leader) ?? []), partitionId]);
    const requests = [...byLeader].map(async ([nodeId, partitions]) => {
      const broker = await cluster.findBroker({ nodeId });
      const batches = partitions.map((partition) => {
        const { count, packed } = left.get(partition)!;
        const sequence = sequences.get(`${topic} ${partition}`) ?? 0;
        return { partition, bytes: batchOf(count, packed, codec, { id, epoch, sequence }, Date.now()) };
      });
      const outcomes = await broker.connectionPool.send({
        request: {
          apiKey: PRODUCE,
          apiVersion: PRODUCE_VERSION,
          apiName: "Produce",
          encode: async () => {
            const buffer = produceRequest(topic, batches, TIMEOUT_MS);
            return { buf: buffer, buffer };
          },
        },
        response: { decode: async (bytes) => outcomesIn(bytes), parse: async (found) => found },
      });
      for (const { partition, error } of outcomes) {
        if (isThere(error)) {
          const place = `${topic} ${partition}`;
          sequences.set(place, ((sequences.get(place) ?? 0) + left.get(partition)!.count) % MOST_SEQUENCE);
          left.delete(partition);
        } else if (!isPassing(error)) throw refusedBy(error);
      }
    });
    for (const each of await Promise.allSettled(requests)) if (each.status === "rejected") throw each.reason;
    if (left.size > 0) throw passing("a leader has moved");
  }

  return {
    send: (topic, messages) => {
      const made = madeFor(topic, messages); // while the call before is under way
      made.catch(() => undefined); // met in its turn
      return inTurn(async () => {
        let { partitions, left } = await made;
        await again(async () => {
          const found = await partitionsOf(topic);
          if (Math.max(...left.keys()) >= found) {
            // it was made anew, with fewer partitions
            const before = partitions;
            const rest = restOf(messages, (key) => left.has(partitionOfBytes(key, 0, key.length, before)));
            left = await packed(rest, found);
            partitions = found;
          }
          await sendLeft(topic, left);
        });
      });
    },
    close: async () => {
      closed = true;
      await cluster.disconnect();
    },
  };
}

const passing = (what: string) => Object.assign(new Error(what), { retriable: true });
