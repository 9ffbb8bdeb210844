// Rows of text in the shape that most have, read from their characters without a string for any of them: many times as
// fast as cutting them into cells. It knows when it does not know: whatever is unusual it answers with false, and
// readRow has the word.
import type { Columns } from "../events/columns.ts";
import { number, readNumber, type Scanned } from "../events/scan.ts";
import type { Decimal } from "./cells.ts";
import type { Print } from "./fingerprint.ts";
import type { Plain } from "./row-batch.ts";

export interface PlainRows {
  /** The characters that places are in. */
  readonly units: Uint16Array;
  /** Row `k`, its time as the number that stands there; NaN for what is empty. What it accepts, readRow does. */
  read(k: number, into: Scanned): boolean;
  /** Adds cells of the row that was read last. */
  mark(columns: readonly number[], print: Print): void;
}

interface Reading {
  readonly decimal: Decimal | null;
  readonly integers: { readonly user: boolean; readonly item: boolean };
}

/** Of a character in a name: it is not written as it is, or a name that is a number has an exponent by it. */
const [ODD, EXPONENT] = [1, 2];
const kinds = Uint8Array.from({ length: 128 }, (_, code) =>
  code < 32 || code > 126 || code === 34 || code === 92 ? ODD : code === 69 || code === 101 ? EXPONENT : 0,
);
/** Names of nobody begin with one of these, and are no longer. */
const nobody = new Set([..."Nn(<"].map((letter) => letter.charCodeAt(0)));
const LONGEST_NOBODY = 6;
const MOST_DECIMALS = 22;
const ZERO = 48;
const HALF_DIGITS = 8;
const HALF = 10 ** HALF_DIGITS;

/** Null for delimiters of more than two characters. */
export function plainRows(plain: Plain, columns: Columns, { decimal, integers }: Reading): PlainRows | null {
  const { places, delimiter } = plain;
  if (delimiter.length > 2) return null;
  const { width, user, item, timestamp, value } = columns;
  const units = unitsOf(plain.text);
  const first = delimiter.charCodeAt(0);
  const second = delimiter.length === 2 ? delimiter.charCodeAt(1) : -1;
  const begins = new Int32Array(width);
  const ends = new Int32Array(width);
  let half = 0;

  /** Whether it has as many cells as there are columns. */
  function cut(from: number, to: number): boolean {
    let begin = from;
    for (let column = 0; ; column++) {
      let at = begin;
      while (at < to && !(units[at] === first && (second < 0 || (at + 1 < to && units[at + 1] === second)))) at++;
      begins[column] = begin;
      ends[column] = at;
      if (at === to || column === width - 1) return at === to && column === width - 1;
      begin = at + delimiter.length;
    }
  }

  function isName(column: number, isWhole: boolean): boolean {
    const begin = begins[column]!;
    const end = ends[column]!;
    let kind = 0;
    for (let at = begin; at < end; at++) kind |= units[at]! < 128 ? kinds[units[at]!]! : ODD;
    if (begin === end || units[begin] === 32 || (kind & ODD) !== 0 || (isWhole && (kind & EXPONENT) !== 0))
      return false;
    return end - begin > LONGEST_NOBODY || !nobody.has(units[begin]!);
  }

  /** Reads it into `number`. */
  function isNumber(column: number, mostDecimals: number): boolean {
    const begin = begins[column]!;
    const end = ends[column]!;
    // most are whole: two integers of 31 bits are read faster than one that is a double
    const middle = Math.max(begin, end - HALF_DIGITS);
    if (end > begin && end - begin <= 2 * HALF_DIGITS - 1 && areDigits(begin, middle)) {
      const high = middle === begin ? 0 : half;
      if (areDigits(middle, end)) {
        number[0] = high * HALF + half;
        return true;
      }
    }
    return readNumber(units, begin, mostDecimals) === end;
  }

  /** Reads them into `half`. */
  function areDigits(from: number, to: number): boolean {
    let found = 0;
    for (let at = from; at < to; at++) {
      const digit = units[at]! - ZERO;
      if (digit < 0 || digit > 9) return false;
      found = (Math.imul(found, 10) + digit) | 0;
    }
    half = found;
    return true;
  }

  return {
    units,
    read: (k, into) => {
      const start = places[2 * k]!;
      if (start < 0 || !cut(start, places[2 * k + 1]!)) return false;
      if (!isName(user, integers.user) || !isName(item, integers.item)) return false;
      into.userStart = begins[user]!;
      into.userEnd = ends[user]!;
      into.itemStart = begins[item]!;
      into.itemEnd = ends[item]!;
      into.timestamp = Number.NaN;
      into.value = Number.NaN;
      if (timestamp !== null) {
        if (!isNumber(timestamp, MOST_DECIMALS)) return false;
        into.timestamp = number[0]!;
      }
      if (value === null || begins[value] === ends[value]) return true;
      if (!isNumber(value, decimal === "," ? 0 : MOST_DECIMALS)) return false; // 1.234 may be a thousand
      into.value = number[0]!;
      return true;
    },
    mark: (columns, print) => {
      for (const at of columns) print.addUnits(units, begins[at]!, ends[at]!);
    },
  };
}

function unitsOf(text: string): Uint16Array {
  const bytes = Buffer.from(text, "utf16le");
  return new Uint16Array(bytes.buffer, bytes.byteOffset, text.length);
}
