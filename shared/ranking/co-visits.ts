// How many users came to an item after each other one, within the newest events: plain counts, of the three items that
// the user had met last; behind them stands what is popular, so that a list is never short. A user meets an item for
// the first time once, so users count here by themselves. Pure.
import { doubled } from "../events/longer.ts";
import { LAST, type NewestEvents } from "./newest.ts";
import { type Gain, gainBehind, NO_GAIN } from "./places.ts";
import type { Tally } from "./tally.ts";

export class CoVisits {
  readonly #events: NewestEvents;
  readonly #size: number;
  readonly #begin: number;
  /** Of each item, what followed it, and how often. */
  readonly #followers = new Map<number, Map<number, number>>();
  #next: number;
  /** Scores of one question; 0 before and after it. */
  #scores: Int32Array = new Int32Array(1024);

  /** Over the newest `size` events, from the one at `begin` on. */
  constructor(events: NewestEvents, size: number, begin: number) {
    this.#events = events;
    this.#size = size;
    this.#begin = begin;
    this.#next = begin;
  }

  /** Takes in the next event. */
  advance(): void {
    const place = this.#next++;
    if (place - this.#size >= this.#begin) this.#count(place - this.#size, -1);
    this.#count(place, 1);
  }

  #count(place: number, by: 1 | -1): void {
    const item = this.#events.itemAt(place);
    for (let k = 0; k < LAST; k++) {
      const last = this.#events.lastAt(place, k);
      if (last < 0) return;
      const followers = this.#followers.get(last) ?? new Map<number, number>();
      const count = (followers.get(item) ?? 0) + by;
      if (count > 0) followers.set(item, count);
      else followers.delete(item);
      if (followers.size > 0) this.#followers.set(last, followers);
      else this.#followers.delete(last);
    }
  }

  /** What followed an item, and how often. */
  followersOf(item: number): ReadonlyMap<number, number> {
    return this.#followers.get(item) ?? nobody;
  }

  /**
   * What the list of what followed the newest of `seen`, and then of what is popular, without `seen`, is worth where
   * `item` is wanted.
   */
  gainOf(item: number, seen: Int32Array, popular: Tally): Gain {
    const touched: number[] = [];
    for (const last of seen.subarray(-LAST))
      this.followersOf(last).forEach((count, follower) => {
        if (follower >= this.#scores.length) this.#scores = doubled(this.#scores, follower + 1);
        if (this.#scores[follower] === 0) touched.push(follower);
        this.#scores[follower]! += count;
      });
    const score = this.#scores[item] ?? 0;
    const gain = score > 0 ? this.#gainAmong(touched, score, seen) : this.#gainBehind(touched, item, seen, popular);
    for (const follower of touched) this.#scores[follower] = 0;
    return gain;
  }

  #gainAmong(touched: readonly number[], score: number, seen: Int32Array): Gain {
    let [above, alike] = [0, 0];
    for (const follower of touched) {
      if (this.#scores[follower]! > score) above++;
      else if (this.#scores[follower] === score) alike++;
    }
    for (let k = 0; k < seen.length; k++) {
      const other = this.#scores[seen[k]!] ?? 0;
      if (other > score) above--;
      else if (other === score) alike--;
    }
    return gainBehind(above, alike);
  }

  /** Of an item that followed none of them. */
  #gainBehind(touched: readonly number[], item: number, seen: Int32Array, popular: Tally): Gain {
    const place = popular.placeOf(item, seen);
    if (!place) return NO_GAIN;
    const count = popular.countOf(item);
    let { above, alike } = place;
    const stands = (follower: number, by: 1 | -1) => {
      const other = popular.countOf(follower);
      above += by; // before all that are only popular
      if (other > count) above -= by;
      else if (other === count) alike -= by;
    };
    for (const follower of touched) stands(follower, 1);
    for (let k = 0; k < seen.length; k++) if ((this.#scores[seen[k]!] ?? 0) > 0) stands(seen[k]!, -1);
    return gainBehind(above, alike);
  }
}

const nobody: ReadonlyMap<number, number> = new Map();
