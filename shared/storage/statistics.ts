// Delta's statistics of a data file: row count, and of each column least, greatest and how many nulls. Readers skip
// whole files by them.
import { compareWords, type Text, type Words } from "../events/text.ts";
import type { Columns, TableSchema } from "./schema.ts";

/** Characters of a string that statistics keep, as Delta's own writers do. */
const kept = 32;

/** The `stats` of an add action, JSON. Every word of a text column must stand in one of its rows. */
export function statisticsOf(schema: TableSchema, columns: Columns, rows: number): string {
  const minValues: Record<string, unknown> = {};
  const maxValues: Record<string, unknown> = {};
  const nullCount: Record<string, number> = {};
  for (const { name, type } of schema) {
    const values = columns[name]!;
    nullCount[name] = type === "double" || type === "binary" ? countNulls(values as Float64Array | null[], rows) : 0;
    if (type === "binary") continue;
    const range =
      type === "string" ? textRange((values as Text).words) : numberRange(values as Float64Array | Int32Array, rows);
    if (!range) continue;
    const shown =
      type === "timestamp" ? (ms: unknown) => new Date(ms as number).toISOString() : (value: unknown) => value;
    minValues[name] = shown(range.min);
    maxValues[name] = shown(range.max);
  }
  return JSON.stringify({ numRecords: rows, minValues, maxValues, nullCount });
}

function countNulls(values: ArrayLike<number | null>, rows: number): number {
  let nulls = 0;
  for (let k = 0; k < rows; k++) if (values[k] === null || Number.isNaN(values[k])) nulls++;
  return nulls;
}

function numberRange(values: ArrayLike<number>, rows: number): { min: number; max: number } | undefined {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < rows; k++) {
    const value = values[k]!;
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

/** Least and greatest word by their bytes; undefined when there is none. */
function extremes(words: Words): { readonly min: string; readonly max: string } | undefined {
  const { size, data, offsets } = words;
  if (size === 0) return undefined;
  let min = 0;
  let max = 0;
  for (let k = 1; k < size; k++) {
    if (compareWords(words, k, min) < 0) min = k;
    if (compareWords(words, k, max) > 0) max = k;
  }
  const text = (k: number) => Buffer.from(data.subarray(offsets[k], offsets[k + 1])).toString("utf8");
  return { min: text(min), max: text(max) };
}

/**
 * Whether the statistics of a file rule out that one of its rows has this value. They never do where they are missing
 * or of another kind.
 */
export function excludes(stats: string, column: string, value: string | number): boolean {
  const { minValues, maxValues } = JSON.parse(stats) as {
    minValues?: Record<string, unknown>;
    maxValues?: Record<string, unknown>;
  };
  const [min, max] = [minValues?.[column], maxValues?.[column]];
  if (typeof value === "number")
    return (typeof min === "number" && value < min) || (typeof max === "number" && value > max);
  const bytes = Buffer.from(value);
  return (
    (typeof min === "string" && Buffer.compare(bytes, Buffer.from(min)) < 0) ||
    (typeof max === "string" && Buffer.compare(bytes, Buffer.from(max)) > 0)
  );
}
