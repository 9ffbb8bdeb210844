// What ingest sees of a topic at one moment: which topic it is, and which offsets it holds.
import type { Bounds, Kafka } from "../../shared/kafka/port.ts";
import { printOf } from "./prints.ts";

export interface Seen {
  /** Of this topic and no other of its name, before or after; null where Kafka does not tell. */
  readonly id: string | null;
  readonly bounds: readonly Bounds[];
  /** There is no topic of this name now. */
  readonly isAbsent: boolean;
}

/** Bounds of the very topic whose id it is, though it be made anew under our eyes. */
export async function lookAt(kafka: Pick<Kafka, "topicId" | "endOffsets">, topic: string): Promise<Seen> {
  for (;;) {
    const id = await kafka.topicId(topic);
    if (id === undefined) return { id: null, bounds: [], isAbsent: true };
    const bounds = await kafka.endOffsets(topic);
    if ((await kafka.topicId(topic)) === id) return { id, bounds, isAbsent: false };
  }
}

/** The fingerprint of the message at an offset; null where there is none, or none any more. */
export async function printAt(
  kafka: Pick<Kafka, "messageAt">,
  topic: string,
  partition: number,
  offset: number,
): Promise<number | null> {
  const message = await kafka.messageAt(topic, partition, offset);
  return message ? printOf({ key: null, ...message, timestamp: Number(message.timestamp) }) : null;
}
