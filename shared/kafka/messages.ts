// Messages of Kafka side by side in few arrays: what goes from the client's thread to the one that reads them, without
// an object a message. Pure.
import type { Beside } from "../events/shape/places.ts";

/** A message as kafkajs has it: 64-bit numbers as their digits. */
export interface RawMessage {
  readonly key?: Uint8Array | null;
  readonly headers?: Readonly<Record<string, Uint8Array | string | readonly (Uint8Array | string)[] | undefined>>;
  readonly offset: string;
  /** Kafka's own time of the message, ms since 1970. */
  readonly timestamp: string;
  readonly value: Uint8Array | null;
}

/** In order of offset. */
export interface Messages {
  readonly offsets: Float64Array;
  /** Kafka's own times, ms since 1970. */
  readonly arrivedAt: Float64Array;
  /** Bytes of each value; -1 where a message has none, less where nobody knows it (`whyUnknown`). */
  readonly lengths: Int32Array;
  /** Why values are not known, in words; -2 is the first. */
  readonly reasons: readonly string[];
  /** The values, one after the other. */
  readonly values: Uint8Array;
  /** What was asked for beside, in that order; of each message's, -1 bytes where it has none. */
  readonly beside: readonly Pieces[];
}

const FIRST_REASON = -2;

/** Why a value of this length is not known; undefined where it is. */
export const whyUnknown = ({ reasons }: Messages, length: number): string | undefined => reasons[FIRST_REASON - length];

/** Pieces of bytes, one after the other. */
export interface Pieces {
  readonly lengths: Int32Array;
  readonly bytes: Uint8Array;
}

/** Those at and after `from`. `whyNot`: why a message's value is not known; undefined where it is. */
export function pack(
  messages: readonly RawMessage[],
  from: number,
  beside: readonly Beside[] = [],
  whyNot: (value: Uint8Array | null) => string | undefined = () => undefined,
): Messages {
  let first = 0;
  while (first < messages.length && Number(messages[first]!.offset) < from) first++;
  const count = messages.length - first;
  const packed = {
    offsets: new Float64Array(count),
    arrivedAt: new Float64Array(count),
    lengths: new Int32Array(count),
  };
  let bytes = 0;
  const reasons: string[] = [];
  for (let k = 0; k < count; k++) {
    const { offset, timestamp, value } = messages[first + k]!;
    const why = whyNot(value);
    packed.offsets[k] = Number(offset);
    packed.arrivedAt[k] = Number(timestamp);
    if (why !== undefined && !reasons.includes(why)) reasons.push(why);
    packed.lengths[k] = why !== undefined ? FIRST_REASON - reasons.indexOf(why) : value === null ? -1 : value.length;
    bytes += value === null ? 0 : value.length;
  }
  const values = new Uint8Array(bytes);
  for (let k = 0, at = 0; k < count; k++) {
    const { value } = messages[first + k]!;
    if (value === null) continue;
    values.set(value, at);
    at += value.length;
  }
  const kept = first === 0 ? messages : messages.slice(first);
  return {
    ...packed,
    reasons,
    values,
    beside: beside.map((asked) => piecesOf(kept.map((message) => besideOf(message, asked)))),
  };
}

/** What stands beside a message, by its number. */
export function openBeside({ beside }: Messages): (k: number) => (Uint8Array | null)[] {
  const starts = beside.map(({ lengths }) => {
    let at = 0;
    return Int32Array.from(lengths, (length) => {
      const start = at;
      at += Math.max(0, length);
      return start;
    });
  });
  return (k) =>
    beside.map(({ lengths, bytes }, n) =>
      lengths[k]! < 0 ? null : bytes.subarray(starts[n]![k]!, starts[n]![k]! + lengths[k]!),
    );
}

function besideOf({ key = null, headers }: RawMessage, asked: Beside): Uint8Array | null {
  if (asked.type === "key") return key;
  const found = headers && Object.hasOwn(headers, asked.name) ? headers[asked.name] : undefined;
  const last = Array.isArray(found)
    ? (found.at(-1) as Uint8Array | string | undefined)
    : (found as Uint8Array | string);
  return last === undefined ? null : typeof last === "string" ? Buffer.from(last) : last;
}

function piecesOf(all: readonly (Uint8Array | null)[]): Pieces {
  const lengths = Int32Array.from(all, (each) => each?.length ?? -1);
  const bytes = new Uint8Array(all.reduce((sum, each) => sum + (each?.length ?? 0), 0));
  let at = 0;
  for (const each of all) {
    if (!each) continue;
    bytes.set(each, at);
    at += each.length;
  }
  return { lengths, bytes };
}
