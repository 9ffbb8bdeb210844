// From a Kafka message's bytes to an event, or to the reason why it is none. Strict: what is not exactly an event goes
// to the dead letters, never half-read.
import { fieldAt, ITEM, TIMESTAMP, USER, VALUE } from "./fields.ts";
import { walkJson } from "./json.ts";

export interface Interaction {
  /** 1..256 bytes of UTF-8. */
  readonly user: string;
  readonly item: string;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly value: number | null;
}

/** Every reason why a message is no event, in words. A closed list: metrics and dead letters carry the codes. */
export const deadReasons = {
  EMPTY: "the message has no value",
  NOT_UTF8: "the value is no UTF-8",
  NOT_JSON: "the value is no JSON",
  NOT_OBJECT: "the value is JSON, but no object",
  USER_MISSING: "no user",
  USER_INVALID: "user is neither a string of 1 to 256 bytes nor an integer below 2^53",
  ITEM_MISSING: "no item",
  ITEM_INVALID: "item is neither a string of 1 to 256 bytes nor an integer below 2^53",
  TIMESTAMP_INVALID: "timestamp is no integer of milliseconds between the years 1970 and 9999",
  VALUE_INVALID: "value is no finite number",
  LIST_MISSING: "no list where the map makes rows of one",
  TOO_MANY_ROWS: "the map makes more than 10,000 rows of it",
  ENVELOPE_INVALID: "the value is not in the envelope that the map's preset names",
  NOT_FRAMED: "the value does not begin with a schema's id, as the schema registry's clients write it",
  SCHEMA_UNKNOWN: "the schema registry knows no schema of the value's id, or none that can be read",
  SCHEMA_MISFIT: "the value does not fit the schema that it names",
  NOT_UNPACKED: "its batch unpacks to more than the memory allows; Kafka still has it",
  POISON: "reading or encoding it failed, or ended the process, twice: among others, then alone",
} as const;
export type DeadReason = keyof typeof deadReasons;

export type Parsed =
  | {
      readonly ok: true;
      readonly event: Interaction /** Names of fields that are no part of an event. */;
      readonly unknownFields: readonly string[];
    }
  | { readonly ok: false; readonly reason: DeadReason };

export const MAX_NAME_BYTES = 256;
/** The end of year 9999: later times are a unit mistaken (microseconds), and other readers of the table refuse them. */
const MAX_TIMESTAMP = 253_402_300_799_999;

/** Names of unknown fields that one message can tell; the rest of them, and longer names, count as others. */
const MOST_UNKNOWN = 16;
const LONGEST_UNKNOWN = 64;
/** Stands for fields that are not told apart. */
export const OTHER_FIELDS = "(others)";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const refused: Readonly<Record<DeadReason, Parsed>> = Object.fromEntries(
  Object.keys(deadReasons).map((reason) => [reason, { ok: false, reason }]),
) as never;

/**
 * `arrivedAt` (Kafka's timestamp, ms) stands in for an absent or null timestamp. Never throws; time and memory are
 * bounded by the message's own length.
 */
export function parseEvent(bytes: Uint8Array | null, arrivedAt: number): Parsed {
  if (bytes === null || bytes.length === 0) return refused.EMPTY;
  if (utf8Of(bytes) === undefined) return refused.NOT_UTF8;
  const { kind, found } = readFields(bytes);
  if (kind !== "object") return kind === "broken" ? refused.NOT_JSON : refused.NOT_OBJECT;
  const { user, item, timestamp, value, unknown } = found;
  if (user === undefined || user === null) return refused.USER_MISSING;
  const userName = nameOf(user);
  if (userName === undefined) return refused.USER_INVALID;
  if (item === undefined || item === null) return refused.ITEM_MISSING;
  const itemName = nameOf(item);
  if (itemName === undefined) return refused.ITEM_INVALID;
  const at = timestamp ?? arrivedAt;
  if (!isTimestamp(at)) return refused.TIMESTAMP_INVALID;
  const weight = value ?? null;
  if (weight !== null && !(typeof weight === "number" && Number.isFinite(weight))) return refused.VALUE_INVALID;
  return {
    ok: true,
    event: { user: userName, item: itemName, timestamp: at, value: weight },
    unknownFields: unknown ?? none,
  };
}

/** Undefined where it is none. */
export function utf8Of(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Whether a message that is no event names this user all the same. */
export function namesUser(bytes: Uint8Array, user: string): boolean | undefined {
  const { kind, found } = readFields(bytes);
  if (kind !== "object") return undefined;
  return found.user === user || (typeof found.user === "number" && String(found.user) === user);
}

/** The four fields as they stand, of several with one name the last, as JSON.parse has it. */
function readFields(bytes: Uint8Array) {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const into: Found = {
    bytes,
    text,
    user: undefined,
    item: undefined,
    timestamp: undefined,
    value: undefined,
    unknown: undefined,
  };
  return { kind: walkJson(bytes, take, into), found: into };
}

interface Found {
  readonly bytes: Uint8Array;
  /** The same bytes. */
  readonly text: Buffer;
  user: unknown;
  item: unknown;
  timestamp: unknown;
  value: unknown;
  /** Names of other fields. */
  unknown: string[] | undefined;
}

function take(into: Found, nameStart: number, nameEnd: number, start: number, end: number): void {
  switch (fieldAt(into.bytes, nameStart) || fieldNamed(into, nameStart, nameEnd)) {
    case USER:
      into.user = valueAt(into, start, end);
      return;
    case ITEM:
      into.item = valueAt(into, start, end);
      return;
    case TIMESTAMP:
      into.timestamp = valueAt(into, start, end);
      return;
    case VALUE:
      into.value = valueAt(into, start, end);
  }
}

/** Of a name with escapes it may be one of the four; any other is counted. */
function fieldNamed(into: Found, start: number, end: number): number {
  const name = end - start <= LONGEST_NAME ? stringAt(into, start, end) : OTHER_FIELDS;
  const field = ["", "user", "item", "", "timestamp", "", "", "", "value"].indexOf(name);
  if (field > 0) return field;
  into.unknown ??= [];
  if (into.unknown.includes(name)) return 0;
  const counted = into.unknown.length < MOST_UNKNOWN && name.length <= LONGEST_UNKNOWN ? name : OTHER_FIELDS;
  if (counted === name || !into.unknown.includes(counted)) into.unknown.push(counted);
  return 0;
}

/** Bytes of JSON for a name that may be one: each of its bytes written as \u and four digits, between quotes. */
const LONGEST_NAME = 6 * MAX_NAME_BYTES + 2;
/** Anything that no field takes. */
const unfit = Symbol("unfit");

/** The string between the quotes at `start` and before `end`. */
function stringAt({ text, bytes }: Found, start: number, end: number): string {
  let all = 0;
  for (let k = start + 1; k < end; k++) {
    if (bytes[k] === 0x5c) return JSON.parse(text.toString("utf8", start, end)) as string;
    all |= bytes[k]!;
  }
  return text.toString(all < 0x80 ? "latin1" : "utf8", start + 1, end - 1); // ASCII is the quicker one to read
}

/** A string, number, boolean or null; `unfit` for what is too long to be a name, and for objects and lists. */
function valueAt(found: Found, start: number, end: number): unknown {
  switch (found.bytes[start]) {
    case 0x22:
      return end - start <= LONGEST_NAME ? stringAt(found, start, end) : unfit;
    case 0x7b:
    case 0x5b:
      return unfit;
    default:
      return JSON.parse(found.text.toString("latin1", start, end));
  }
}

/**
 * A string as it is, an integer as its decimal string. An integer beyond 2^53 has lost digits in JSON.parse: refused,
 * it must be sent as a string.
 */
export function nameOf(value: unknown): string | undefined {
  if (typeof value === "string") return isName(value) ? value : undefined;
  return typeof value === "number" && Number.isSafeInteger(value) ? String(value) : undefined;
}

/** 1..256 bytes as UTF-8, and no lone surrogate: those would be written as U+FFFD, and two names would become one. */
function isName(text: string): boolean {
  let bytes = 0;
  for (let k = 0; k < text.length; k++) {
    const unit = text.charCodeAt(k);
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800) bytes += 2;
    else if (unit < 0xd800 || unit > 0xdfff) bytes += 3;
    else {
      const next = text.charCodeAt(++k);
      if (unit > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return false;
      bytes += 4;
    }
  }
  return bytes >= 1 && bytes <= MAX_NAME_BYTES;
}

export function isTimestamp(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_TIMESTAMP;
}

const none: readonly string[] = [];
