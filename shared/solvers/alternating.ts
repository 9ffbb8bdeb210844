// Sweeps of alternating least squares on threads: users' factors given the items', then items' given the users'. als.ts
// solves a row. Shapes: U users, I items, K factors.
import type { Threads } from "../runtime/threads.ts";
import { gramOf, type Objective, rowSolver } from "./als.ts";
import { firstFactors } from "./factors.ts";
import { countOf, type Interactions, interactionsOf, type Lists } from "./interactions.ts";
import { type Range, rangesOf } from "./ranges.ts";

/** What threads share. */
export interface Alternating {
  readonly interactions: Interactions;
  readonly users_UK: Float64Array;
  readonly items_IK: Float64Array;
  /** H'H of the side that is given. */
  readonly gram_KK: Float64Array;
}

/** `gram`: that of a range of rows; `solve`: the rows of a range. */
export type AlternatingJob = Range & { readonly what: "gram" | "solve"; readonly side: "users" | "items" };
type AlternatingThreads = Threads<AlternatingJob, Float64Array | undefined>;

/**
 * Factors that a sweep solves for at once: on MovieLens-1M with 128 factors as good after each sweep as all at once, in
 * a quarter of the time.
 */
const AT_ONCE = 32;
/** Rows that a thread takes at a time. */
const ROWS = 256;
/** Parts that the sum over a side's rows is cut into: always the same, so that the number of threads changes no bit. */
const GRAM_PARTS = 8;

/** A thread's work. */
export function alternating(
  objective: Objective,
  { interactions, users_UK, items_IK, gram_KK }: Alternating,
): (job: AlternatingJob) => Float64Array | undefined {
  const width = Math.sqrt(gram_KK.length);
  return ({ what, side, from, to }) => {
    const [own, other] = side === "users" ? [users_UK, items_IK] : [items_IK, users_UK];
    if (what === "gram") return gramOf(own, width, from, to);
    const lists = side === "users" ? interactions.byUser : interactions.byItem;
    solveRows(objective, own, lists, other, gram_KK, AT_ONCE, { from, to });
    return undefined;
  };
}

export function solveRows(
  objective: Objective,
  own: Float64Array,
  lists: Lists,
  other: Float64Array,
  gram_KK: Float64Array,
  atOnce: number,
  { from, to }: Range,
): void {
  const width = own.length / countOf(lists);
  const solver = rowSolver(objective, other, width, gram_KK, atOnce);
  for (let row = from; row < to; row++) {
    const entries = lists.entries.subarray(lists.starts[row]!, lists.starts[row + 1]!);
    solver.solve(own.subarray(row * width, (row + 1) * width), entries);
  }
}

interface Wanted {
  /** Distinct columns of each training user. */
  readonly rows: readonly Int32Array[];
  readonly items: number;
  readonly factors: number;
  readonly sweeps: number;
  readonly seed: number;
}

/**
 * Items' factors, [I x K], as they stand after each sweep; the array is the same one each time. `open`: threads that do
 * `alternating`.
 */
export async function* sweepsOf(
  { rows, items, factors: width, sweeps, seed }: Wanted,
  open: (shared: Alternating) => AlternatingThreads,
  progress: (share: number) => void,
): AsyncGenerator<Float64Array, void> {
  const shared: Alternating = {
    interactions: interactionsOf(rows, items),
    users_UK: sharedDoubles(rows.length * width),
    items_IK: sharedDoubles(items * width),
    gram_KK: sharedDoubles(width * width),
  };
  firstFactors(seed, 0, width, shared.users_UK);
  firstFactors(seed, 1, width, shared.items_IK);
  const threads = open(shared);
  try {
    for (let sweep = 0; sweep < sweeps; sweep++) {
      const done = (share: number) => progress((sweep + share) / sweeps);
      await solveSide("users", shared, threads, (share) => done(share / 2));
      await solveSide("items", shared, threads, (share) => done((1 + share) / 2));
      yield shared.items_IK;
    }
  } finally {
    await threads.close();
  }
}

const sharedDoubles = (count: number) => new Float64Array(new SharedArrayBuffer(8 * count));

/** One side solved, given the other. */
async function solveSide(
  side: "users" | "items",
  { interactions: { byUser, byItem }, gram_KK }: Alternating,
  threads: AlternatingThreads,
  progress: (share: number) => void,
): Promise<void> {
  const [own, other] = side === "users" ? [countOf(byUser), countOf(byItem)] : [countOf(byItem), countOf(byUser)];
  const parts = rangesOf(other, Math.ceil(other / GRAM_PARTS));
  const given = side === "users" ? "items" : "users";
  gram_KK.fill(0);
  for (const part of await threads.run(parts.map((range) => ({ what: "gram", side: given, ...range }))))
    for (let k = 0; k < gram_KK.length; k++) gram_KK[k]! += part![k]!;
  const jobs = rangesOf(own, ROWS).map((range) => ({ what: "solve" as const, side, ...range }));
  await threads.run(jobs, (done) => progress(done / jobs.length));
}
