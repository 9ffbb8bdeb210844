// The first layer is an embedding bag; what travels of it: the sums over each user's items, or the rows that the users
// touch? Bytes and server's time of both, of one part, of K batches.
import { uniform } from "../../../shared/compute/draws.ts";
import { Kernels } from "../../../shared/compute/kernels/kernels.ts";
import type { SparseRows } from "../../../shared/compute/kernels/lists.ts";
import { normalisedRow } from "../../../shared/neural/bag.ts";
import { median } from "./figures.ts";
import { longTailedRow } from "./rows.ts";

interface BagSize {
  readonly items: number;
  readonly hidden: number;
  readonly perUser: number;
  /** Of one part. */
  readonly users: number;
  readonly batch: number;
  readonly every: number;
}

/** There and back, of one round: users whose part, or whose K batches, are computed without asking again. */
export interface BagDesign {
  readonly design: "sums" | "rows";
  readonly round: string;
  readonly users: number;
  /** Distinct items of the users. */
  readonly touched: number;
  readonly bytes: number;
  /** Of the server: summing up and giving the gradients to the rows; or gathering the rows and adding theirs. */
  readonly milliseconds: number;
  readonly bytesPerUser: number;
  readonly microsecondsPerUser: number;
  /** Sums hold until the next step moves the weights: who takes K steps alone cannot use them. */
  readonly possible: boolean;
}

const SEED = 1337;

export async function bagDesigns(size: BagSize): Promise<BagDesign[]> {
  const { items, hidden } = size;
  const kernels = new Kernels();
  const zeros = () => kernels.memory.zeros(items * hidden);
  const table = { weights: uniform(SEED, 1, 0.01, zeros()), m: zeros(), v: zeros() };
  const rounds = [
    { round: "one part", users: size.users, alone: false },
    { round: `${size.every} batches`, users: size.every * size.batch, alone: true },
  ];
  const designs = rounds.flatMap(({ round, users: count, alone }) => {
    const rows = Array.from({ length: count }, (_, user) => longTailedRow(user, size.perUser, items));
    const users = { rows, values: rows.map((row) => normalisedRow(row)) };
    const touched = Uint32Array.from(new Set(rows.flatMap((row) => [...row]))).sort();
    const of = (design: BagDesign["design"], bytes: number, milliseconds: number): BagDesign => ({
      ...{ design, round, users: count, touched: touched.length, bytes, milliseconds },
      bytesPerUser: bytes / count,
      microsecondsPerUser: (1000 * milliseconds) / count,
      possible: design === "rows" || !alone,
    });
    return [
      of("sums", 2 * 4 * hidden * count, summed(kernels, table, hidden, users)),
      of("rows", 2 * 4 * hidden * touched.length, gathered(table.weights, hidden, touched)),
    ];
  });
  await kernels.close();
  return designs;
}

/** There: the sums. Back: what the users' gradients add to an Adam that moves every row anyway. */
function summed(
  kernels: Kernels,
  table: Record<"weights" | "m" | "v", Float32Array>,
  hidden: number,
  users: SparseRows,
): number {
  const rate = { t: 1, learningRate: 0 };
  const nobody: SparseRows = { rows: [], values: [] };
  return kernels.memory.borrowed(() => {
    const dBags = kernels.memory.zeros(users.rows.length * hidden);
    const there = median(() => kernels.bag(table.weights, hidden, users));
    const withUsers = median(() => kernels.adamOfBags(table, hidden, dBags, users, rate));
    const without = median(() => kernels.adamOfBags(table, hidden, dBags.subarray(0, 0), nobody, rate));
    return there + Math.max(0, withUsers - without);
  });
}

/** There: the rows copied into a message. Back: their gradients added to the table's. */
function gathered(weights: Float32Array, hidden: number, touched: Uint32Array): number {
  const message = new Float32Array(touched.length * hidden);
  const gradient = new Float32Array(weights.length);
  return median(() => {
    touched.forEach((row, k) => {
      message.set(weights.subarray(row * hidden, (row + 1) * hidden), k * hidden);
    });
    for (let k = 0; k < touched.length; k++) {
      const to = touched[k]! * hidden;
      const from = k * hidden;
      for (let at = 0; at < hidden; at++) gradient[to + at]! += message[from + at]!;
    }
  });
}
