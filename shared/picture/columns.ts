// Tables in a terminal: each column as wide as its widest cell. Pure.

/** Lines without their ends, indented as the rest of `status`: the first `left` columns begin, the others end below one another. */
export function columns(header: readonly string[], rows: readonly (readonly string[])[], left = 1): string[] {
  const widths = header.map((title, k) => Math.max(title.length, ...rows.map((row) => row[k]!.length)));
  return [header, ...rows].map(
    (cells) => `  ${cells.map((cell, k) => (k < left ? cell.padEnd(widths[k]!) : cell.padStart(widths[k]!))).join("  ")}`,
  );
}

/** Rows as text, each cell but the last filled up to its column's width, each line with its end. Columns are those of the first row. */
export function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, k) => Math.max(...rows.map((row) => row[k]!.length)));
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
