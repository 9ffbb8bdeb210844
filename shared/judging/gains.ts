// What arrivals are worth under a model: the gain of the place that it gives the item, alone or with its mix laid over
// as it serves. Between mixed.ts and prequential.ts.
import type { Histories } from "../events/histories.ts";
import { evaluation, type HeldOutUser, type ScoreBatch } from "../ranking/evaluate.ts";
import type { Mix } from "../ranking/mix.ts";
import type { Gain } from "../ranking/places.ts";
import { finish } from "../runtime/finish.ts";
import { type Arrival, mustBeUnseen } from "./arrivals.ts";
import type { Judged } from "./candidate.ts";
import { translated, translation } from "./held-out.ts";
import { mixed, type Timely } from "./mixed.ts";

/** A model and the newest table version that it was trained on. */
export interface Trained extends Judged {
  readonly version: string;
  readonly tableVersion: number;
  /** What is laid over its scores where it serves; absent: nothing. */
  readonly mix?: Mix | undefined;
}

const ks = [20, 100] as const;

/** What each arrival is worth under a model alone; nothing where it has never met the item. Throws TIME_LEAK. */
export async function gains(
  arrivals: readonly Arrival[],
  model: Trained,
  histories: Histories,
  signal: AbortSignal,
): Promise<Gain[]> {
  return gainsOf(usersOf(arrivals, model, histories), model, signal);
}

/** The same as it serves: with its mix laid over, where it has one. */
export async function servedGains(
  arrivals: readonly Timely[],
  model: Trained,
  histories: Histories,
  signal: AbortSignal,
): Promise<Gain[]> {
  if (!model.mix) return gains(arrivals, model, histories, signal);
  mustBeUnseen(arrivals, model.version, model.tableVersion);
  const { users, items, scoreBatch } = mixed(arrivals, model, model.mix, histories);
  return gainsIn(users, items, scoreBatch, signal);
}

/**
 * Each arrival as a user whose target is the item, in the model's columns; without a target where the model has never
 * met it. Throws TIME_LEAK.
 */
export function usersOf(arrivals: readonly Arrival[], model: Trained, histories: Histories): HeldOutUser[] {
  mustBeUnseen(arrivals, model.version, model.tableVersion);
  const columnOf = translation(histories.vocabulary.items, model.vocabulary);
  return arrivals.map(({ item, foldIn }) => {
    const target = model.vocabulary.column(item);
    return {
      foldIn: translated(foldIn, columnOf),
      target: target === undefined ? new Int32Array(0) : Int32Array.of(target),
    };
  });
}

export const gainsOf = (users: readonly HeldOutUser[], { scoreBatch, vocabulary }: Judged, signal: AbortSignal) =>
  gainsIn(users, vocabulary.items.length, scoreBatch, signal);

async function gainsIn(
  users: readonly HeldOutUser[],
  items: number,
  scoreBatch: ScoreBatch,
  signal: AbortSignal,
): Promise<Gain[]> {
  const { perUser } = await finish(evaluation(scoreBatch, users, items, ks), signal);
  return users.map((_, k) => ({ recall: perUser["recall@20"][k] || 0, ndcg: perUser["ndcg@100"][k] || 0 }));
}
