// The newest messages of a topic, read in a group of their own that commits nothing and is gone when it ends.
import { randomUUID } from "node:crypto";
import { AppError } from "../../../shared/errors/errors.ts";
import type { Beside, Message } from "../../../shared/events/shape/places.ts";
import { openBeside, whyUnknown } from "../../../shared/kafka/messages.ts";
import type { Bounds, Fetched, Kafka } from "../../../shared/kafka/port.ts";
import { sleep, type Until } from "../../../shared/runtime/lifecycle.ts";

export interface Placed extends Message {
  readonly partition: number;
  readonly offset: number;
  /** Why nobody knows its value; undefined where it is known. */
  readonly unknown: string | undefined;
}

const FETCH_BYTES = 1 << 20;
/** Without a message: Kafka is away, or gave the partitions to nobody. */
const SILENCE_MS = 5000;
const LOOK_MS = 100;

/** In order of their arrival. Throws TOPIC_MISSING. */
export async function newestMessages(
  kafka: Kafka,
  topic: string,
  count: number,
  beside: readonly Beside[],
  until: Until,
): Promise<Placed[]> {
  const bounds = await boundsOf(kafka, topic);
  const ends = new Map(bounds.map(({ partition, stable }) => [partition, stable]));
  const starts = new Map(bounds.map(({ partition, begin, stable }) => [partition, Math.max(begin, stable - count)]));
  const left = new Set(bounds.flatMap(({ partition, stable }) => (starts.get(partition)! < stable ? [partition] : [])));
  const found: Placed[] = [];
  let heardAt = performance.now();
  if (left.size === 0) return found;
  const consumption = await kafka.consume({
    topic,
    group: `tributary-preview-${randomUUID()}`,
    fetchBytes: FETCH_BYTES,
    beside,
    assigned: async (partitions) => new Map(partitions.map((partition) => [partition, starts.get(partition) ?? 0])),
    rebalancing: () => undefined,
    fetched: async (batch) => {
      heardAt = performance.now();
      for (const message of messagesOf(batch))
        if (message.offset < (ends.get(batch.partition) ?? 0)) found.push(message);
      if (batch.next >= (ends.get(batch.partition) ?? 0)) left.delete(batch.partition);
    },
  });
  const look = async () => {
    while (left.size > 0 && performance.now() - heardAt < SILENCE_MS && !until.signal.aborted)
      await sleep(LOOK_MS, until.signal);
  };
  await Promise.race([look(), consumption.failed]);
  await consumption.stop();
  return found.sort((a, b) => a.own - b.own || a.partition - b.partition || a.offset - b.offset).slice(-count);
}

async function boundsOf(kafka: Kafka, topic: string): Promise<readonly Bounds[]> {
  try {
    return await kafka.endOffsets(topic);
  } catch (error) {
    if ((error as { type?: string }).type !== "UNKNOWN_TOPIC_OR_PARTITION") throw error;
    throw new AppError("TOPIC_MISSING", { what: "Kafka has no such topic", topic }, { cause: error });
  }
}

/** Each with memory of its own. */
function messagesOf({ partition, messages }: Fetched): Placed[] {
  const { offsets, arrivedAt, lengths, values } = messages;
  const besideOf = openBeside(messages);
  let at = 0;
  return Array.from(offsets, (offset, k) => {
    const length = lengths[k]!;
    const value = length < 0 ? null : values.slice(at, at + length);
    at += Math.max(0, length);
    const unknown = whyUnknown(messages, length);
    return { partition, offset, own: arrivedAt[k]!, value, unknown, beside: besideOf(k) };
  });
}
