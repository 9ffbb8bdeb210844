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
  mark(places: readonly number[], print: Print): void;
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

/** Null for delimiters of more than two characters. */
export function plainRows(plain: Plain, columns: Columns, { decimal, integers }: Reading): PlainRows | null {
  const { starts, stops, delimiter } = plain;
  if (delimiter.length > 2) return null;
  const { width, user, item, timestamp, value } = columns;
  const units = unitsOf(plain.text);
  const first = delimiter.charCodeAt(0);
  const second = delimiter.length === 2 ? delimiter.charCodeAt(1) : -1;
  const begins = new Int32Array(width);
  const ends = new Int32Array(width);
  const found = new Uint8Array(width);

  /** Whether it has as many cells as there are columns. */
  function cut(from: number, to: number): boolean {
    let column = 0;
    let kind = 0;
    begins[0] = from;
    for (let at = from; at < to; at++) {
      const unit = units[at]!;
      if (unit !== first || (second >= 0 && (at + 1 === to || units[at + 1] !== second))) {
        kind |= unit < 128 ? kinds[unit]! : ODD;
        continue;
      }
      ends[column] = at;
      found[column] = kind;
      if (++column === width) return false;
      if (second >= 0) at++;
      begins[column] = at + 1;
      kind = 0;
    }
    ends[column] = to;
    found[column] = kind;
    return column === width - 1;
  }

  function isName(column: number, isWhole: boolean): boolean {
    const length = ends[column]! - begins[column]!;
    const head = units[begins[column]!]!;
    if (length === 0 || head === 32 || (found[column]! & ODD) !== 0) return false;
    if (isWhole && (found[column]! & EXPONENT) !== 0) return false;
    return length > LONGEST_NOBODY || !nobody.has(head);
  }

  const isNumber = (column: number, mostDecimals: number) =>
    readNumber(units, begins[column]!, mostDecimals) === ends[column];

  return {
    units,
    read: (k, into) => {
      const stop = stops[k]!;
      if (stop < 0 || !cut(starts[k]!, stop)) return false;
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
    mark: (places, print) => {
      for (const at of places) print.addUnits(units, begins[at]!, ends[at]!);
    },
  };
}

function unitsOf(text: string): Uint16Array {
  const bytes = Buffer.from(text, "utf16le");
  return new Uint16Array(bytes.buffer, bytes.byteOffset, text.length);
}
