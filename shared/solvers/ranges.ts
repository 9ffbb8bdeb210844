// Work in ranges of rows or columns: their number never depends on how many threads there are, so that threads decide
// who computes, never what comes out.

/** From `from` to before `to`. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** All of `count`, in ranges of `size`. */
export function rangesOf(count: number, size: number): Range[] {
  return Array.from({ length: Math.ceil(count / size) }, (_, k) => ({
    from: k * size,
    to: Math.min(count, (k + 1) * size),
  }));
}
