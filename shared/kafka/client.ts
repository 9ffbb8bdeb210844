// Kafka by kafkajs, behind the port of port.ts: the only file that loads kafkajs.
import kafkajs, { type KafkaConfig } from "kafkajs";
import type { AppError, Facts } from "../errors/errors.ts";
import type { Log } from "../runtime/log.ts";
import { oneAtATime } from "../runtime/turns.ts";
import { isConnectionError, unreachable } from "./away.ts";
import { type Codec, type Compression, codecs, compressions } from "./codecs.ts";
import { consume } from "./consumption.ts";
import { patiently, within } from "./deadline.ts";
import { openCluster, openInside } from "./inside.ts";
import { interruptible } from "./interruptible.ts";
import { saslOf } from "./login.ts";
import { bundleOf } from "./outgoing.ts";
import type { Consumption, Kafka } from "./port.ts";
import { openProducing, type Producing } from "./producing.ts";
import { refusalOf } from "./refusals.ts";
import type { KafkaSettings } from "./settings.ts";
import { settled } from "./settling.ts";
import { openSockets, type Sockets } from "./sockets.ts";
import { openUnpacking } from "./unpacking.ts";

const REACH_MS = 12_000;
const ENSURE_MS = 15_000;
/**
 * So long before its end a login is renewed. Kafka allows that once a second and no more, so of a session as short as
 * this no request would pass.
 */
const RENEW_MS = 5000;
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
      throw isConnectionError(refusal) ? unreachable(settings, answered, sockets.troubles, refusal) : refusal;
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
      const found = await ask("see the topic", { topic }, () =>
        settled(() => inTurn(() => offsetsOf(topic)), { isThere: false }),
      );
      const partitions = found.map(({ partition }) => partition);
      const ends = await ask("see the topic", { topic }, () =>
        settled(() => inside.highWatermarks(topic, partitions), { isThere: true }),
      );
      return found
        .map(({ partition, low, high }) => {
          const stable = Number(high);
          return { partition, begin: Number(low), end: Math.max(stable, ends.get(partition) ?? 0), stable };
        })
        .sort((a, b) => a.partition - b.partition);
    },
    topicId: (topic) => ask("see the topic", { topic }, () => inside.topicId(topic)),
    messageAt: (topic, partition, offset) =>
      ask("read the topic", { topic }, async () => {
        const found = await settled(() => inside.messageAt(topic, partition, offset), { isThere: true });
        return found && unpacking.whyNot(found.value) !== undefined ? undefined : found; // what it holds is not known
      }),
    topics: () => ask("see the topics", {}, () => admin.listTopics()),
    produce: async (topic, messages) => {
      producing ??= openProducing(() => openCluster(client), settings.compression);
      const sent = producing.then((each) => each.send(topic, "count" in messages ? messages : bundleOf(messages)));
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
      const consumption = await ask("read the topic", facts, () => consume(client, reading, unpacking, told));
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
  registered[compressions.indexOf(name)] = () => ({ decompress: unpacking.bounded(name, decompress) });

function clientConfig({ clientId, connectMs, login }: KafkaSettings, sockets: Sockets, log: Log): KafkaConfig {
  return {
    clientId,
    brokers: [...sockets.seeds],
    socketFactory: sockets.open,
    ...(login && { sasl: saslOf(login), reauthenticationThreshold: RENEW_MS }),
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
