// The newest arrivals that were scored, and their means: one point of the prequential curve. Pure; prequential.ts fills
// it.
import { paired } from "../ranking/paired.ts";
import type { Gain } from "../ranking/places.ts";

/** Whom the model is set beside. */
export const references = ["popularNow", "popularThen", "coVisits", "coVisitsThen"] as const;
export type ReferenceName = (typeof references)[number];

export interface Scored extends Readonly<Record<ReferenceName, Gain>> {
  readonly user: number;
  /** As it serves. */
  readonly model: Gain;
  /** Its scores alone, without what is laid over them. */
  readonly alone: Gain;
  readonly popularity: Gain;
  /** The model has met the item; where it has not, its gain is 0. */
  readonly isKnown: boolean;
}

export interface Means {
  readonly "recall@20": number;
  readonly "ndcg@100": number;
}

/** The model less a reference, of each user, over users: mean and paired standard error. */
export interface Lead extends Means {
  readonly "recall@20:se": number;
  readonly "ndcg@100:se": number;
}

export interface WindowMeans extends Means, Readonly<Record<ReferenceName, Means>> {
  readonly events: number;
  readonly users: number;
  /** Share of events whose item the model had never met. */
  readonly unknownItems: number;
  readonly alone: Means;
  readonly popularity: Means;
  readonly lead: Leads;
}

/** What it is compared with, user by user. */
const compared = ["alone", "popularNow", "popularThen", "coVisits"] as const;
type Leads = Readonly<Record<(typeof compared)[number], Lead>>;

/** A queue of at most `size`. */
export class SlidingWindow {
  readonly #size: number;
  #scored: Scored[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  add(scored: readonly Scored[]): void {
    this.#scored = [...this.#scored, ...scored].slice(-this.#size);
  }

  /** Means over the events in the window; null while it is empty. */
  means(): WindowMeans | null {
    return meansOf(this.#scored);
  }
}

/** Null where there are none. */
export function meansOf(scored: readonly Scored[]): WindowMeans | null {
  const events = scored.length;
  if (events === 0) return null;
  const mean = (of: (scored: Scored) => number) => scored.reduce((sum, each) => sum + of(each), 0) / events;
  const both = (of: (scored: Scored) => Gain): Means => ({
    "recall@20": mean((each) => of(each).recall),
    "ndcg@100": mean((each) => of(each).ndcg),
  });
  return {
    events,
    users: new Set(scored.map(({ user }) => user)).size,
    unknownItems: mean(({ isKnown }) => (isKnown ? 0 : 1)),
    ...both(({ model }) => model),
    alone: both(({ alone }) => alone),
    popularity: both(({ popularity }) => popularity),
    popularNow: both(({ popularNow }) => popularNow),
    popularThen: both(({ popularThen }) => popularThen),
    coVisits: both(({ coVisits }) => coVisits),
    coVisitsThen: both(({ coVisitsThen }) => coVisitsThen),
    lead: Object.fromEntries(compared.map((other) => [other, leadOver(scored, other)])) as Record<keyof Leads, Lead>,
  };
}

function leadOver(scored: readonly Scored[], other: keyof Leads): Lead {
  const of = (metric: keyof Gain) =>
    paired(
      byUser(
        scored,
        ({ user }) => user,
        (each) => each.model[metric] - each[other][metric],
      ),
    );
  const [recall, ndcg] = [of("recall"), of("ndcg")];
  return {
    "recall@20": recall.mean,
    "recall@20:se": recall.standardError,
    "ndcg@100": ndcg.mean,
    "ndcg@100:se": ndcg.standardError,
  };
}

/** The mean of each user's values. A user's own are not independent of each other; those of different users are. */
export function byUser<T>(
  list: readonly T[],
  userOf: (each: T, k: number) => number,
  of: (each: T, k: number) => number,
): Float64Array {
  const sums = new Map<number, { sum: number; count: number }>();
  list.forEach((each, k) => {
    const user = userOf(each, k);
    const { sum, count } = sums.get(user) ?? { sum: 0, count: 0 };
    sums.set(user, { sum: sum + of(each, k), count: count + 1 });
  });
  return Float64Array.from(sums.values(), ({ sum, count }) => sum / count);
}
