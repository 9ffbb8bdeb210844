// When the buffer becomes a file: enough rows, old enough, or nothing more to come. Pure; the clock is an argument.

export interface Limits {
  readonly rows: number;
  /** Bounds how long an event waits for the table. */
  readonly ageMs: number;
}

export interface Held {
  readonly messages: number;
  /** When the first message came in; null when empty. */
  readonly since: number | null;
  /** Nothing more will come: drained, or the end that was asked for is reached. */
  readonly ended: boolean;
}

export type Cause = "rows" | "age" | "end";

/** Why to write now, or null. */
export function seal({ messages, since, ended }: Held, limits: Limits, now: number): Cause | null {
  if (messages === 0 || since === null) return null;
  if (messages >= limits.rows) return "rows";
  if (ended) return "end";
  return now - since >= limits.ageMs ? "age" : null;
}

/** Where reading starts, or why it cannot: the table says how far it is, the topic what it still holds. */
export function startOf(
  committed: number | undefined,
  bounds: { readonly begin: number; readonly end: number },
): { readonly offset: number } | { readonly lost: string } {
  if (committed === undefined) return { offset: bounds.begin };
  const offset = committed + 1;
  if (offset < bounds.begin) return { lost: `the table ends at ${committed}, the topic begins at ${bounds.begin}` };
  if (offset > bounds.end) return { lost: `the table ends at ${committed}, the topic at ${bounds.end - 1}: it was made anew` };
  return { offset };
}
