// How many users met each item in the newest events, over windows of several lengths at once: what is popular now.
// Users count, not clicks, so that nobody makes an item hot alone. O(1) an event and window. Pure.
import type { NewestEvents } from "./newest.ts";
import { Tally } from "./tally.ts";

/** Above the number of any item. */
const ITEMS = 2 ** 24;

export class RecentUsers {
  readonly tallies: readonly Tally[];
  readonly #events: NewestEvents;
  readonly #sizes: readonly number[];
  readonly #begin: number;
  /** Of each user and item within the longest window, the place of the newest event. */
  readonly #newest = new Map<number, number>();
  /** By place, round and round: 1 where something newer is of the same user and item. */
  readonly #isOld: Uint8Array;
  #next: number;

  /** `sizes` in events, the longest last; counts from the event at `begin` on. */
  constructor(events: NewestEvents, sizes: readonly number[], begin: number) {
    this.#events = events;
    this.#sizes = sizes;
    this.#begin = begin;
    this.#next = begin;
    this.tallies = sizes.map(() => new Tally());
    this.#isOld = new Uint8Array(sizes.at(-1)! + 1);
  }

  /** Takes in the next event. */
  advance(): void {
    const place = this.#next++;
    for (let k = 0; k < this.#sizes.length; k++) this.#leave(place - this.#sizes[k]!, k);
    const item = this.#events.itemAt(place);
    const pair = this.#events.userAt(place) * ITEMS + item;
    const before = this.#newest.get(pair);
    for (let k = 0; k < this.#sizes.length; k++)
      if (before === undefined || before <= place - this.#sizes[k]!) this.tallies[k]!.add(item);
    if (before !== undefined) this.#isOld[before % this.#isOld.length] = 1;
    this.#isOld[place % this.#isOld.length] = 0;
    this.#newest.set(pair, place);
  }

  /** The user counts no more where nothing newer of theirs is of this item. */
  #leave(place: number, k: number): void {
    if (place < this.#begin || this.#isOld[place % this.#isOld.length] === 1) return;
    const item = this.#events.itemAt(place);
    this.tallies[k]!.remove(item);
    if (k === this.#sizes.length - 1) this.#newest.delete(this.#events.userAt(place) * ITEMS + item);
  }
}

/**
 * The same counts of the events before a place, for a moment that stays as it is: from its end backwards the first
 * event of a user and item is the one that counts, so nothing has to be taken back.
 */
export function usersUntil(events: NewestEvents, sizes: readonly number[], place: number): readonly Tally[] {
  const tallies = sizes.map(() => new Tally());
  const begin = Math.max(events.begin, place - sizes.at(-1)!);
  const isNew = openPairs(place - begin);
  for (let at = place - 1; at >= begin; at--) {
    const item = events.itemAt(at);
    if (!isNew(events.userAt(at), item)) continue;
    for (let k = 0; k < sizes.length; k++) if (at >= place - sizes[k]!) tallies[k]!.add(item);
  }
  return tallies;
}

/** Whether a user and item are asked for the first time; open addressing, 16 to 32 bytes for each of at `most` pairs. */
function openPairs(most: number): (user: number, item: number) => boolean {
  const slots = 2 ** Math.ceil(Math.log2(2 * most + 2));
  const [users, items] = [new Int32Array(slots).fill(-1), new Int32Array(slots)];
  return (user, item) => {
    let slot = ((Math.imul(user, 0x9e3779b1) ^ Math.imul(item, 0x85ebca6b)) >>> 8) & (slots - 1);
    for (; users[slot] !== -1; slot = (slot + 1) & (slots - 1))
      if (users[slot] === user && items[slot] === item) return false;
    users[slot] = user;
    items[slot] = item;
    return true;
  };
}
