// Arrivals under a model and its mix: each is scored with what was hot, and what followed its user's last items, before
// the table version came that brought it, as serve would have. Pure. Between meeting.ts and prequential.ts.
import type { Histories } from "../events/histories.ts";
import { Columns } from "../ranking/columns.ts";
import type { HeldOutUser, ScoreBatch } from "../ranking/evaluate.ts";
import { type Hot, laid, type Mix, type Rises } from "../ranking/mix.ts";
import type { Known } from "../ranking/trending.ts";
import type { Arrival } from "./arrivals.ts";
import { translated } from "./held-out.ts";

/** An arrival with the moment before its table version. */
export interface Timely extends Arrival {
  readonly hot: Hot;
  readonly following: Rises;
}

/** Users as `evaluation` takes them: theirs are the columns of `items`. */
export interface Scoring {
  readonly users: readonly HeldOutUser[];
  readonly items: number;
  readonly scoreBatch: ScoreBatch;
}

/** Each arrival as a user whose target is the item; without a target where it has no column. */
export function mixed(
  arrivals: readonly Timely[],
  model: Known,
  mix: Mix,
  { vocabulary: numbers }: Histories,
): Scoring {
  const columns = columnsOf(arrivals, model, numbers);
  const size = columns.vocabulary.items.length;
  const columnOf = Int32Array.from(columns.of);
  const of = new Map<Int32Array, Timely>();
  const users = arrivals.map((arrival) => {
    const foldIn = translated(arrival.foldIn, columnOf);
    of.set(foldIn, arrival);
    const target = columns.vocabulary.column(arrival.item);
    return { foldIn, target: target === undefined ? new Int32Array(0) : Int32Array.of(target) };
  });
  return {
    users,
    items: size,
    scoreBatch(foldIns) {
      const own_BI = model.scoreBatch(foldIns.map((row) => columns.ownOf(row)));
      const wide_BI = new Float32Array(foldIns.length * size);
      for (const [row, foldIn] of foldIns.entries()) {
        const { hot, following } = of.get(foldIn)!;
        const own_I = own_BI.subarray(row * columns.known, (row + 1) * columns.known);
        wide_BI.set(laid(own_I, size, mix, hot, following, columnOf), row * size);
      }
      return wide_BI;
    },
  };
}

/** Of everything that was hot before any of them. */
export function columnsOf(arrivals: readonly Timely[], model: Known, numbers: Histories["vocabulary"]): Columns {
  const columns = new Columns(model.vocabulary, numbers);
  for (const hot of new Set(arrivals.map(({ hot }) => hot))) columns.include(hot);
  return columns;
}
