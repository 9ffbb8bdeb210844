// Tables in a terminal: each column as wide as its widest cell. Cells may hold a stranger's words: none moves the
// cursor or forges a row. Pure.
import { onOneLine } from "../../runtime/printable.ts";

const shown = (rows: readonly (readonly string[])[]) => rows.map((row) => row.map(onOneLine));

/**
 * Lines without their ends, indented as the rest of `status`: the first `left` columns begin, the others end below one
 * another.
 */
export function columns(header: readonly string[], given: readonly (readonly string[])[], left = 1): string[] {
  const rows = shown(given);
  const widths = header.map((title, k) => Math.max(title.length, ...rows.map((row) => row[k]!.length)));
  return [header, ...rows].map(
    (cells) =>
      `  ${cells.map((cell, k) => (k < left ? cell.padEnd(widths[k]!) : cell.padStart(widths[k]!))).join("  ")}`,
  );
}

/**
 * Rows as text, each cell but the last filled up to its column's width, each line with its end. Columns are those of
 * the first row.
 */
export function aligned(given: readonly (readonly string[])[]): string {
  const rows = shown(given);
  const widths = given[0]!.map((_, k) => Math.max(...rows.map((row) => row[k]!.length)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, k) => cell.padEnd(widths[k]!))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}
