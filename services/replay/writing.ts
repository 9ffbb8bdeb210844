// Writes events as the messages that carry them: JSON, keyed by the user, byte by byte into one piece of memory. An
// object and two strings for each event took more time than all the rest.
import type { Row } from "../../shared/events/columns.ts";
import { doubled } from "../../shared/events/longer.ts";
import type { Scanned } from "../../shared/events/scan.ts";
import type { Units } from "../../shared/files/event-file.ts";
import { type Bundle, viewOf } from "../../shared/kafka/outgoing.ts";

export interface EventWriter {
  readonly count: number;
  /** About what it takes in Kafka's batches, bytes. */
  readonly size: number;
  add(row: Row): void;
  /** An event whose names are places in `units`, written as they are in JSON; NaN for a time or value that it has not. */
  addScanned(units: Units, row: Scanned): void;
  /** All that was added since the last time. */
  take(): Bundle;
}

/** Text that stands in every event, four bytes a word, with zeros behind its end. */
interface Fixed {
  readonly length: number;
  readonly words: Int32Array;
}
const USER = fixed('{"user":"');
const ITEM = fixed('","item":"');
const TIMESTAMP = fixed(',"timestamp":');
const VALUE = fixed(',"value":');
const [QUOTE, POINT, ZERO, CLOSE] = [0x22, 0x2e, 0x30, 0x7d];
/** Bytes of an event beside its names, with what is written over its end; and of a record beside key and value. */
const [MOST_BESIDE, OF_RECORD] = [120, 16];
const FIRST = 1 << 16;
const HALF_DIGITS = 8;
const HALF = 10 ** HALF_DIGITS;

function fixed(text: string): Fixed {
  const bytes = Buffer.alloc(4 * Math.ceil(text.length / 4));
  bytes.write(text);
  return {
    length: text.length,
    words: Int32Array.from({ length: bytes.length / 4 }, (_, k) => bytes.readInt32BE(4 * k)),
  };
}

function digitsOf(number: number): number {
  let digits = 1;
  for (let limit = 10; number >= limit; limit *= 10) digits++;
  return digits;
}

export function eventWriter(): EventWriter {
  let bytes = Buffer.allocUnsafeSlow(FIRST);
  let view = viewOf(bytes);
  let places: Int32Array = new Int32Array(1 << 12);
  let count = 0;
  let at = 0;
  let size = 0;

  function makeRoom(names: number): void {
    if (at + names + MOST_BESIDE > bytes.length) {
      const larger = Buffer.allocUnsafeSlow(2 * Math.max(bytes.length, names + MOST_BESIDE));
      bytes.copy(larger, 0, 0, at);
      bytes = larger;
      view = viewOf(bytes);
    }
    if (4 * (count + 1) > places.length) places = doubled(places, 4 * (count + 1));
  }

  function put({ length, words }: Fixed): void {
    for (let k = 0; k < words.length; k++) view.setInt32(at + 4 * k, words[k]!);
    at += length;
  }

  function putText(text: string): void {
    const into = bytes;
    for (let k = 0; k < text.length; k++) into[at + k] = text.charCodeAt(k);
    at += text.length;
  }

  function putUnits(units: Units, start: number, end: number): void {
    const into = bytes;
    const shift = at - start;
    for (let k = start; k < end; k++) into[k + shift] = units[k]!;
    at = end + shift;
  }

  function place(key: number, keyEnd: number, value: number): void {
    places[4 * count] = key;
    places[4 * count + 1] = keyEnd;
    places[4 * count + 2] = value;
    places[4 * count + 3] = at;
    size += keyEnd - key + at - value + OF_RECORD;
    count++;
  }

  /** A whole number that is not negative, in halves of at most 31 bits: to divide doubles is slow. */
  function putDigits(number: number): void {
    const high = Math.floor(number / HALF) | 0;
    if (high > 0) putHalf(high, digitsOf(high));
    const low = (number - high * HALF) | 0;
    putHalf(low, high > 0 ? HALF_DIGITS : digitsOf(low));
  }

  function putHalf(number: number, digits: number): void {
    const into = bytes;
    let rest = number;
    for (let k = at + digits - 1; k >= at; k--) {
      const next = (rest / 10) | 0;
      into[k] = ZERO + rest - 10 * next;
      rest = next;
    }
    at += digits;
  }

  function putNumber(number: number): void {
    const tenths = number * 10;
    if (number >= 0 && number <= Number.MAX_SAFE_INTEGER && Number.isInteger(number)) putDigits(number);
    else if (number > 0 && number < 1e6 && Number.isInteger(tenths) && tenths / 10 === number) {
      putDigits(Math.floor(number));
      bytes[at++] = POINT;
      bytes[at++] = ZERO + (tenths % 10);
    } else at += bytes.write(String(number), at, "latin1");
  }

  /** Behind the item: the rest of the event, whose key is its own user. */
  function finish(start: number, keyEnd: number, timestamp: number, value: number): void {
    bytes[at++] = QUOTE;
    if (!Number.isNaN(timestamp)) {
      put(TIMESTAMP);
      putDigits(timestamp);
    }
    if (!Number.isNaN(value)) {
      put(VALUE);
      putNumber(value);
    }
    bytes[at++] = CLOSE;
    place(start + USER.length, keyEnd, start);
  }

  /** An event of names that JSON writes in another way. */
  function addWritten(row: Row): void {
    const key = at;
    at += bytes.write(row.user, at);
    const value = at;
    const text = JSON.stringify(eventOf(row));
    makeRoom(3 * text.length);
    at += bytes.write(text, at);
    place(key, value, value);
  }

  return {
    get count() {
      return count;
    },
    get size() {
      return size;
    },
    add: (row) => {
      const { user, item, timestamp, value } = row;
      makeRoom(3 * user.length + item.length);
      if (!plain.test(user) || !plain.test(item)) return addWritten(row);
      const start = at;
      put(USER);
      putText(user);
      const keyEnd = at;
      put(ITEM);
      putText(item);
      finish(start, keyEnd, timestamp ?? Number.NaN, value ?? Number.NaN);
    },
    addScanned: (units, { userStart, userEnd, itemStart, itemEnd, timestamp, value }) => {
      makeRoom(userEnd - userStart + itemEnd - itemStart);
      const start = at;
      put(USER);
      putUnits(units, userStart, userEnd);
      const keyEnd = at;
      put(ITEM);
      putUnits(units, itemStart, itemEnd);
      finish(start, keyEnd, timestamp, value);
    },
    take: () => {
      const made = { count, bytes: bytes.subarray(0, at), places: places.subarray(0, 4 * count) };
      bytes = Buffer.allocUnsafeSlow(bytes.length);
      view = viewOf(bytes);
      places = new Int32Array(places.length);
      count = 0;
      at = 0;
      size = 0;
      return made;
    },
  };
}

/** Without a time, Kafka's own counts. */
const eventOf = ({ user, item, timestamp, value }: Row) => ({
  user,
  item,
  ...(timestamp !== null && { timestamp }),
  ...(value !== null && { value }),
});

/** What JSON writes as it is: most names. */
const plain = /^[ !#-[\]-~]*$/;
