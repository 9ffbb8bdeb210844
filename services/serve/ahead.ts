// From messages of the topic to what is known of users: reads each as ingest does, counts what becomes of it, marks one
// a second. Between following.ts, which has them from Kafka, and the users.
import { arrivalOf, parseMessage, scanMessage } from "../../shared/events/message.ts";
import { newScanned } from "../../shared/events/scan.ts";
import type { MessageReader } from "../../shared/events/shape/mapped.ts";
import type { Message } from "../../shared/events/shape/places.ts";
import { openBeside } from "../../shared/kafka/messages.ts";
import type { Fetched } from "../../shared/kafka/port.ts";
import type { Tail } from "../../shared/recommending/tail.ts";

/** Of messages, by what became of them. */
export interface Taken {
  /** Events that the table did not have yet. */
  taken: number;
  /** Those of them that name items which the model in use has no column for. */
  unknown: number;
  /** Read before, or in the table. */
  old: number;
  /** No events: ingest puts them to the dead letters. */
  refused: number;
  /** Messages that the topic's map leaves out. */
  filtered: number;
}

export interface Ahead {
  /** `since`: what arrived before is not marked, since nobody followed then. Answers arrivals of marked events, ms. */
  take(batch: Fetched, since: number, now: number, reader?: MessageReader): number[];
  readonly counts: Readonly<Taken>;
}

/** A mark a second of the stream, as in the table. */
const MARK_MS = 1000;

interface Pair {
  readonly user: string;
  readonly item: string;
}
const nothing: readonly Pair[] = [];

/** `knows`: whether the model in use has a column for the item. `failed` hears of an error at a message. */
export function openAhead(
  { take, passed }: Pick<Tail, "take" | "passed">,
  knows: (item: string) => boolean,
  failed: (partition: number, offset: number, error: unknown) => void,
): Ahead {
  const event = newScanned();
  const counts: Taken = { taken: 0, unknown: 0, old: 0, refused: 0, filtered: 0 };
  let marked = 0;

  /** Undefined for what is no event. */
  function read(bytes: Buffer | null, own: number): Pair | undefined {
    if (bytes && scanMessage(bytes, 0, bytes.length, own, event)) {
      const { userStart, userEnd, itemStart, itemEnd } = event; // ASCII, or it would not have been scanned
      return { user: bytes.toString("latin1", userStart, userEnd), item: bytes.toString("latin1", itemStart, itemEnd) };
    }
    const parsed = parseMessage(bytes, own);
    return parsed.ok ? parsed.event : undefined;
  }

  /** Undefined for what is no event, none for what the map leaves out. */
  function readMapped(reader: MessageReader, message: Message): readonly Pair[] | undefined {
    const outcome = reader.read(message);
    if (outcome.type === "rows") return outcome.rows;
    return outcome.type === "refused" ? undefined : nothing;
  }

  function takeOne(partition: number, offset: number, events: readonly Pair[] | undefined): void {
    if (!events) counts.refused++;
    else if (events.length === 0) counts.filtered++;
    for (const [k, event] of (events ?? nothing).entries()) {
      if (take(partition, offset, event.user, event.item, k > 0) === "old") {
        counts.old++;
        return; // and so are the other rows of the message
      }
      counts.taken++;
      if (!knows(event.item)) counts.unknown++;
    }
  }

  return {
    counts,
    take: ({ partition, messages, next }, since, now, reader) => {
      const { offsets, arrivedAt, lengths, values } = messages;
      const besideOf = openBeside(messages);
      const all = Buffer.from(values.buffer, values.byteOffset, values.length);
      const marks: number[] = [];
      for (let k = 0, at = 0; k < offsets.length; at += Math.max(0, lengths[k]!), k++) {
        const [offset, length] = [offsets[k]!, lengths[k]!];
        try {
          const value = length < 0 ? null : all.subarray(at, at + length);
          const own = arrivedAt[k]!;
          const event = reader ? undefined : read(value, own);
          const events = reader ? readMapped(reader, { value, own, beside: besideOf(k) }) : event && [event];
          takeOne(partition, offset, events);
        } catch (error) {
          counts.refused++; // what ingest would condemn must not end serve either
          failed(partition, offset, error);
        }
        const arrived = arrivalOf(arrivedAt[k]!, now);
        if (arrived < since || arrived - marked < MARK_MS) continue;
        marks.push(arrived);
        marked = arrived;
      }
      passed(partition, next);
      return marks;
    },
  };
}
