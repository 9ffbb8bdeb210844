// From a table of the history to what a chart draws: the time shown cut out, gaps left open, lines smoothed, areas
// stacked. Pure.
import type { Series } from "../history.ts";

type Column = readonly (number | null)[];

/**
 * Rows from `from` to `to`, and where there are any the one before, which carries a line to the edge. Where none was
 * measured for longer than `gap` ms a row of nulls opens the line.
 */
export function cut({ at, columns }: Series, from: number, to: number, gap = Number.POSITIVE_INFINITY): Series {
  const inside = at.findIndex((time) => time >= from);
  const first = inside < 0 ? at.length : Math.max(0, inside - 1);
  const rows: number[] = []; // negative: the gap before that row
  for (let k = first; k < at.length && at[k]! <= to; k++) {
    if (k > first && at[k]! - at[k - 1]! > gap) rows.push(-k);
    rows.push(k);
  }
  const pick = (column: Column) => rows.map((k) => (k < 0 ? null : column[k]!));
  const shown = Object.entries(columns).map(([name, column]) => [name, pick(column)] as const);
  return {
    at: rows.map((k) => (k < 0 ? at[-k]! - 1 : at[k]!)),
    columns: Object.fromEntries(shown.filter(([, column]) => column.some((value) => value !== null))),
  };
}

/** An exponential mean over time, ms; a null stays one and what comes after begins anew. */
export function smoothed(at: readonly number[], column: Column, timeConstant: number): (number | null)[] {
  let mean: number | null = null;
  return column.map((value, k) => {
    if (value === null) mean = null;
    else if (mean === null) mean = value;
    else mean += (value - mean) * (1 - Math.exp(-(at[k]! - at[k - 1]!) / timeConstant));
    return mean;
  });
}

/** Each column with all before it below it; where nothing at all was measured null. */
export function stacked(columns: readonly Column[]): (number | null)[][] {
  const rows = columns[0]?.length ?? 0;
  const sums = columns.map(() => Array<number | null>(rows).fill(null));
  for (let row = 0; row < rows; row++) {
    if (columns.every((column) => column[row] === null)) continue;
    let sum = 0;
    columns.forEach((column, k) => {
      sum += column[row] ?? 0;
      sums[k]![row] = sum;
    });
  }
  return sums;
}

/**
 * Names of the columns below `prefix:`, in their own order; where there are more than `most`, those that reach highest.
 */
export function below({ columns }: Series, prefix: string, most: number): { shown: string[]; leftOut: number } {
  const all = Object.keys(columns).filter((name) => name.startsWith(`${prefix}:`));
  const top = (name: string) => columns[name]!.reduce<number>((high, value) => Math.max(high, value ?? 0), 0);
  const highest = all.length <= most ? all : all.sort((a, b) => top(b) - top(a)).slice(0, most);
  return {
    shown: highest.sort((a, b) => a.localeCompare(b, "en", { numeric: true })),
    leftOut: all.length - highest.length,
  };
}

/** A file for a spreadsheet: times as ISO 8601, a column per line. RFC 4180. */
export function csvOf(
  { at, columns }: Series,
  lines: readonly { readonly column: string; readonly name: string }[],
): string {
  const quoted = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const header = ["time", ...lines.map(({ name }) => quoted(name))];
  const rows = at.flatMap((time, k) => {
    const values = lines.map(({ column }) => columns[column]?.[k] ?? null);
    return values.every((value) => value === null)
      ? []
      : [[new Date(time).toISOString(), ...values.map((value) => value ?? "")]];
  });
  return [header, ...rows].map((row) => `${row.join(",")}\r\n`).join("");
}
