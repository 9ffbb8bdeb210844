// What becomes of each offset of a batch: rows, a dead letter, or filtered: one at which Kafka has no message, or whose
// message the topic's map leaves out. Between taking-in.ts, which says up to where, and the buffer.
import { type DeadReason, isTimestamp } from "../../shared/events/event.ts";
import { arrivalOf, parseMessage, scanMessage } from "../../shared/events/message.ts";
import { newScanned } from "../../shared/events/scan.ts";
import { type MessageReader, type Outcome, refusal } from "../../shared/events/shape/mapped.ts";
import { openBeside, whyUnknown } from "../../shared/kafka/messages.ts";
import type { Fetched } from "../../shared/kafka/port.ts";
import type { Recorded } from "../../shared/table/on-record.ts";
import type { RowBuffer, Tally } from "./buffer.ts";
import { printOf } from "./prints.ts";
import type { Verdict } from "./suspects.ts";

/** The bad event at which it had to stop. */
export interface Refused {
  readonly reason: DeadReason;
  /** In words. */
  readonly detail: string;
  readonly offset: number;
}

export interface Fates {
  /** Adds what lies in tally.next <= offset < end. `verdict`: on the first of them, which then stands alone. */
  takeIn(batch: Fetched, tally: Tally, end: number, verdict: Verdict): Refused | undefined;
  /** Offsets from where the partition is to before `next` at which Kafka has no message. */
  gap(tally: Tally, partition: number, next: number): void;
  /** Offsets from where the partition is to before `next` whose messages were deleted before they were read. */
  lost(tally: Tally, partition: number, next: number): void;
  /** Offsets from where the partition is to before `next` whose fate is on record already. */
  honour(tally: Tally, partition: number, next: number, recorded: Recorded): void;
}

const condemned: Outcome = refusal("POISON");

interface Settings {
  readonly stopOnBadEvent: boolean;
  /** By the topic's map; without one events are of our own shape. */
  readonly reader?: MessageReader | undefined;
  /** Whether the key stands beside each message, after what the reader asks for, and prints are taken. */
  readonly takesPrints?: boolean;
}

export function openFates(buffer: RowBuffer, { stopOnBadEvent, reader, takesPrints = false }: Settings): Fates {
  const event = newScanned();

  function parse(value: Uint8Array | null, own: number): Outcome {
    const parsed = parseMessage(value, own);
    if (!parsed.ok) return refusal(parsed.reason);
    buffer.countUnknown(parsed.unknownFields);
    return { type: "rows", rows: [parsed.event] };
  }

  function takeIn(batch: Fetched, tally: Tally, end: number, verdict: Verdict): Refused | undefined {
    const { partition } = batch;
    const { offsets, arrivedAt, lengths, values } = batch.messages;
    const now = Date.now();
    const besideOf = reader && openBeside(batch.messages);
    for (let k = 0, at = 0; k < offsets.length; at += Math.max(0, lengths[k]!), k++) {
      const offset = offsets[k]!;
      if (offset < tally.next) continue;
      if (offset >= end) break;
      const own = arrivedAt[k]!;
      const arrived = arrivalOf(own, now);
      const length = lengths[k]!;
      gap(tally, partition, offset);
      if (verdict === null && besideOf === undefined && scanMessage(values, at, at + length, own, event)) {
        buffer.addScanned(values, event, own, partition, offset);
        buffer.mark(arrived);
        tally.good++;
      } else {
        const value = length < 0 ? null : values.subarray(at, at + length);
        const unknown = whyUnknown(batch.messages, length);
        const outcome =
          unknown !== undefined
            ? refusal("NOT_UNPACKED", unknown)
            : verdict !== null
              ? condemned
              : reader
                ? reader.read({ value, own, beside: besideOf!(k) })
                : parse(value, own);
        if (outcome.type === "rows") {
          for (const row of outcome.rows) buffer.addEvent(row, partition, offset);
          buffer.mark(arrived);
          tally.good++;
          tally.moreRows += outcome.rows.length - 1;
        } else if (outcome.type === "left-out") {
          buffer.addFiltered({ topic: buffer.source, partition, first: offset, last: offset, reason: "LEFT_OUT" });
          tally.filtered++;
          tally.leftOut++;
        } else {
          const { reason } = outcome;
          if (stopOnBadEvent) return { reason, offset, detail: outcome.detail };
          // the batch's memory is not ours to keep
          const kept = value && verdict !== "bare" ? Uint8Array.from(value) : null;
          const detail = isTimestamp(own) ? outcome.detail : `${outcome.detail} (Kafka's own is ${own})`;
          buffer.addDead({ value: kept, topic: buffer.source, partition, offset, timestamp: arrived, reason, detail });
          tally.dead++;
        }
      }
      if (arrived > tally.newestArrival) tally.newestArrival = arrived;
      tally.next = offset + 1;
    }
    if (takesPrints) print(batch, tally);
    return undefined;
  }

  /** Of the last message that was taken. */
  function print({ messages }: Fetched, tally: Tally): void {
    const { offsets, arrivedAt, lengths, values } = messages;
    const k = offsets.lastIndexOf(tally.next - 1);
    if (k < 0 || whyUnknown(messages, lengths[k]!) !== undefined) return; // the one before still stands
    const at = lengths.subarray(0, k).reduce((sum, length) => sum + Math.max(0, length), 0);
    const value = lengths[k]! < 0 ? null : values.subarray(at, at + lengths[k]!);
    const key = openBeside(messages)(k).at(-1) ?? null;
    tally.last = { offset: offsets[k]!, print: printOf({ key, value, timestamp: arrivedAt[k]! }) };
  }

  function gap(tally: Tally, partition: number, next: number): void {
    if (next <= tally.next) return;
    buffer.addFiltered({ topic: buffer.source, partition, first: tally.next, last: next - 1, reason: "NO_MESSAGE" });
    tally.filtered += next - tally.next;
    tally.next = next;
  }

  function lost(tally: Tally, partition: number, next: number): void {
    buffer.gaps.push({ topic: buffer.source, partition, first: tally.next, last: next - 1, reason: "LOST" });
    tally.lost += next - tally.next;
    tally.next = next;
  }

  function honour(tally: Tally, partition: number, next: number, { fate, reason }: Recorded): void {
    const count = next - tally.next;
    if (fate === "dead") {
      tally.dead += count;
      buffer.honoured.push({ partition, reason, count });
    } else if (reason === "LOST") tally.lost += count;
    else tally.filtered += count;
    if (reason === "LEFT_OUT") tally.leftOut += count;
    tally.next = next;
  }

  return { takeIn, gap, lost, honour };
}
