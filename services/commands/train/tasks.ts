// What threads do for a solved system, and what they share: jobs are ranges of rows or columns, so that their number decides who computes, never what comes out.
// Between the solvers and solving-thread.ts. Shapes: I items, U users, K factors.
import { gramOf, type Objective, rowSolver } from "../../../shared/solvers/als.ts";
import { type IalsConfig, ialsObjective, type WmfConfig, wmfObjective } from "../../../shared/solvers/factors.ts";
import { countOf, countTogether, type Interactions, type Lists } from "../../../shared/solvers/interactions.ts";
import { type Column, type SlimConfig, solveColumn } from "../../../shared/systems/slim/slim.ts";

/** From `from` to before `to`. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** X'X, [I x I], filled row by row. */
export interface Counting {
  readonly type: "counting";
  readonly interactions: Interactions;
  readonly counts_II: Float32Array;
}

/** SLIM's columns. */
export interface Columns {
  readonly type: "columns";
  readonly counts_II: Float32Array;
  readonly config: SlimConfig;
}

/** One side's factors given the other's. */
export interface Alternating {
  readonly type: "alternating";
  readonly system: { readonly model: "wmf"; readonly config: WmfConfig } | { readonly model: "ials"; readonly config: IalsConfig };
  readonly interactions: Interactions;
  readonly users_UK: Float64Array;
  readonly items_IK: Float64Array;
  /** H'H of the side that is given. */
  readonly gram_KK: Float64Array;
}

/** Factors that a sweep solves for at once: on MovieLens-1M with 128 factors as good after each sweep as all at once, in a quarter of the time. */
const AT_ONCE = 32;

export type Task = Counting | Columns | Alternating;
/** `gram`: that of a range of rows; `solve`: the rows of a range. */
export type AlternatingJob = Range & { readonly what: "gram" | "solve"; readonly side: "users" | "items" };

export function count({ interactions, counts_II }: Counting): (range: Range) => undefined {
  return ({ from, to }) => {
    countTogether(interactions, counts_II, from, to);
    return undefined;
  };
}

export function columns({ counts_II, config }: Columns): (range: Range) => Column[] {
  return ({ from, to }) => Array.from({ length: to - from }, (_, k) => solveColumn(counts_II, config, from + k));
}

export function alternate({
  system,
  interactions,
  users_UK,
  items_IK,
  gram_KK,
}: Alternating): (job: AlternatingJob) => Float64Array | undefined {
  const width = system.config.factors;
  const objective = objectiveOf(system);
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

const objectiveOf = (system: Alternating["system"]): Objective =>
  system.model === "wmf" ? wmfObjective(system.config) : ialsObjective(system.config);

/** All of `count`, in ranges of `size`. */
export function rangesOf(count: number, size: number): Range[] {
  return Array.from({ length: Math.ceil(count / size) }, (_, k) => ({ from: k * size, to: Math.min(count, (k + 1) * size) }));
}
