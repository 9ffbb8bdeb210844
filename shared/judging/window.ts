// The newest arrivals that were scored, and their means: one point of the prequential curve. Pure; prequential.ts fills
// it.
import { paired } from "../ranking/paired.ts";
import type { Gain } from "../ranking/places.ts";
import { ratioOf } from "./standing.ts";

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

interface AllMeans extends Means, Readonly<Record<ReferenceName, Means>> {
  readonly events: number;
  readonly users: number;
  /** Share of events whose item the model had never met. */
  readonly unknownItems: number;
  readonly alone: Means;
  readonly popularity: Means;
}

export interface WindowMeans extends AllMeans {
  readonly lead: Leads<(typeof compared)[number]>;
}

export interface BlockMeans extends Lead, AllMeans {
  readonly lead: Leads<(typeof everything)[number]>;
}

/** What it is compared with, user by user, in each point of the curve. */
const compared = ["alone", "popularNow", "popularThen", "coVisits"] as const;
/** In a block, which is kept in the file alone, with everything. */
const everything = [...compared, "popularity", "coVisitsThen"] as const;
type Leads<Name extends string> = Readonly<Record<Name, Lead>>;

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
    const means = meansOf(this.#scored);
    return means && { ...means, lead: leadsOf(this.#scored, compared) };
  }
}

/** Null where there are none. */
export function blockOf(scored: readonly Scored[]): BlockMeans | null {
  const means = meansOf(scored);
  if (!means) return null;
  const error = (metric: keyof Gain) => {
    const sums = sumsOf(
      scored,
      ({ user }) => user,
      ({ model }) => model[metric],
    );
    return ratioOf([...sums.values()]).standardError;
  };
  const errors = { "recall@20:se": error("recall"), "ndcg@100:se": error("ndcg") };
  return { ...means, ...errors, lead: leadsOf(scored, everything) };
}

function meansOf(scored: readonly Scored[]): AllMeans | null {
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
  };
}

const leadsOf = <Name extends (typeof everything)[number]>(scored: readonly Scored[], others: readonly Name[]) =>
  Object.fromEntries(others.map((other) => [other, leadOver(scored, other)])) as Leads<Name>;

function leadOver(scored: readonly Scored[], other: (typeof everything)[number]): Lead {
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
export const byUser = <T>(
  list: readonly T[],
  userOf: (each: T, k: number) => number,
  of: (each: T, k: number) => number,
): Float64Array => Float64Array.from(sumsOf(list, userOf, of).values(), ({ sum, count }) => sum / count);

function sumsOf<T>(
  list: readonly T[],
  userOf: (each: T, k: number) => number,
  of: (each: T, k: number) => number,
): Map<number, { readonly sum: number; readonly count: number }> {
  const sums = new Map<number, { sum: number; count: number }>();
  list.forEach((each, k) => {
    const user = userOf(each, k);
    const { sum, count } = sums.get(user) ?? { sum: 0, count: 0 };
    sums.set(user, { sum: sum + of(each, k), count: count + 1 });
  });
  return sums;
}
