// When the buffer becomes a file: enough rows or bytes, old enough, or nothing more to come. Pure; the clock is an
// argument.

export interface Limits {
  readonly rows: number;
  readonly bytes: number;
  /** Bounds how long an event waits for the table. */
  readonly ageMs: number;
}

export interface Held {
  readonly rows: number;
  readonly bytes: number;
  /** When the first of it came in; null when empty. */
  readonly since: number | null;
}

export const causes = ["rows", "bytes", "age", "rebalance", "suspect", "end"] as const;
export type Cause = (typeof causes)[number];

/**
 * Nothing more will come, it may be taken from us, or what comes next failed before and stands alone: whatever is held
 * is written.
 */
export type Asked = "rebalance" | "suspect" | "end";

/** Why to write now, or null. */
export function seal({ rows, bytes, since }: Held, asked: Asked | null, limits: Limits, now: number): Cause | null {
  if (since === null) return null;
  if (rows >= limits.rows) return "rows";
  if (bytes >= limits.bytes) return "bytes";
  if (asked !== null) return asked;
  return now - since >= limits.ageMs ? "age" : null;
}
