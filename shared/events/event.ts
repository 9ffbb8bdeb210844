// From a Kafka message's bytes to an event, or to the reason why it is none. Strict: what is not exactly an event goes to the dead letters, never half-read.

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

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const refused: Readonly<Record<DeadReason, Parsed>> = Object.fromEntries(
  Object.keys(deadReasons).map((reason) => [reason, { ok: false, reason }]),
) as never;

/** `arrivedAt` (Kafka's timestamp, ms) stands in for an absent or null timestamp. Never throws. */
export function parseEvent(bytes: Uint8Array | null, arrivedAt: number): Parsed {
  if (bytes === null || bytes.length === 0) return refused.EMPTY;
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return refused.NOT_UTF8;
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return refused.NOT_JSON;
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) return refused.NOT_OBJECT;
  const { user, item, timestamp, value } = json as Record<string, unknown>;
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
  return { ok: true, event: { user: userName, item: itemName, timestamp: at, value: weight }, unknownFields: unknownFieldsOf(json) };
}

/** A string as it is, an integer as its decimal string. An integer beyond 2^53 has lost digits in JSON.parse: refused, it must be sent as a string. */
function nameOf(value: unknown): string | undefined {
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

function unknownFieldsOf(json: object): readonly string[] {
  let unknown = none;
  for (const name in json) {
    if (name !== "user" && name !== "item" && name !== "timestamp" && name !== "value") unknown = [...unknown, name];
  }
  return unknown;
}

const none: readonly string[] = [];
