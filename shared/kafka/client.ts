// The port to Kafka: seven methods, and the only file that imports kafkajs, so that another client can take its place.
import kafkajs, {
  type Consumer,
  type EachBatchPayload,
  type KafkaConfig,
  type Mechanism,
  type SASLOptions,
} from "kafkajs";
import { AppError, type Facts } from "../errors/errors.ts";
import { failure } from "../errors/failure.ts";
import type { Beside } from "../events/shape/places.ts";
import type { Log } from "../runtime/log.ts";
import { oneAtATime } from "../runtime/turns.ts";
import { allWritten } from "./addresses.ts";
import { type Codec, type Compression, codecs, compressions } from "./codecs.ts";
import { METADATA_MS, openCluster, openInside } from "./inside.ts";
import { interruptible } from "./interruptible.ts";
import { type Messages, pack } from "./messages.ts";
import { openProducing, type Producing } from "./producing.ts";
import type { Outgoing } from "./record-batch.ts";
import { refusalOf, tokenRefused } from "./refusals.ts";
import type { KafkaSettings, Login } from "./settings.ts";
import { openSockets, type Sockets } from "./sockets.ts";
import { tokensFrom } from "./tokens.ts";
import { openUnpacking } from "./unpacking.ts";

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
  /** What is wanted of messages beside value, offset and time. */
  readonly beside?: readonly Beside[];
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
   * What no other topic has, of this name or another, before or after; null where Kafka does not tell, undefined where
   * there is no such topic.
   */
  topicId(topic: string): Promise<string | null | undefined>;
  /** Names of all topics that we may see. */
  topics(): Promise<string[]>;
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
const ENSURE_MS = 15_000;
const LEAVE_MS = 2500;
/** Bytes that a fetch may unpack to, of each of its own: JSON packs to a tenth. */
const MOST_UNPACKED = 16;
/** Without an acknowledgement for so long, what is sent is held up. */
const OVERDUE_MS = 10_000;

interface Opening {
  /** For the one local broker, which may come back at another port: where it is now. */
  readonly find?: (() => Promise<string>) | undefined;
  /** Nothing but what is being sent is waited for after it. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Throws BROKER_UNREACHABLE when no broker answers within some 12 s, or none of those that Kafka names can be reached;
 * KAFKA_TLS_REFUSED and KAFKA_LOGIN_REFUSED at once. Each method throws these and KAFKA_FORBIDDEN.
 */
export async function openKafka(settings: KafkaSettings, log: Log, { find, signal }: Opening = {}): Promise<Kafka> {
  /** By the signal; what is sent and read then is not among it, and ends in its own time. */
  const { guard, interrupt } = interruptible();
  /** By a broker and us who do not trust each other. */
  const trust = interruptible();
  const stop = () => interrupt(signal!.reason);
  const refused = (error: AppError) => {
    interrupt(error);
    trust.interrupt(error);
  };
  const sockets = openSockets({ settings, log, find, refused });
  const client = new kafkajs.Kafka(clientConfig(settings, sockets, log));
  const newAdmin = () => client.admin({ retry: { retries: 4 } });
  const inside = openInside(client);
  let admin = newAdmin();
  let producing: Promise<Producing> | undefined;
  const consumptions = new Set<Consumption>();
  let answered = false;
  let isOverdue = false;

  function tellOverdue(): void {
    if (isOverdue) return;
    isOverdue = true;
    const why = sockets.troubles.length === 0 ? "" : ` (${sockets.troubles.join("; ")})`;
    log.warn(`what was sent is not acknowledged for ${OVERDUE_MS / 1000} s${why}; Kafka is waited for`);
  }

  /** What is asked for here ends with a refusal, the signal, or when Kafka has not answered for so long. */
  async function ask<T>(doing: string, facts: Facts, work: () => Promise<T>, patienceMs?: number): Promise<T> {
    try {
      return await guard(patienceMs === undefined ? work() : within(patienceMs, work()));
    } catch (error) {
      const refusal = refusalOf(error, doing, facts);
      throw isConnectionError(refusal) ? unreachable(settings, answered, sockets, refusal) : refusal;
    }
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

  async function close(): Promise<void> {
    signal?.removeEventListener("abort", stop);
    await Promise.allSettled([...consumptions].map((each) => each.stop()));
    const others = [admin.disconnect(), inside.close(), producing?.then((each) => each.close())];
    await patiently(Promise.allSettled(others));
    sockets.close(); // a broker that does not answer keeps nobody
  }

  signal?.addEventListener("abort", stop, { once: true });
  try {
    signal?.throwIfAborted();
    await ask("connect", {}, () => admin.connect(), REACH_MS);
    answered = true;
    await ask("see the cluster", {}, () => admin.describeCluster(), REACH_MS); // by one of the brokers that it names
  } catch (error) {
    signal?.removeEventListener("abort", stop);
    sockets.close();
    throw error;
  }
  return {
    ensureTopic: (topic, numPartitions) =>
      ask(
        "create or see the topic",
        { topic },
        async () => {
          const existing = await admin.listTopics();
          if (!existing.includes(topic))
            await admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor: -1 }] });
          const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
          return topics[0]!.partitions.length;
        },
        ENSURE_MS,
      ),
    endOffsets: async (topic) => {
      // in turn: the admin that one disconnects is no other's
      const found = await ask("see the topic", { topic }, () => inTurn(() => offsetsOf(topic)));
      const partitions = found.map(({ partition }) => partition);
      const ends = await ask("see the topic", { topic }, () => inside.highWatermarks(topic, partitions));
      return found
        .map(({ partition, low, high }) => {
          const stable = Number(high);
          return { partition, begin: Number(low), end: Math.max(stable, ends.get(partition) ?? 0), stable };
        })
        .sort((a, b) => a.partition - b.partition);
    },
    topicId: (topic) => ask("see the topic", { topic }, () => inside.topicId(topic)),
    topics: () => ask("see the topics", {}, () => admin.listTopics()),
    produce: async (topic, messages) => {
      producing ??= openProducing(() => openCluster(client), settings.compression);
      const sent = producing.then((each) => each.send(topic, messages));
      const overdue = setTimeout(tellOverdue, OVERDUE_MS);
      try {
        await trust.guard(sent);
        if (isOverdue) log.info("Kafka acknowledges again what is sent");
        isOverdue = false;
      } catch (error) {
        throw refusalOf(error, "write into the topic", { topic });
      } finally {
        clearTimeout(overdue);
      }
    },
    consume: async (reading) => {
      const facts = { topic: reading.topic, group: reading.group };
      const told = (error: unknown) => refusalOf(error, "read the topic", facts);
      const consumption = await ask("read the topic", facts, () => consume(client, reading, told));
      consumptions.add(consumption);
      const failed = trust.guard(consumption.failed);
      failed.catch(() => undefined);
      return { ...consumption, failed };
    },
    close,
  };
}

/** Of all consumers of the process: kafkajs knows its codecs as one set. */
const unpacking = openUnpacking();
const registered: Record<number, () => unknown> = kafkajs.CompressionCodecs;
for (const [name, { decompress }] of Object.entries(codecs) as [Compression, Codec][])
  registered[compressions.indexOf(name)] = () => ({ decompress: unpacking.bounded(decompress) }); // packed elsewhere

function clientConfig({ clientId, connectMs, login }: KafkaSettings, sockets: Sockets, log: Log): KafkaConfig {
  return {
    clientId,
    brokers: [...sockets.seeds],
    socketFactory: sockets.open,
    ...(login && { sasl: saslOf(login) }),
    connectionTimeout: connectMs + 500, // our sockets end themselves before
    requestTimeout: 30_000,
    retry: { initialRetryTime: 200, maxRetryTime: 2000, retries: Number.MAX_SAFE_INTEGER },
    // kafkajs tells of every retry at its highest level: the services say what matters, this is for debugging.
    logCreator:
      () =>
      ({ namespace, log: { message, error } }) => {
        log.debug({ kafkajs: namespace, error }, message);
        // To connect is tried for ever, and this is the one place where kafkajs can be told that nobody waits any more.
        if (sockets.closed && namespace === "BrokerPool")
          throw Object.assign(new Error("closed"), { retriable: false });
      },
  };
}

function saslOf(login: Login): SASLOptions | Mechanism {
  if (login.mechanism === "OAUTHBEARER") return bearer(tokensFrom(login.token));
  const { username, password } = login;
  return { mechanism: login.mechanism.toLowerCase() as "plain", username, password };
}

/**
 * RFC 7628. kafkajs has it too, but takes the broker's refusal, which stands in an answer that is no error, for a yes,
 * and then meets a connection that is closed, again and again.
 */
function bearer(token: () => Promise<string>): Mechanism {
  const withLength = (text: string) => {
    const bytes = Buffer.from(`0000${text}`);
    bytes.writeInt32BE(bytes.length - 4);
    return bytes;
  };
  return {
    mechanism: "OAUTHBEARER",
    authenticationProvider: ({ saslAuthenticate }) => ({
      authenticate: async () => {
        const message = withLength(`n,,\x01auth=Bearer ${await token()}\x01\x01`);
        const refusal = await saslAuthenticate<string>({
          request: { encode: () => message },
          response: { decode: (answer: Buffer) => answer, parse: (answer: Buffer) => answer.toString("utf8", 4) },
        });
        if (refusal) throw tokenRefused(refusal);
      },
    }),
  };
}

/** Of kafkajs, those that mean: nobody was there, or nobody answered. */
const lost = new Set(
  [
    ...["ConnectionError", "ConnectionClosedError", "RequestTimeoutError", "NumberOfRetriesExceeded"],
    ...["BrokerNotFound", "GroupCoordinatorNotFound", "LockTimeout"],
  ].map((name) => `KafkaJS${name}`),
);
const isConnectionError = (error: unknown) => error === tooLong || lost.has((error as Error)?.name);

/** Kafka names its brokers by `advertised.listeners`, which may hold for other networks than ours. */
function unreachable({ brokers }: KafkaSettings, answered: boolean, { troubles }: Sockets, cause: unknown): AppError {
  const isClosed = (cause as Error).name === "KafkaJSConnectionClosedError";
  const closes = "it closes the connection: does security.protocol fit this listener?";
  const why = troubles.length > 0 ? troubles.join("; ") : isClosed ? closes : "";
  const who =
    answered && !isClosed ? "Kafka answers, but none of the brokers that it names" : "no Kafka broker answers";
  const named = answered && !isClosed ? " (advertised.listeners) can be reached" : "";
  const what = `${who}${named}${why && `: ${why}`}`;
  return new AppError("BROKER_UNREACHABLE", { what, brokers: allWritten(brokers) }, { cause });
}

const tooLong = new Error("Kafka has not answered");

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooLong), ms);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

async function consume(
  client: InstanceType<typeof kafkajs.Kafka>,
  reading: Reading,
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
        messages: pack(batch.messages, from, reading.beside),
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

  consumer.on(consumer.events.FETCH_START, () => unpacking.begin(MOST_UNPACKED * reading.fetchBytes));
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
    stop: () => leave(consumer),
  };
}

/** kafkajs waits for its long poll and its retries when it stops: not for ever. */
const leave = (consumer: Consumer): Promise<void> => patiently(consumer.disconnect());

async function patiently(work: Promise<unknown>): Promise<void> {
  await within(LEAVE_MS, work).catch(() => undefined);
}
