// Reads one topic in a group, through kafkajs's consumer: where it starts is the reader's word, and whatever was
// fetched before a seek or under another assignment is dropped.
import type kafkajs from "kafkajs";
import type { EachBatchPayload } from "kafkajs";
import { failure } from "../errors/failure.ts";
import { patiently } from "./deadline.ts";
import { METADATA_MS } from "./inside.ts";
import { pack } from "./messages.ts";
import type { Consumption, Reading } from "./port.ts";
import type { Unpacking } from "./unpacking.ts";

const HEARTBEAT_MS = 1000;
/** How long Kafka waits for a member that was killed before its partitions go to others: brokers allow no less. */
const SESSION_MS = 6000;
/** Bytes that a fetch may unpack to, of each of its own: JSON packs to a tenth. */
const MOST_UNPACKED = 16;
/** Bytes that a single batch may unpack to, unless the reader says so. */
const MOST_OF_BATCH = 64e6;

/** `told`: an error in our words. */
export async function consume(
  client: InstanceType<typeof kafkajs.Kafka>,
  reading: Reading,
  unpacking: Unpacking,
  told: (error: unknown) => unknown,
): Promise<Consumption> {
  const consumer = client.consumer({
    groupId: reading.group,
    sessionTimeout: SESSION_MS,
    heartbeatInterval: HEARTBEAT_MS,
    metadataMaxAge: METADATA_MS,
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: 250,
    maxBytesPerPartition: Math.ceil(reading.fetchBytes / 4),
    maxBytes: reading.fetchBytes,
    retry: { initialRetryTime: 200, maxRetryTime: 2000, retries: 8 },
  });
  const { failed, fail } = failure();
  const positions = new Map<number, number>();
  /** Partitions of which something was read since our seek: kafkajs is where we think it is. */
  const settled = new Set<number>();
  let generation = 0;
  let ours: readonly number[] = [];
  let assigning: Promise<void> = Promise.resolve();

  function assign(partitions: readonly number[]): void {
    generation++;
    ours = partitions;
    positions.clear();
    settled.clear();
    assigning = seekAll(generation, partitions);
    assigning.catch(fail);
  }

  async function seekAll(mine: number, partitions: readonly number[]): Promise<void> {
    const starts = await reading.assigned(partitions, mine);
    if (mine !== generation) return;
    for (const [partition, offset] of starts) {
      positions.set(partition, offset);
      seek(partition, offset);
    }
  }

  const seek = (partition: number, offset: number) =>
    consumer.seek({ topic: reading.topic, partition, offset: String(offset) });

  async function eachBatch({ batch, resolveOffset, heartbeat, isStale, isRunning }: EachBatchPayload): Promise<void> {
    const mine = generation;
    // A rebalance that a heartbeat brings up is met again by kafkajs right after this batch.
    const beating = setInterval(() => heartbeat().catch(() => undefined), HEARTBEAT_MS);
    try {
      await assigning;
      const from = positions.get(batch.partition);
      if (from === undefined || isStale() || !isRunning() || mine !== generation) return; // fetched before the seek
      const next = Number(batch.lastOffset()) + 1;
      settled.add(batch.partition);
      await reading.fetched({
        partition: batch.partition,
        generation: mine,
        asked: Number((batch as unknown as { fetchedOffset: string }).fetchedOffset),
        messages: pack(batch.messages, from, reading.beside, unpacking.whyNot),
        next,
      });
      if (mine !== generation) return;
      positions.set(batch.partition, Math.max(from, next));
      resolveOffset(batch.lastOffset());
    } catch (error) {
      fail(error);
    } finally {
      clearInterval(beating);
    }
  }

  const room = { fetch: MOST_UNPACKED * reading.fetchBytes, batch: reading.batchBytes ?? MOST_OF_BATCH };
  consumer.on(consumer.events.FETCH_START, () => unpacking.begin(room));
  consumer.on(consumer.events.REBALANCING, () => reading.rebalancing());
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    assign(payload.memberAssignment[reading.topic] ?? []);
  });
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    // A batch of nothing but transaction markers never reaches eachBatch.
    const { partition, batchSize, firstOffset, lastOffset } = payload;
    const from = positions.get(partition);
    if (batchSize > 0 || from === undefined) return;
    const isElsewhere = !settled.has(partition) && Number(firstOffset ?? lastOffset) > from;
    settled.add(partition);
    if (isElsewhere) return seek(partition, from); // it may stem from before our seek: what comes next does not
    const next = Number(lastOffset) + 1;
    positions.set(partition, Math.max(from, next));
    // kafkajs does not tell here what it asked for: whoever reads finds out
    const asked = Math.max(from, Number(firstOffset ?? from));
    reading.fetched({ partition, generation, asked, messages: pack([], next), next }).catch(fail);
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) fail(told(payload.error));
  });
  await consumer.connect();
  await consumer.subscribe({ topic: reading.topic, fromBeginning: true });
  await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch });
  return {
    failed,
    commit: (next) =>
      consumer.commitOffsets(
        [...next].map(([partition, offset]) => ({ topic: reading.topic, partition, offset: String(offset) })),
      ),
    reassign: () => assign(ours),
    // kafkajs waits for its long poll and its retries when it stops: not for ever
    stop: () => patiently(consumer.disconnect()),
  };
}
