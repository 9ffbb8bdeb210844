// A column of an items table from its cells, one after another: of a typed file as it says, of text as all its cells
// allow. Pure.

import { instantOf } from "../../events/times.ts";
import { type Decimal, isNobody, isNothing, numberOf, weightOf } from "../../files/cells.ts";
import { type Column, type ColumnType, type Growing, growing, keyOf, sharedInts } from "./columns.ts";

export interface Building<C> {
  /** The next row's. */
  add(cell: C): void;
  /** Values so far: of lists any number a row. */
  readonly held: number;
  column(): Column;
}

/** A figure that a number of ours would change: beyond 2^53, or with zeros before it, as codes have them. */
const isCode = (text: string, value: number) =>
  /^[+-]?0\d/.test(text) || (Number.isInteger(value) && !Number.isSafeInteger(value));

/** What one cell of text alone would make of its column. */
function readAs(type: Exclude<ColumnType, "text">, cell: string, decimal: Decimal | null): number {
  if (type === "time") return instantOf(cell)?.ms ?? Number.NaN;
  const value = numberOf(cell, decimal);
  if (type === "boolean") return Number.isNaN(value) ? (weightOf(cell, decimal) ?? Number.NaN) : Number.NaN;
  return isCode(cell.trim(), value) ? Number.NaN : value;
}

const guesses = ["number", "boolean", "time"] as const;

/**
 * Of cells of text: what every cell can be, numbers before truth, times and text. `separator` stands between several
 * values of a cell.
 */
export function textColumn(name: string, decimal: Decimal | null, separator: string | undefined): Building<string> {
  let type: ColumnType | undefined;
  let values: Growing | undefined = growing();
  const keys = lists(separator !== undefined);
  return {
    add(cell) {
      keys.add(isNobody(cell) ? [] : separator === undefined ? [keyOf(cell)] : keysIn(cell, separator));
      if (!values) return;
      if (isNothing(cell)) return values.push(Number.NaN);
      type ??= guesses.find((each) => !Number.isNaN(readAs(each, cell, decimal))) ?? "text";
      const value = type === "text" ? Number.NaN : readAs(type, cell, decimal);
      if (Number.isNaN(value)) [type, values] = ["text", undefined];
      else values.push(value);
    },
    get held() {
      return keys.held;
    },
    column() {
      if (values && type !== undefined) return finished(name, type, values.done(), undefined);
      return keys.column(name, "text");
    },
  };
}

const keysIn = (cell: string, separator: string) =>
  cell
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => !isNobody(part))
    .map(keyOf);

/** Of a typed file: numbers already, NaN for none; or, where the file has lists, several. */
export function typedColumn(name: string, type: ColumnType, isList: boolean): Building<readonly number[]> {
  const rows = lists(isList);
  return {
    add: rows.add,
    get held() {
      return rows.held;
    },
    column: () => rows.column(name, type),
  };
}

/** Whole numbers of 64 bits: text as soon as one is beyond what a number holds. */
export function wideColumn(name: string, isList: boolean): Building<readonly bigint[]> {
  const numbers = lists(isList);
  const keys = lists(isList);
  let isWide = false;
  return {
    add(cell) {
      numbers.add(cell.map(Number));
      keys.add(cell.map((value) => keyOf(String(value))));
      isWide ||= cell.some((value) => !Number.isSafeInteger(Number(value)));
    },
    get held() {
      return numbers.held;
    },
    column: () => (isWide ? keys.column(name, "text") : numbers.column(name, "number")),
  };
}

/** One value a row, NaN for none; or a list for each. */
function lists(isList: boolean) {
  const values = growing();
  const starts = [0];
  return {
    add(row: readonly number[]) {
      if (isList) {
        for (const value of row) if (!Number.isNaN(value)) values.push(value);
        starts.push(values.length);
      } else values.push(row[0] ?? Number.NaN);
    },
    get held() {
      return values.length;
    },
    column: (name: string, type: ColumnType) =>
      finished(name, type, values.done(), isList ? sharedInts(starts) : undefined),
  };
}

function finished(name: string, type: ColumnType, values: Float64Array, starts: Uint32Array | undefined): Column {
  const isBinary = type === "number" && values.every((value) => value === 0 || value === 1 || Number.isNaN(value));
  return { name, type, values, starts, isBinary };
}
