// What arrivals are worth under a model: the gain of the place that it gives the item, alone or with its mix laid over
// as it serves. Between asked.ts and prequential.ts.
import type { Histories } from "../events/histories.ts";
import { evaluation, type HeldOutUser, type ScoreBatch } from "../ranking/evaluate.ts";
import { laid, type Mix } from "../ranking/mix.ts";
import type { Gain } from "../ranking/places.ts";
import { finish } from "../runtime/finish.ts";
import { type Arrival, mustBeUnseen } from "./arrivals.ts";
import { type Asked, asked, type Timely } from "./asked.ts";
import type { Judged } from "./candidate.ts";

/** A model and the newest table version that it was trained on. */
export interface Trained extends Judged {
  readonly version: string;
  readonly tableVersion: number;
  /** What is laid over its scores where it serves; absent: nothing. */
  readonly mix?: Mix | undefined;
}

const ks = [20, 100] as const;

/** What each arrival is worth under a model as it serves: with its mix laid over, where it has one. Throws TIME_LEAK. */
export async function servedGains(
  arrivals: readonly Timely[],
  model: Trained,
  histories: Histories,
  signal: AbortSignal,
): Promise<Gain[]> {
  return mixedGains(askedOf(arrivals, model, histories), model.mix, signal);
}

/** Throws TIME_LEAK. */
export function askedOf<A extends Arrival & Partial<Timely>>(
  arrivals: readonly A[],
  model: Trained,
  histories: Histories,
): Asked<A> {
  mustBeUnseen(arrivals, model.version, model.tableVersion);
  return asked(arrivals, model, histories);
}

/** Under the model alone: nothing where it has never met the item. */
export const aloneGains = (of: Asked<Arrival>, signal: AbortSignal): Promise<Gain[]> =>
  gainsOf(alone(of), of.columns.known, of.own, signal);

/** Each arrival is scored with what was hot, and followed its user's last items, before its table version came. */
export async function mixedGains(of: Asked, mix: Mix | undefined, signal: AbortSignal): Promise<Gain[]> {
  if (!mix) return aloneGains(of, signal);
  const { arrivals, users, columns, columnOf, own } = of;
  const { known } = columns;
  const size = columns.vocabulary.items.length;
  const arrivalOf = new Map(users.map(({ foldIn }, k) => [foldIn, arrivals[k]!]));
  let room = new Float32Array(0);
  const scoreBatch: ScoreBatch = (foldIns) => {
    const own_BI = own(foldIns);
    if (room.length < foldIns.length * size) room = new Float32Array(foldIns.length * size);
    const wide_BI = room.subarray(0, foldIns.length * size); // read before the next is asked for
    for (const [row, foldIn] of foldIns.entries()) {
      const { hot, following } = arrivalOf.get(foldIn)!;
      const own_I = own_BI.subarray(row * known, (row + 1) * known);
      laid(own_I, size, mix, hot, following, columnOf, wide_BI.subarray(row * size, (row + 1) * size));
    }
    return wide_BI;
  };
  return gainsOf(users, size, scoreBatch, signal);
}

/** As the model alone is asked: without a target where it has never met the item. */
export const alone = ({ users, columns: { known } }: Asked<Arrival>): HeldOutUser[] =>
  users.map(({ foldIn, target }) => ({ foldIn, target: target.filter((column) => column < known) }));

export async function gainsOf(
  users: readonly HeldOutUser[],
  items: number,
  scoreBatch: ScoreBatch,
  signal: AbortSignal,
): Promise<Gain[]> {
  const { perUser } = await finish(evaluation(scoreBatch, users, items, ks), signal);
  return users.map((_, k) => ({ recall: perUser["recall@20"][k] || 0, ndcg: perUser["ndcg@100"][k] || 0 }));
}
