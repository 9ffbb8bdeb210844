// The table that the check ends with.

export interface Row {
  readonly check: string;
  /** `missed`: measured, and beyond its limit. */
  readonly result: "ok" | "missed" | "FAILED" | "SKIPPED";
  readonly figure: string;
  readonly limit?: string;
}

export function tableOf(rows: readonly Row[]): string {
  const cells = [
    ["check", "result", "figure", "limit"],
    ...rows.map((row) => [row.check, row.result, row.figure, row.limit ?? ""]),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...cells.map((cell) => cell[column]!.length)));
  return cells
    .map((cell) =>
      cell
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** A figure beside the most, or the least, that it may be; `aim` is told. */
export function held(
  check: string,
  value: number,
  figure: string,
  limit: { most?: number; least?: number; aim: number },
): Row {
  const { most = Number.POSITIVE_INFINITY, least = Number.NEGATIVE_INFINITY, aim } = limit;
  const words = limit.most === undefined ? `at least ${least}` : `at most ${most}`;
  return { check, result: value <= most && value >= least ? "ok" : "missed", figure, limit: `${words}, aim ${aim}` };
}
