// Columns of an items table as numbers, of whatever type: a filter compares numbers alone. Text is its hash, so that a
// column of titles takes no more than one of years. Pure.
import { hash32 } from "../../events/hash.ts";

export type ColumnType = "number" | "text" | "boolean" | "time";

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** Numbers; 0 and 1; ms since 1970; keys of text. NaN where there is none. Of lists, one list behind the other. */
  readonly values: Float64Array;
  /** Where each row's list begins, and the last one ends; absent where a row has one value. */
  readonly starts: Uint32Array | undefined;
  /** Numbers that are all 0 and 1: truth, as databases write it. */
  readonly isBinary: boolean;
}

/**
 * A text by 53 bits of two hashes: of two million texts any two are the same with a chance of one in four thousand, and
 * one that is asked for and another with one in four billion.
 */
export const keyOf = (text: string): number => (hash32(text, 0x5bd1e995) & 0x1fffff) * 2 ** 32 + hash32(text, 0);

/** A list of numbers that grows; in memory that threads share, so that nothing is copied between them. */
export interface Growing {
  push(value: number): void;
  readonly length: number;
  /** As long as it has become. */
  done(): Float64Array;
}

export function growing(): Growing {
  let values = new Float64Array(1024);
  let length = 0;
  return {
    push(value) {
      if (length === values.length) {
        const wider = new Float64Array(2 * length);
        wider.set(values);
        values = wider;
      }
      values[length++] = value;
    },
    get length() {
      return length;
    },
    done() {
      const shared = new Float64Array(new SharedArrayBuffer(8 * length));
      shared.set(values.subarray(0, length));
      return shared;
    },
  };
}

export const sharedInts = (values: ArrayLike<number>): Uint32Array => {
  const shared = new Uint32Array(new SharedArrayBuffer(4 * values.length));
  shared.set(values);
  return shared;
};
