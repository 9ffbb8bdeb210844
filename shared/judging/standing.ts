// What arrivals were worth to each contestant, summed by user as they come: means over arrivals, the first contestant's
// lead over each other one, and how sure both are. Users are drawn, not arrivals: a user's own are not independent.
// Pure.
import { paired } from "../ranking/paired.ts";
import type { Gain } from "../ranking/places.ts";

export const metrics = ["recall", "ndcg"] as const;
export type Metric = (typeof metrics)[number];

export interface Estimate {
  readonly mean: number;
  readonly standardError: number;
}

export interface Place extends Readonly<Record<Metric, Estimate>> {
  /** The first contestant less this one, over users; null of the first itself. */
  readonly lead: Readonly<Record<Metric, Estimate>> | null;
}

/** Of what arrived in a part of a stream. */
export interface Group<Name extends string = string> {
  readonly name: string;
  readonly arrivals: number;
  readonly users: number;
  /** The first one is what is served. */
  readonly places: Readonly<Partial<Record<Name, Place>>>;
}

const PARTS = 5;

/**
 * Ends of parts, five equal ones where none are given; what is beyond the last one belongs to a part of its own.
 */
export function partEnds(given: readonly number[] | undefined, events: number): number[] {
  const equal = Array.from({ length: PARTS }, (_, k) => Math.ceil(((k + 1) * events) / PARTS));
  const ends = (given ?? equal).filter((end) => end < events).sort((a, b) => a - b);
  return [...new Set([...ends, events])];
}

export const partName = (from: number, to: number): string => `events ${figure(from)} to ${figure(to)}`;

const figure = (count: number) => count.toLocaleString("en-US");

/** A mean over arrivals; the error is that of a ratio of two sums over users (Cochran 1977, 6.4). */
export function ratioOf(users: readonly { readonly sum: number; readonly count: number }[]): Estimate {
  let [sum, count, squares] = [0, 0, 0];
  for (const each of users) {
    sum += each.sum;
    count += each.count;
  }
  const mean = sum / count;
  for (const each of users) squares += (each.sum - mean * each.count) ** 2;
  const factor = users.length < 2 ? 0 : users.length / (users.length - 1);
  return { mean, standardError: Math.sqrt(factor * squares) / count };
}

export class Standing {
  readonly #contestants: number;
  /** Of each user: arrivals, then recall and NDCG of each contestant, summed up. */
  readonly #sums = new Map<number, Float64Array>();
  #arrivals = 0;

  constructor(contestants: number) {
    this.#contestants = contestants;
  }

  get arrivals(): number {
    return this.#arrivals;
  }

  get users(): number {
    return this.#sums.size;
  }

  /** `gains`: of each contestant; undefined where one has none, which leaves its place unknown. */
  add(user: number, gains: readonly (Gain | undefined)[]): void {
    const sums = this.#sums.get(user) ?? new Float64Array(1 + 2 * this.#contestants);
    this.#sums.set(user, sums);
    this.#arrivals++;
    sums[0]!++;
    gains.forEach((gain, k) => {
      sums[1 + 2 * k]! += gain?.recall ?? Number.NaN;
      sums[2 + 2 * k]! += gain?.ndcg ?? Number.NaN;
    });
  }

  /** In the contestants' order. */
  places(): Place[] {
    return Array.from({ length: this.#contestants }, (_, k) => ({
      recall: this.#mean(1 + 2 * k),
      ndcg: this.#mean(2 + 2 * k),
      lead: k === 0 ? null : { recall: this.#lead(1, 1 + 2 * k), ndcg: this.#lead(2, 2 + 2 * k) },
    }));
  }

  /** Over arrivals. */
  #mean(at: number): Estimate {
    return ratioOf(Array.from(this.#sums.values(), (sums) => ({ sum: sums[at]!, count: sums[0]! })));
  }

  #lead(first: number, other: number): Estimate {
    return paired(Float64Array.from(this.#sums.values(), (sums) => (sums[first]! - sums[other]!) / sums[0]!));
  }
}
