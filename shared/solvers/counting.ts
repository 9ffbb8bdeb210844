// X'X on threads: how many users have both of two items. What item-to-item systems are solved from. Shape: I items.
import type { Threads } from "../runtime/threads.ts";
import { countTogether, type Interactions, interactionsOf } from "./interactions.ts";
import { type Range, rangesOf } from "./ranges.ts";

/** What threads share: who has what, and X'X, [I x I], which they fill row by row. */
export interface Counting {
  readonly interactions: Interactions;
  readonly counts_II: Float32Array;
}

/** A thread's work on a range of rows. */
export function counting({ interactions, counts_II }: Counting): (range: Range) => undefined {
  return ({ from, to }) => {
    countTogether(interactions, counts_II, from, to);
    return undefined;
  };
}

/** Rows that a thread takes at a time. */
const ROWS = 256;

/** X'X in memory that threads share. `rows`: distinct columns of each training user; `open`: threads that count. */
export async function together(
  rows: readonly Int32Array[],
  items: number,
  open: (shared: Counting) => Threads<Range, undefined>,
  progress: (share: number) => void,
): Promise<Float32Array> {
  const counts_II = new Float32Array(new SharedArrayBuffer(4 * items * items));
  const jobs = rangesOf(items, ROWS);
  const threads = open({ interactions: interactionsOf(rows, items), counts_II });
  try {
    await threads.run(jobs, (done) => progress(done / jobs.length));
  } finally {
    await threads.close();
  }
  return counts_II;
}
