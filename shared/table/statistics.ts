// Delta's statistics of a data file: row count, and of each column least, greatest and how many nulls. Readers skip whole files by them.
import { isNullable, type Columns, type TableSchema, type Values } from "./schema.ts";
import { extremes, type Words } from "./words.ts";

/** Characters of a string that statistics keep, as Delta's own writers do. */
const kept = 32;

/** The `stats` of an add action, JSON. `words` are the dictionaries of the text columns. */
export function statisticsOf(schema: TableSchema, columns: Columns, rows: number, words: ReadonlyMap<string, Words>): string {
  const minValues: Record<string, unknown> = {};
  const maxValues: Record<string, unknown> = {};
  const nullCount: Record<string, number> = {};
  for (const { name, type } of schema) {
    const values = columns[name]!;
    nullCount[name] = isNullable(type) ? countNulls(values, rows) : 0;
    if (type === "binary") continue;
    const range = type === "string" ? textRange(words.get(name)!) : numberRange(values as ArrayLike<number | null>, rows);
    if (!range) continue;
    const shown = type === "timestamp" ? (ms: unknown) => new Date(ms as number).toISOString() : (value: unknown) => value;
    minValues[name] = shown(range.min);
    maxValues[name] = shown(range.max);
  }
  return JSON.stringify({ numRecords: rows, minValues, maxValues, nullCount });
}

function countNulls(values: Values, rows: number): number {
  let nulls = 0;
  for (let k = 0; k < rows; k++) if (values[k] === null) nulls++;
  return nulls;
}

function numberRange(values: ArrayLike<number | null>, rows: number): { min: number; max: number } | undefined {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < rows; k++) {
    const value = values[k]!;
    if (value === null) continue;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return min <= max ? { min, max } : undefined;
}

/** A cut maximum must still be above every value: the greatest character follows the cut. */
function textRange(words: Words): { min: string; max: string } | undefined {
  const range = extremes(words);
  if (!range) return undefined;
  const cut = (text: string) => [...text].slice(0, kept).join("");
  const max = cut(range.max);
  return { min: cut(range.min), max: max === range.max ? max : `${max}\u{10ffff}` };
}
