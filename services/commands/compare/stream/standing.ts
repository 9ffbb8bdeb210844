// What arrivals were worth to each contestant, summed by user as they come: means over arrivals, the first contestant's
// lead over each other one, and how sure both are. Users are drawn, not arrivals: a user's own are not independent.
// Pure.
import { paired } from "../../../../shared/ranking/paired.ts";
import type { Gain } from "../../../../shared/ranking/places.ts";

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

  /** Over arrivals; the error is that of a ratio of two sums over users (Cochran 1977, 6.4). */
  #mean(at: number): Estimate {
    const users = this.#sums.size;
    let sum = 0;
    for (const sums of this.#sums.values()) sum += sums[at]!;
    const mean = sum / this.#arrivals;
    let squares = 0;
    for (const sums of this.#sums.values()) squares += (sums[at]! - mean * sums[0]!) ** 2;
    const factor = users < 2 ? 0 : users / (users - 1);
    return { mean, standardError: Math.sqrt(factor * squares) / this.#arrivals };
  }

  #lead(first: number, other: number): Estimate {
    return paired(Float64Array.from(this.#sums.values(), (sums) => (sums[first]! - sums[other]!) / sums[0]!));
  }
}
