// How many users met two items, in counts that fade as further meetings come: X'X of what is met now, from which EASE
// is solved. Bounded, whatever comes: a user's newest items alone are paired, and what has faded is forgotten. Pure.
import { doubled } from "../events/longer.ts";
import type { Met } from "./newest.ts";

/** Meetings after which a count is half. */
const HALF_LIFE = 20_000;
/** A user's newest items that a further one is paired with. */
const PAIRED = 12;
/** What is left of one meeting when it is forgotten. */
const FORGOTTEN = 1 / 8;

export class FadingPairs {
  /** Of each item its users, and with each other one theirs. */
  readonly #users = new Map<number, number>();
  readonly #pairs = new Map<number, Map<number, number>>();
  readonly #growth = 2 ** (1 / HALF_LIFE);
  /** What one meeting is worth, in the numbers that are kept: it grows, and they stay. */
  #one = 1;
  #counted = 0;
  /** Of each user's newest items, round and round, what had been counted when they were met. */
  #stamps: Int32Array = new Int32Array(1024);

  /** Takes in the next event; of one that is no first meeting nothing. */
  add({ user, item, seen }: Pick<Met, "user" | "item" | "seen">): void {
    if (!seen) return;
    this.#one *= this.#growth;
    this.#users.set(item, (this.#users.get(item) ?? 0) + this.#one);
    const at = user * PAIRED;
    if (at + PAIRED > this.#stamps.length) this.#stamps = doubled(this.#stamps, at + PAIRED);
    for (let k = Math.max(0, seen.length - PAIRED); k < seen.length; k++) {
      // As if a user's items were each worth the root of what has not faded of them: so the counts stay a product X'X.
      const age = this.#counted - this.#stamps[at + (k % PAIRED)]!;
      const count = this.#one * this.#growth ** (-age / 2);
      this.#pair(item, seen[k]!, count);
      this.#pair(seen[k]!, item, count);
    }
    this.#stamps[at + (seen.length % PAIRED)] = this.#counted;
    if (++this.#counted % HALF_LIFE === 0) this.#sweep();
  }

  /** The items with most users now, at most so many, the first first. */
  most(count: number): Int32Array {
    return Int32Array.from(
      [...this.#users].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, count),
      ([item]) => item,
    );
  }

  /** Counts of the items by rows, a user of each on the diagonal. */
  matrix(items: Int32Array): Float32Array {
    const { length } = items;
    const placeOf = new Map(Array.from(items, (item, place) => [item, place]));
    const matrix = new Float32Array(length * length);
    items.forEach((item, row) => {
      matrix[row * (length + 1)] = this.#users.get(item)! / this.#one;
      for (const [other, count] of this.#pairs.get(item) ?? []) {
        const column = placeOf.get(other);
        if (column !== undefined) matrix[row * length + column] = count / this.#one;
      }
    });
    return matrix;
  }

  #pair(item: number, other: number, count: number): void {
    const others = this.#pairs.get(item) ?? new Map<number, number>();
    this.#pairs.set(item, others);
    others.set(other, (others.get(other) ?? 0) + count);
  }

  #sweep(): void {
    const least = FORGOTTEN * this.#one;
    const kept = (counts: Map<number, number>) => {
      for (const [item, count] of counts)
        if (count < least) counts.delete(item);
        else counts.set(item, count / this.#one);
    };
    kept(this.#users);
    for (const [item, others] of this.#pairs) {
      kept(others);
      if (others.size === 0) this.#pairs.delete(item);
    }
    this.#one = 1;
  }
}
