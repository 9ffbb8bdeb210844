// How often each item was counted, and which place that gives it: O(1) a count, whatever the number of items, since
// places need no order of the items but how many have so many counts. Pure.
import { doubled } from "../events/longer.ts";
import { type Gain, gainBehind, NO_GAIN } from "./places.ts";

export class Tally {
  #counts: Int32Array;
  /** Items counted so often, or more. */
  #atLeast: Int32Array;

  /** `counts` of each item to begin with. */
  constructor(counts: ArrayLike<number> = []) {
    this.#counts = Int32Array.from(counts);
    const most = this.#counts.reduce((a, b) => Math.max(a, b), 0);
    this.#atLeast = new Int32Array(most + 2);
    for (const count of this.#counts) this.#atLeast[count]!++;
    for (let count = most - 1; count > 0; count--) this.#atLeast[count]! += this.#atLeast[count + 1]!;
  }

  add(item: number): void {
    if (item >= this.#counts.length) this.#counts = doubled(this.#counts, item + 1);
    const count = ++this.#counts[item]!;
    if (count >= this.#atLeast.length - 1) this.#atLeast = doubled(this.#atLeast, count + 2);
    this.#atLeast[count]!++;
  }

  /** Takes one count back. */
  remove(item: number): void {
    this.#atLeast[this.#counts[item]!--]!--;
  }

  countOf(item: number): number {
    return this.#counts[item] ?? 0;
  }

  /** Counts of each item; may be longer than the items are. */
  get counts(): Int32Array {
    return this.#counts;
  }

  /** What the list of the highest counts, without what the user has `seen`, is worth where `item` is wanted. */
  gainOf(item: number, seen: Int32Array): Gain {
    const place = this.placeOf(item, seen);
    return place ? gainBehind(place.above, place.alike) : NO_GAIN;
  }

  /**
   * How many items that are not among `seen` have higher counts, and how many the same, itself included; undefined
   * where it has none.
   */
  placeOf(item: number, seen: Int32Array): { readonly above: number; readonly alike: number } | undefined {
    const count = this.countOf(item);
    if (count === 0) return undefined;
    let above = this.#atLeast[count + 1]!;
    let alike = this.#atLeast[count]! - above;
    for (let k = 0; k < seen.length; k++) {
      const other = this.countOf(seen[k]!);
      if (other > count) above--;
      else if (other === count) alike--;
    }
    return { above, alike };
  }
}
