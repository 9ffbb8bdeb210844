// How each solved system is fitted, on all cores: training rows and settings in, a model after each sweep over the data out. solved.ts judges them.
import { openEngine } from "../../../shared/compute/open-engine.ts";
import { AppError } from "../../../shared/errors/errors.ts";
import { findNonFinite, type Weights } from "../../../shared/neural/parameters.ts";
import { finish } from "../../../shared/runtime/finish.ts";
import { openThreads, type Threads } from "../../../shared/runtime/threads.ts";
import { factorsName, firstFactors } from "../../../shared/solvers/factors.ts";
import { countOf, interactionsOf } from "../../../shared/solvers/interactions.ts";
import { COUNTING, easeOf, weightsName } from "../../../shared/systems/ease/ease.ts";
import { countUsers } from "../../../shared/systems/popularity/popularity.ts";
import type { Column } from "../../../shared/systems/slim/slim.ts";
import { slimWeights } from "../../../shared/systems/slim/slim-weights.ts";
import type { ConfigOf, SolvedName } from "../../../shared/systems/systems.ts";
import { type Alternating, type AlternatingJob, type Range, rangesOf, type Task } from "./tasks.ts";

export interface Fitting<C> {
  /** Distinct columns of each training user. */
  readonly rows: readonly Int32Array[];
  readonly config: C;
  readonly seed: number;
  readonly threads: number;
  readonly signal: AbortSignal;
  /** Told the share of the whole that is done. */
  readonly progress: (share: number) => void;
}

export interface Fitted {
  readonly weights: Weights;
  /** What did the arithmetic. */
  readonly engine: string;
}

/** Yields the model as it stands after each sweep over the data; systems with a closed solution yield once. Throws the signal's reason when aborted. */
export type Solver<C> = (fitting: Fitting<C>) => AsyncGenerator<Fitted, void>;

export const solvers: { readonly [N in SolvedName]: Solver<ConfigOf<N>> } = {
  async *popularity({ rows, config: { items } }) {
    yield { weights: countUsers(rows, items), engine };
  },

  async *ease({ config: { items, lambda }, ...fitting }) {
    const engine = await openEngine({ threads: fitting.threads });
    if (!engine.inverse)
      throw new AppError("ENGINE_MISSING", { what: `EASE inverts a matrix, for which the ${engine.name} engine has no kernel` });
    const counts_II = await together(fitting, items, (share) => fitting.progress(share * COUNTING));
    const solving = easeOf(engine.inverse, counts_II, items, lambda);
    await finish(solving, fitting.signal, (share) => fitting.progress(COUNTING + share * (1 - COUNTING)));
    yield { weights: { [weightsName]: { shape: [items, items], data: counts_II } }, engine: `${engine.name} ${engine.version}` };
  },

  async *slim({ config, ...fitting }) {
    const { items } = config;
    const counts_II = await together(fitting, items, (share) => fitting.progress(share * COUNTING));
    const jobs = rangesOf(items, COLUMNS);
    const told = (done: number) => fitting.progress(COUNTING + (done / jobs.length) * (1 - COUNTING));
    const columns = await onThreads<Range, Column[], Column[]>({ type: "columns", counts_II, config }, fitting, async (threads) =>
      (await threads.run(jobs, told)).flat(),
    );
    yield { weights: slimWeights(columns), engine };
  },

  wmf: (fitting) => alternating({ model: "wmf", config: fitting.config }, fitting),
  ials: (fitting) => alternating({ model: "ials", config: fitting.config }, fitting),
};

/** Of what is solved here, in float64. */
const engine = "javascript";
/** Columns of SLIM, rows of X'X, rows of factors that a thread takes at a time. */
const COLUMNS = 32;
const ROWS = 256;
/** Parts that the sum over a side's rows is cut into: always the same, so that the number of threads changes no bit. */
const GRAM_PARTS = 8;

type Means = Pick<Fitting<unknown>, "rows" | "seed" | "threads" | "signal" | "progress">;

async function onThreads<J, A, T>(task: Task, { threads: count, signal }: Means, work: (threads: Threads<J, A>) => Promise<T>): Promise<T> {
  const threads = openThreads<J, A>(new URL("./solving-thread.ts", import.meta.url), task, count, signal);
  try {
    return await work(threads);
  } finally {
    await threads.close();
  }
}

/** X'X, [I x I], in memory that threads share. */
async function together(means: Means, items: number, progress: (share: number) => void): Promise<Float32Array> {
  const counts_II = sharedFloats(items * items);
  const jobs = rangesOf(items, ROWS);
  const task: Task = { type: "counting", interactions: interactionsOf(means.rows, items), counts_II };
  await onThreads<Range, undefined, unknown>(task, means, (threads) => threads.run(jobs, (done) => progress(done / jobs.length)));
  return counts_II;
}

const sharedFloats = (count: number) => new Float32Array(new SharedArrayBuffer(4 * count));
const sharedDoubles = (count: number) => new Float64Array(new SharedArrayBuffer(8 * count));

/** Users' factors, then items', sweep after sweep. */
async function* alternating(system: Alternating["system"], means: Means): AsyncGenerator<Fitted, void> {
  const { items, factors: width, sweeps } = system.config;
  const interactions = interactionsOf(means.rows, items);
  const task: Alternating = {
    type: "alternating",
    system,
    interactions,
    users_UK: sharedDoubles(means.rows.length * width),
    items_IK: sharedDoubles(items * width),
    gram_KK: sharedDoubles(width * width),
  };
  firstFactors(means.seed, 0, width, task.users_UK);
  firstFactors(means.seed, 1, width, task.items_IK);
  const threads = openThreads<AlternatingJob, Float64Array | undefined>(
    new URL("./solving-thread.ts", import.meta.url),
    task,
    means.threads,
    means.signal,
  );
  try {
    for (let sweep = 0; sweep < sweeps; sweep++) {
      const told = (share: number) => means.progress((sweep + share) / sweeps);
      await solveSide("users", task, threads, (share) => told(share / 2));
      await solveSide("items", task, threads, (share) => told((1 + share) / 2));
      const weights = { [factorsName]: { shape: [items, width], data: Float32Array.from(task.items_IK) } };
      if (findNonFinite(weights) !== undefined)
        throw new AppError("NOT_FINITE", { what: `the factors after sweep ${sweep + 1} are not finite` });
      yield { weights, engine };
    }
  } finally {
    await threads.close();
  }
}

type AlternatingThreads = Threads<AlternatingJob, Float64Array | undefined>;

/** One side solved, given the other. */
async function solveSide(
  side: "users" | "items",
  { interactions: { byUser, byItem }, gram_KK }: Alternating,
  threads: AlternatingThreads,
  told: (share: number) => void,
): Promise<void> {
  const [own, other] = side === "users" ? [countOf(byUser), countOf(byItem)] : [countOf(byItem), countOf(byUser)];
  const parts = rangesOf(other, Math.ceil(other / GRAM_PARTS));
  const given = side === "users" ? "items" : "users";
  gram_KK.fill(0);
  for (const part of await threads.run(parts.map((range) => ({ what: "gram", side: given, ...range }))))
    for (let k = 0; k < gram_KK.length; k++) gram_KK[k]! += part![k]!;
  const jobs = rangesOf(own, ROWS).map((range) => ({ what: "solve" as const, side, ...range }));
  await threads.run(jobs, (done) => told(done / jobs.length));
}
