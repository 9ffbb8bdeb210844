// What a message of the topic comes to: an event as it stands in its bytes, one that has to be taken apart, or the
// reason why it is none. Ingest and serve read alike, or serve would show what never reaches the table. Pure.
import { isTimestamp, type Parsed, parseEvent } from "./event.ts";
import { type Scanned, scanEvent } from "./scan.ts";

/** What Kafka says where nobody gave a message a time. An event with a time of its own needs no other. */
const NO_TIME = -1;
export const isTold = (own: number): boolean => own === NO_TIME || isTimestamp(own);
const lateOrEarly = { ok: false, reason: "TIMESTAMP_INVALID" } as const;

/** `own` is Kafka's time of the message. False where `parseMessage` must say what it is. */
export function scanMessage(bytes: Uint8Array, start: number, end: number, own: number, into: Scanned): boolean {
  return isTold(own) && scanEvent(bytes, start, end, into) && (isTimestamp(into.timestamp) || isTimestamp(own));
}

export function parseMessage(value: Uint8Array | null, own: number): Parsed {
  return isTold(own) ? parseEvent(value, own) : lateOrEarly;
}

/**
 * When it arrived, ms since 1970. A producer writes Kafka's time as it likes: what lies ahead of us has arrived now, or
 * the model would look fresh until then.
 */
export const arrivalOf = (own: number, now: number): number => (isTimestamp(own) ? Math.min(own, now) : now);
