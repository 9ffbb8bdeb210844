// An items table in memory: attributes of items by row, which row is which item's, and what filters have made of it for
// a model's columns. Plain data travels between threads; what is made of it stays here. Pure.
import type { Vocabulary } from "../../events/vocabulary.ts";
import { type Bits, noBits } from "../../ranking/bits.ts";
import { type Column, keyOf } from "./columns.ts";

/** Of a file, in memory that threads share. */
export interface ItemsData {
  /** The file's column of items. */
  readonly itemColumn: string;
  readonly rows: number;
  /** Key of each row's item. */
  readonly keys: Float64Array;
  readonly index: Index;
  readonly columns: readonly Column[];
  /** Items of the first rows, for examples. */
  readonly first: readonly string[];
  /** Rows that are none, or name no item, were passed over: how many, and of the first what is wrong. */
  readonly skipped: { readonly count: number; readonly first: string | null };
  /** What else should be known, in words. */
  readonly remarks: readonly string[];
}

export interface ItemsTable {
  readonly data: ItemsData;
  readonly columns: ReadonlyMap<string, Column>;
  /** How it and the model's items go together. */
  matched(vocabulary: Vocabulary): Matched;
  /**
   * Columns that a filter refuses. `key` names it; `mark` is asked for columns that are new: all, or those that the
   * vocabulary has gained. The filters that were asked for last are kept.
   */
  refusedBy(key: string, vocabulary: Vocabulary, mark: Mark): Bits;
}

/** `rows`: of each column its row; what is refused from column `from` on is marked. */
type Mark = (rows: Int32Array, from: number, refused: Bits) => void;

export interface Matched {
  /** Items of the model that the table has. */
  readonly known: number;
  /** Items of the model that the table lacks, and a few of them. */
  readonly missing: number;
  readonly missingItems: readonly string[];
  /** Items of the table that the model lacks, and a few of them. */
  readonly surplus: number;
  readonly surplusItems: readonly string[];
}

/** Filters that are kept: 2.5 KB each at ML-20M size. */
const KEPT = 256;
const EXAMPLES = 3;

interface Bound {
  rows: Int32Array;
  /** The one that was asked for last stands last. */
  readonly filters: Map<string, { readonly bits: Bits; readonly columns: number }>;
}

export function tableOf(data: ItemsData): ItemsTable {
  const { keys, index } = data;
  const { slots } = index;
  const bound = new WeakMap<Vocabulary, Bound>();

  /** -1 for none. */
  function rowOf(item: string): number {
    const key = keyOf(item);
    for (let slot = key % slots.length; slots[slot] !== -1; slot = (slot + 1) % slots.length)
      if (keys[slots[slot]!] === key) return slots[slot]!;
    return -1;
  }

  /** Rows of all columns that there are by now. */
  function boundTo(vocabulary: Vocabulary): Bound {
    const found = bound.get(vocabulary) ?? { rows: new Int32Array(0), filters: new Map() };
    bound.set(vocabulary, found);
    const { items } = vocabulary;
    if (found.rows.length < items.length) {
      const rows = new Int32Array(items.length);
      rows.set(found.rows);
      for (let column = found.rows.length; column < items.length; column++) rows[column] = rowOf(items[column]!);
      found.rows = rows;
    }
    return found;
  }

  return {
    data,
    columns: new Map(data.columns.map((column) => [column.name, column])),
    matched(vocabulary) {
      const { rows } = boundTo(vocabulary);
      const missingItems = vocabulary.items.filter((_, column) => rows[column] === -1);
      const known = rows.length - missingItems.length;
      const surplusItems = data.first.filter((item) => vocabulary.column(item) === undefined);
      return {
        known,
        missing: missingItems.length,
        missingItems: missingItems.slice(0, EXAMPLES),
        surplus: keys.length - index.repeated - known,
        surplusItems: surplusItems.slice(0, EXAMPLES),
      };
    },
    refusedBy(key, vocabulary, mark) {
      const { rows, filters } = boundTo(vocabulary);
      const before = filters.get(key);
      filters.delete(key);
      let now = before;
      if (!now || now.columns < rows.length) {
        const bits = noBits(rows.length);
        if (now) bits.set(now.bits);
        mark(rows, now?.columns ?? 0, bits);
        now = { bits, columns: rows.length };
      }
      filters.set(key, now);
      if (filters.size > KEPT) filters.delete(filters.keys().next().value!);
      return now.bits;
    },
  };
}

/** Rows by key, in open addressing: numbers of rows, -1 for none. */
export interface Index {
  readonly slots: Int32Array;
  /** Rows whose item stands again further down: of one item the last row counts. */
  readonly repeated: number;
}

export function indexOf(keys: Float64Array): Index {
  const slots = new Int32Array(new SharedArrayBuffer(4 * (2 * keys.length + 1))).fill(-1);
  let repeated = 0;
  for (let row = 0; row < keys.length; row++) {
    let slot = keys[row]! % slots.length;
    while (slots[slot] !== -1 && keys[slots[slot]!] !== keys[row]) slot = (slot + 1) % slots.length;
    if (slots[slot] !== -1) repeated++;
    slots[slot] = row;
  }
  return { slots, repeated };
}
