// What is hot now, and what follows what: how many users came to each item, and to each item after each other one, in
// counts that fade as further ones are counted. Known within a second of an event, where weights of a model wait for a
// round; mix.ts lays them over a model's scores. Pure.
//
// They fade by what is counted, not by time: times are whatever producers send (backwards, in jumps, all alike), and a
// stream that pauses has not forgotten what was hot. Counted is a user's first meeting with an item, so neither one
// user who clicks an item a thousand times, nor what else such a burst brings, makes anything hot or lets it fade.
import { doubledFloats } from "../events/longer.ts";
import { LAST, type Met } from "./newest.ts";

/** Meetings after which a count of what is hot is half. A mix weighs them, so that the stream chooses among them. */
export const HALF_LIVES = [300, 1_000, 5_000] as const;
/** The same of what follows what, which is counted in far smaller numbers. */
export const FOLLOWS_HALF_LIFE = 8_000;
/** What is left of one meeting when it is forgotten: bounds what is remembered, whatever comes. */
const FORGOTTEN = 1 / 16;

/** Of each item what follows it: no more than the meetings of some half-lives are in it. */
type Followers = Map<number, number>;

export class Trends {
  readonly #hot = HALF_LIVES.map((halfLife) => new Fading(halfLife));
  readonly #follows = new Fading(FOLLOWS_HALF_LIFE);
  readonly #followers = new Map<number, Followers>();
  #counted = 0;

  /** Meetings that were counted. */
  get counted(): number {
    return this.#counted;
  }

  /** Takes in the next event; of one that is no first meeting (`seen` is undefined) nothing. */
  add({ item, seen }: Pick<Met, "item" | "seen">): void {
    if (!seen) return;
    this.#counted++;
    for (const hot of this.#hot) {
      hot.fade();
      hot.add(item);
    }
    const follows = this.#follows;
    follows.fade();
    for (let k = seen.length - 1; k >= 0 && k >= seen.length - LAST; k--) {
      const last = seen[k]!;
      follows.add(last);
      const followers: Followers = this.#followers.get(last) ?? new Map();
      this.#followers.set(last, followers);
      followers.set(item, (followers.get(item) ?? 0) + follows.one);
    }
    if (this.#counted % FOLLOWS_HALF_LIFE === 0) this.#sweep();
  }

  /**
   * The item's share of what was met, by half-life. As if as much had been met as is ever remembered: before that, all
   * shares are small, and say little.
   */
  shareOf(item: number, k: number): number {
    return this.#hot[k]!.of(item) / this.#hot[k]!.most;
  }

  /** By two users or more, a moment ago. One alone makes no item one that is listed. */
  isMetBySome(item: number): boolean {
    return this.#hot.at(-1)!.of(item) > 1;
  }

  /** Items from this number on were never met. */
  get items(): number {
    return this.#hot[0]!.length;
  }

  /** How often anything followed the item. */
  followedOf(last: number): number {
    return this.#follows.of(last);
  }

  /** Tells what followed the item, and how often. */
  forFollowersOf(last: number, tell: (item: number, count: number) => void): void {
    const { one } = this.#follows;
    this.#followers.get(last)?.forEach((count, item) => {
      tell(item, count / one);
    });
  }

  /** Pairs that are remembered. */
  get pairs(): number {
    let sum = 0;
    for (const { size } of this.#followers.values()) sum += size;
    return sum;
  }

  #sweep(): void {
    const { one } = this.#follows;
    const factor = this.#follows.rescale();
    for (const [last, followers] of this.#followers) {
      for (const [item, count] of followers)
        if (count < FORGOTTEN * one) followers.delete(item);
        else followers.set(item, count * factor);
      if (followers.size === 0) this.#followers.delete(last);
    }
  }
}

/** Counts by number that all halve at the same time: what is added grows instead. */
class Fading {
  /** What all counts of one meeting each would add up to. */
  readonly most: number;
  readonly #growth: number;
  #counts: Float64Array = new Float64Array(1024);
  #length = 0;
  /** What one more is worth, in the numbers that are kept. */
  #one = 1;

  constructor(halfLife: number) {
    this.#growth = 2 ** (1 / halfLife);
    this.most = 1 / (1 - 1 / this.#growth);
  }

  get one(): number {
    return this.#one;
  }

  get length(): number {
    return this.#length;
  }

  fade(): void {
    this.#one *= this.#growth;
    if (this.#one > 2 ** 500) this.rescale();
  }

  add(number: number): void {
    if (number >= this.#counts.length) this.#counts = doubledFloats(this.#counts, number + 1);
    this.#length = Math.max(this.#length, number + 1);
    this.#counts[number]! += this.#one;
  }

  of(number: number): number {
    return (this.#counts[number] ?? 0) / this.#one;
  }

  /** Back to where one is worth 1; by what all numbers were multiplied. */
  rescale(): number {
    const factor = 1 / this.#one;
    for (let k = 0; k < this.#length; k++) this.#counts[k]! *= factor;
    this.#one = 1;
    return factor;
  }
}
