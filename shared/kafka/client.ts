// The port to Kafka: five methods, and the only file that imports kafkajs, so that another client can take its place.
import { Socket } from "node:net";
import kafkajs, {
  type Consumer,
  type EachBatchPayload,
  type KafkaConfig,
  type PartitionerArgs,
  type Producer,
} from "kafkajs";
import { AppError } from "../errors/errors.ts";
import { failure } from "../errors/failure.ts";
import type { Log } from "../runtime/log.ts";
import { oneAtATime } from "../runtime/turns.ts";
import { openInside } from "./inside.ts";
import { type Messages, pack } from "./messages.ts";
import { partitionOf } from "./partitioner.ts";

export interface Outgoing {
  readonly key: string;
  readonly value: string | Buffer;
}

export interface Fetched {
  readonly partition: number;
  /** Of the assignment under which it was fetched: what comes late from an earlier one is stale. */
  readonly generation: number;
  /**
   * The offset that Kafka was asked for. Above the position where it no longer had that: what lies between was deleted
   * before it could be read.
   */
  readonly asked: number;
  /** In order of offset, none before the position that was asked for. */
  readonly messages: Messages;
  /**
   * The offset to go on from. Where `messages` leaves out offsets before it, Kafka holds none: transaction markers,
   * aborted or compacted away.
   */
  readonly next: number;
}

/** What a partition holds: offsets from `begin` to before `end`. */
export interface Bounds {
  readonly partition: number;
  readonly begin: number;
  readonly end: number;
  /** What may be read: before this offset. Behind it a transaction is open. */
  readonly stable: number;
}

export interface Reading {
  readonly topic: string;
  readonly group: string;
  /** Bytes of one fetch, about. */
  readonly fetchBytes: number;
  /**
   * The partitions are ours now, and all that was read before is stale. Answers the offset to start each at. An error
   * ends the reading.
   */
  assigned(partitions: readonly number[], generation: number): Promise<ReadonlyMap<number, number>>;
  /** The partitions may go to others: `assigned` follows. Nobody waits for this. */
  rebalancing(): void;
  /**
   * One batch at a time; nothing more is fetched while it runs, so waiting here is back-pressure. An error ends the
   * reading.
   */
  fetched(batch: Fetched): Promise<void>;
}

export interface Consumption {
  /** Rejects when the reading cannot go on. Connection losses are not such: they are retried for ever. */
  readonly failed: Promise<never>;
  /** Tells the group how far we are, for lag tools: nobody starts from there. */
  commit(next: ReadonlyMap<number, number>): Promise<void>;
  /** Forgets what was read: `assigned` is called again for the same partitions, and reading goes on from its answer. */
  reassign(): void;
  /** Leaves the group at once. */
  stop(): Promise<void>;
}

export interface Kafka {
  /** Creates the topic where missing; the number of its partitions. */
  ensureTopic(topic: string, partitions: number): Promise<number>;
  endOffsets(topic: string): Promise<Bounds[]>;
  /**
   * Acknowledged by all replicas, idempotent; partitioned by key as Java clients do. Retries while the broker is away.
   */
  produce(topic: string, messages: readonly Outgoing[]): Promise<void>;
  consume(reading: Reading): Promise<Consumption>;
  close(): Promise<void>;
}

const HEARTBEAT_MS = 1000;
/** How long Kafka waits for a member that was killed before its partitions go to others: brokers allow no less. */
const SESSION_MS = 6000;
const REACH_MS = 12_000;
/** Partitions that are added to a topic are read after so long at most. */
const METADATA_MS = 5000;
/** As kafkajs has it. */
const KEEP_ALIVE_MS = 60_000;

/**
 * `brokers`: host:port, several with commas. `find`: for the one local broker, which may come back at another port,
 * where it is now. Throws BROKER_UNREACHABLE when no broker answers within some 12 s.
 */
export async function openKafka(brokers: string, log: Log, find?: () => Promise<string>): Promise<Kafka> {
  const client = new kafkajs.Kafka({
    ...settings(brokers, log),
    ...(find && { socketFactory: following(brokers, find) }),
  });
  const newAdmin = () => client.admin({ retry: { retries: 4 } });
  const inside = openInside(client);
  let admin = newAdmin();
  await reach(admin.connect(), brokers);
  let producer: Promise<Producer> | undefined;
  const consumptions = new Set<Consumption>();

  async function connectProducer(): Promise<Producer> {
    const made = client.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: () => byKey,
    });
    await made.connect();
    return made;
  }

  const inTurn = oneAtATime();
  /** kafkajs's admin goes by what it has learned of a topic for five minutes: another one knows what was added. */
  async function offsetsOf(topic: string) {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    const found = await admin.fetchTopicOffsets(topic);
    if (found.length >= (topics[0]?.partitions.length ?? 0)) return found;
    const before = admin;
    const next = newAdmin();
    await next.connect();
    admin = next;
    await before.disconnect();
    return await admin.fetchTopicOffsets(topic);
  }

  return {
    ensureTopic: async (topic, numPartitions) => {
      const existing = await admin.listTopics();
      if (!existing.includes(topic))
        await admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor: -1 }] });
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      return topics[0]!.partitions.length;
    },
    endOffsets: async (topic) => {
      const found = await inTurn(() => offsetsOf(topic)); // the admin that one disconnects is no other's
      const ends = await inside.highWatermarks(
        topic,
        found.map(({ partition }) => partition),
      );
      return found
        .map(({ partition, low, high }) => {
          const stable = Number(high);
          return { partition, begin: Number(low), end: Math.max(stable, ends.get(partition) ?? 0), stable };
        })
        .sort((a, b) => a.partition - b.partition);
    },
    produce: async (topic, messages) => {
      producer ??= connectProducer();
      await (await producer).send({ topic, acks: -1, messages: messages as Outgoing[] });
    },
    consume: async (reading) => {
      const consumption = await consume(client, reading);
      consumptions.add(consumption);
      return consumption;
    },
    close: async () => {
      await Promise.allSettled([...consumptions].map((each) => each.stop()));
      await Promise.allSettled([admin.disconnect(), inside.close(), producer?.then((each) => each.disconnect())]);
    },
  };
}

const byKey = ({ message, partitionMetadata }: PartitionerArgs) =>
  partitionOf(String(message.key), partitionMetadata.length);

function settings(brokers: string, log: Log): KafkaConfig {
  return {
    clientId: "tributary",
    brokers: brokers.split(",").map((each) => each.trim()),
    connectionTimeout: 3000,
    requestTimeout: 30_000,
    retry: { initialRetryTime: 200, maxRetryTime: 2000, retries: Number.MAX_SAFE_INTEGER },
    // kafkajs tells of every retry at its highest level: the services say what matters, this is for debugging.
    logCreator:
      () =>
      ({ namespace, log: { message, error } }) =>
        log.debug({ kafkajs: namespace, error }, message),
  };
}

/**
 * Each connection goes to where the broker is by then, whatever kafkajs remembers: at its old port somebody else may
 * listen. While it is away, its last address is the best guess.
 */
function following(brokers: string, find: () => Promise<string>): NonNullable<KafkaConfig["socketFactory"]> {
  let addresses = brokers;
  return ({ onConnect }) => {
    const socket = new Socket();
    const go = () => {
      const { hostname, port } = new URL(`kafka://${addresses}`);
      if (!socket.writableEnded && !socket.destroyed)
        socket.connect(Number(port), hostname, onConnect).setKeepAlive(true, KEEP_ALIVE_MS); // else it took too long
    };
    void find().then((found) => {
      addresses = found;
      go();
    }, go);
    return socket;
  };
}

async function reach(connecting: Promise<void>, brokers: string): Promise<void> {
  const give = (cause?: unknown) =>
    new AppError("BROKER_UNREACHABLE", { what: "no Kafka broker answers", brokers }, { cause });
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(give()), REACH_MS);
  });
  try {
    await Promise.race([
      connecting.catch((error) => {
        throw give(error);
      }),
      deadline,
    ]);
  } finally {
    clearTimeout(timer);
  }
}

async function consume(client: InstanceType<typeof kafkajs.Kafka>, reading: Reading): Promise<Consumption> {
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
        messages: pack(batch.messages, from),
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
    if (!payload.restart) fail(payload.error);
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
    stop: () => leave(consumer),
  };
}

/** kafkajs waits for its long poll and its retries when it stops: not for ever. */
async function leave(consumer: Consumer): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, 2500);
  });
  await Promise.race([consumer.disconnect().catch(() => undefined), patience]);
  clearTimeout(timer);
}
