// The usual shape of an event, read from its bytes without making a string or an object: many times as fast as
// parseEvent. It knows when it does not know: whatever is unusual it answers with false, and parseEvent has the word.
import { isTimestamp, MAX_NAME_BYTES } from "./event.ts";
import { fieldAt, ITEM, TIMESTAMP, USER, VALUE } from "./fields.ts";

/** What scanEvent found. One record serves all events; after an answer of false it holds nothing of use. */
export interface Scanned {
  /** The user's name is the bytes from here to `userEnd`, ASCII all of them. */
  userStart: number;
  userEnd: number;
  itemStart: number;
  itemEnd: number;
  /**
   * Milliseconds since 1970; NaN when absent: the caller puts Kafka's own, if that is a timestamp, as parseEvent does.
   */
  timestamp: number;
  /** NaN when absent. */
  value: number;
}

/** Both numbers begin as NaN: so V8 keeps them as doubles in place, and writing one allocates nothing. */
export const newScanned = (): Scanned => ({
  userStart: 0,
  userEnd: 0,
  itemStart: 0,
  itemEnd: 0,
  timestamp: Number.NaN,
  value: Number.NaN,
});

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/**
 * True when the bytes from `start` to `end` are an event of the usual shape: known fields in any order, none twice,
 * strings of ASCII without escapes, numbers without exponent. What it accepts, parseEvent accepts with the same result.
 */
export function scanEvent(bytes: Uint8Array, start: number, end: number, into: Scanned): boolean {
  let last = end - 1;
  while (last > start && isSpace(bytes[last]!)) last--;
  // The closing brace is the sentinel: only a string can run over it, every other step below stops there, so none of
  // them looks for the end.
  if (last <= start || bytes[last] !== CLOSE) return false;
  let at = skipSpace(bytes, start);
  if (bytes[at] !== OPEN) return false;
  into.timestamp = Number.NaN;
  into.value = Number.NaN;
  let seen = 0;
  do {
    at = skipSpace(bytes, at + 1);
    const field = fieldAt(bytes, at);
    if (field === 0 || (seen & field) !== 0) return false;
    seen |= field;
    at = skipSpace(bytes, at + (field === TIMESTAMP ? 11 : field === VALUE ? 7 : 6));
    if (bytes[at] !== COLON) return false;
    const from = skipSpace(bytes, at + 1);
    const quotes = bytes[from] === QUOTE ? 1 : 0;
    if (field === USER) {
      at = endOfName(bytes, from, last);
      into.userStart = from + quotes;
      into.userEnd = at - quotes;
    } else if (field === ITEM) {
      at = endOfName(bytes, from, last);
      into.itemStart = from + quotes;
      into.itemEnd = at - quotes;
    } else if (field === TIMESTAMP) {
      at = readNumber(bytes, from, 0);
      into.timestamp = number[0]!;
      if (!isTimestamp(into.timestamp)) return false;
    } else {
      at = readNumber(bytes, from, MAX_DECIMALS);
      into.value = number[0]!;
    }
    if (at < 0) return false;
    at = skipSpace(bytes, at);
  } while (bytes[at] === COMMA);
  return at === last && (seen & (USER | ITEM)) === (USER | ITEM);
}

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  while (isSpace(bytes[at]!)) at++;
  return at;
}

/** 1 for the bytes that stand for themselves in a string: ASCII but control characters, the quote and the backslash. */
const plain = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte < 0x80 && byte !== QUOTE && byte !== 0x5c ? 1 : 0,
);

/** Where the name at `from` ends, a string with its quotes or an integer; -1 when it is no usual name. */
function endOfName(bytes: Uint8Array, from: number, last: number): number {
  if (bytes[from] !== QUOTE) return readNumber(bytes, from, 0);
  let at = from + 1;
  while (at < last && plain[bytes[at]!] === 1) at++;
  const length = at - from - 1;
  return bytes[at] === QUOTE && length >= 1 && length <= MAX_NAME_BYTES ? at + 1 : -1;
}

const MAX_DECIMALS = 22;
const powersOfTen = Float64Array.from({ length: MAX_DECIMALS + 1 }, (_, power) => Number(`1e${power}`));
/** What readNumber read: a function has one result, and an object for two would be made for every number. */
export const number = new Float64Array(1);

/**
 * Where the number at `from` ends, -1 when it is no usual one. Exact by Clinger's fast path: at most 15 significant
 * digits are an integer without error, powers of ten up to 10^22 are too, and the quotient of the two is rounded once,
 * as JSON.parse's result is.
 */
export function readNumber(bytes: ArrayLike<number>, from: number, maxDecimals: number): number {
  const first = bytes[from] === MINUS ? from + 1 : from;
  let digits = 0;
  let at = first;
  for (let digit = bytes[at]! - ZERO; digit >= 0 && digit <= 9; digit = bytes[++at]! - ZERO)
    digits = digits * 10 + digit;
  if (at === first || (bytes[first] === ZERO && at > first + 1)) return -1;
  let decimals = 0;
  if (bytes[at] === POINT) {
    const point = at++;
    for (let digit = bytes[at]! - ZERO; digit >= 0 && digit <= 9; digit = bytes[++at]! - ZERO)
      digits = digits * 10 + digit;
    decimals = at - point - 1;
    if (decimals === 0) return -1;
  }
  // A minus zero goes to JSON.parse as well.
  if (digits >= 1e15 || decimals > maxDecimals || (digits === 0 && first > from)) return -1;
  number[0] = (first > from ? -digits : digits) / powersOfTen[decimals]!;
  return at;
}
