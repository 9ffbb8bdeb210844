// Arrivals as a model is asked of them: each a user whose target is the item that came, in the model's columns and
// those of what was hot behind them. The model's own scores are made once, however many ask: fitting of a mix, what the
// model is worth alone and as it serves. Pure. Between meeting.ts and gains.ts.
import type { Histories } from "../events/histories.ts";
import { Columns } from "../ranking/columns.ts";
import type { HeldOutUser, ScoreBatch } from "../ranking/evaluate.ts";
import type { Hot, Rises } from "../ranking/mix.ts";
import type { Known } from "../ranking/trending.ts";
import type { Arrival } from "./arrivals.ts";
import { translated } from "./held-out.ts";

/** An arrival with the moment before its table version. */
export interface Timely extends Arrival {
  readonly hot: Hot;
  readonly following: Rises;
}

export interface Asked<A extends Arrival = Timely> {
  readonly arrivals: readonly A[];
  /** Of the arrival at the same place; without a target where the item has no column. */
  readonly users: readonly HeldOutUser[];
  readonly columns: Columns;
  /** Of each item's number its column, -1 for none. */
  readonly columnOf: Int32Array;
  /** The model's scores of users' fold-ins, in its own columns. */
  readonly own: ScoreBatch;
}

/** Scores that are kept, 64 MB: of more, the rest is made again. */
const ROOM = 2 ** 24;

export function asked<A extends Arrival & Partial<Timely>>(
  arrivals: readonly A[],
  model: Known,
  { vocabulary: numbers }: Pick<Histories, "vocabulary">,
): Asked<A> {
  const columns = new Columns(model.vocabulary, numbers);
  for (const hot of new Set(arrivals.map(({ hot }) => hot ?? nothing))) columns.include(hot);
  const columnOf = Int32Array.from(columns.of);
  const users = arrivals.map(({ item, foldIn }) => {
    const target = columns.vocabulary.column(item);
    return { foldIn: translated(foldIn, columnOf), target: target === undefined ? none : Int32Array.of(target) };
  });
  return { arrivals, users, columns, columnOf, own: remembering(model.scoreBatch, columns) };
}

/** Some of them, in their order: what was scored stays scored. */
export const some = <A extends Arrival>(whole: Asked<A>, from: number, to?: number): Asked<A> => ({
  ...whole,
  arrivals: whole.arrivals.slice(from, to),
  users: whole.users.slice(from, to),
});

/** By the row itself: asked again of the same one, it is not scored again. */
function remembering(scoreBatch: ScoreBatch, columns: Columns): ScoreBatch {
  const { known } = columns;
  const kept = new Map<Int32Array, Float32Array>();
  const own: ScoreBatch = (foldIns) => {
    const missing = foldIns.filter((row) => !kept.has(row));
    const made_BI = missing.length > 0 ? scoreBatch(missing.map((row) => columns.ownOf(row))) : new Float32Array(0);
    const made = new Map(missing.map((row, k) => [row, made_BI.subarray(k * known, (k + 1) * known)]));
    for (const [row, scores_I] of made) if ((kept.size + 1) * known <= ROOM) kept.set(row, scores_I);
    if (missing.length === foldIns.length) return made_BI;
    const scores_BI = new Float32Array(foldIns.length * known);
    for (const [k, row] of foldIns.entries()) scores_BI.set((kept.get(row) ?? made.get(row))!, k * known);
    return scores_BI;
  };
  return scoreBatch.atOnce === undefined ? own : Object.assign(own, { atOnce: scoreBatch.atOnce });
}

const none = new Int32Array(0);
const nothing: Hot = { items: none, rises: [] };
