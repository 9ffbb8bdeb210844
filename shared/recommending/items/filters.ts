// What requests ask of items' attributes, and which columns of a model it refuses: read once for each distinct filter,
// kept as a bit for each column. Pure.
import { z } from "zod";
import { AppError } from "../../errors/errors.ts";
import { instantOf } from "../../events/times.ts";
import type { Vocabulary } from "../../events/vocabulary.ts";
import { type Bits, setBits } from "../../ranking/bits.ts";
import { type Column, keyOf } from "./columns.ts";
import type { ItemsTable } from "./table.ts";

const MOST_CONDITIONS = 32;
const MOST_VALUES = 1000;

const text = z.string().max(1000);
const value = z.union([text, z.number(), z.boolean(), z.null()]);
const bound = z.union([text, z.number()]).optional();
const range = z
  .strictObject({
    min: bound.describe("at least"),
    max: bound.describe("at most"),
    above: bound.describe("more than"),
    below: bound.describe("less than"),
  })
  .refine((range) => Object.keys(range).length > 0, "give min, max, above or below")
  .meta({ minProperties: 1 });
const condition = z.union([value, z.array(value).max(MOST_VALUES), range], {
  error: `must be a value, a list of at most ${MOST_VALUES} values, or a range such as {"min": 1990, "below": 2000}`,
});
type Condition = z.output<typeof condition>;

export const filters = z
  .record(z.string().min(1).max(256), condition)
  .refine((all) => Object.keys(all).length <= MOST_CONDITIONS, `at most ${MOST_CONDITIONS} columns`)
  .meta({
    maxProperties: MOST_CONDITIONS,
    description:
      "for each column the value that an item must have, a list of values of which it must have one, or a range; " +
      "null is for items that have none. Numbers, texts, booleans, and times as ISO 8601 or in ms since 1970, as the " +
      "column's type asks for. Of an item with several values one must pass",
  });
export type Filters = z.output<typeof filters>;

/** Filters that were read against a table. */
export interface ItemFilter {
  /** Columns of the vocabulary that do not pass; not to be changed. */
  refused(vocabulary: Vocabulary): Bits;
}

interface Test {
  readonly column: Column;
  passes(value: number): boolean;
  /** Whether an item without a value passes. */
  readonly missing: boolean;
}

/** Throws AppError REQUEST_MALFORMED where a column is not there, or of another type. */
export function filterOf(filters: Filters, table: ItemsTable): ItemFilter {
  const told: unknown[] = [];
  const tests = Object.keys(filters)
    .sort()
    .map((name) => {
      const column = table.columns.get(name);
      if (!column) throw malformed(name, `the items table has no such column; ${columnsOf(table)}`);
      return testOf(column, filters[name]!, (...key) => told.push([name, ...key]));
    });
  const key = JSON.stringify(told);
  return {
    refused: (vocabulary) => table.refusedBy(key, vocabulary, (rows, from, bits) => mark(tests, rows, from, bits)),
  };
}

function testOf(column: Column, condition: Condition, tell: (...key: unknown[]) => void): Test {
  const number = (value: string | number | boolean) => numberOf(value, column);
  if (condition !== null && typeof condition === "object" && !Array.isArray(condition)) {
    if (column.type !== "number" && column.type !== "time")
      throw malformed(column.name, `a range is for numbers and times, and the column holds ${words[column.type]}`);
    const { min, max, above, below } = condition;
    const least = min === undefined ? Number.NEGATIVE_INFINITY : number(min);
    const most = max === undefined ? Number.POSITIVE_INFINITY : number(max);
    const over = above === undefined ? null : number(above);
    const under = below === undefined ? null : number(below);
    tell("range", String(least), String(most), over, under);
    const passes = (value: number) =>
      value >= least && value <= most && (over === null || value > over) && (under === null || value < under);
    return { column, passes, missing: false };
  }
  const values = Array.isArray(condition) ? condition : [condition];
  const wanted = new Set(values.flatMap((value) => (value === null ? [] : [number(value)])));
  const missing = values.includes(null);
  tell(
    [...wanted].sort((a, b) => a - b),
    missing,
  );
  return { column, passes: (value) => wanted.has(value), missing };
}

const words = {
  number: "numbers",
  text: "text",
  boolean: "true and false",
  time: "times",
} as const satisfies Record<Column["type"], string>;

/** A value as the column holds it. Throws where it is of another type. */
function numberOf(value: string | number | boolean, { name, type, isBinary }: Column): number {
  if (type === "text" && typeof value === "string") return keyOf(value);
  if (type === "text" && Number.isSafeInteger(value)) return keyOf(String(value));
  if (type === "boolean" && typeof value === "boolean") return Number(value);
  if (type === "number" && (typeof value === "number" || (isBinary && typeof value === "boolean")))
    return Number(value);
  if (type === "time" && typeof value === "number") return value;
  if (type === "time" && typeof value === "string") {
    const instant = instantOf(value);
    if (!instant) throw malformed(name, `${shown(value)} is no time such as 2024-01-31 or 2024-01-31T22:05:00Z`);
    return instant.ms;
  }
  throw malformed(name, `the column holds ${words[type]}, and ${shown(value)} is none`);
}

/** Marks what is refused, columns from `from` on; `rows`: of each column its row, -1 for none. */
function mark(tests: readonly Test[], rows: Int32Array, from: number, refused: Bits): void {
  const found: number[] = [];
  for (let column = from; column < rows.length; column++)
    if (!tests.every((test) => isPassed(test, rows[column]!))) found.push(column);
  setBits(refused, found);
}

function isPassed({ column: { values, starts }, passes, missing }: Test, row: number): boolean {
  if (row < 0) return missing;
  if (!starts) {
    const value = values[row]!;
    return Number.isNaN(value) ? missing : passes(value);
  }
  const [from, to] = [starts[row]!, starts[row + 1]!];
  for (let at = from; at < to; at++) if (passes(values[at]!)) return true;
  return from === to && missing;
}

function columnsOf({ columns }: ItemsTable): string {
  const names = [...columns.keys()];
  const few = names.slice(0, 20).map(shown).join(", ");
  return names.length === 0 ? "it has none" : `it has ${few}${names.length > 20 ? ", ..." : ""}`;
}

const shown = (value: unknown) => JSON.stringify(typeof value === "string" ? value.slice(0, 40) : value);
const malformed = (name: string, what: string) =>
  new AppError("REQUEST_MALFORMED", { what: `filters, ${shown(name)}: ${what}` });
