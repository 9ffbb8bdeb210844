// The newest events of a stream, in order: who met what, and what the user had met before. Bounded, whatever comes;
// what the references count, and what they are put back from to how they stood at an earlier moment. Pure.

/** Of a user's items, so many of the newest say what comes next. */
export const LAST = 3;

export interface Met {
  readonly user: number;
  readonly item: number;
  /** What the user had met before, oldest first; undefined where this item was among it. */
  readonly seen: Int32Array | undefined;
  /** It counts for popularity since ever: the first time, and of a training user. */
  readonly isCounted: boolean;
}

/** Events by their place in the stream, 0 for the first; the newest `capacity` are there. */
export class NewestEvents {
  readonly #capacity: number;
  readonly #users: Int32Array;
  readonly #items: Int32Array;
  readonly #last: Int32Array;
  readonly #isCounted: Uint8Array;
  #end = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#users = new Int32Array(capacity);
    this.#items = new Int32Array(capacity);
    this.#last = new Int32Array(LAST * capacity);
    this.#isCounted = new Uint8Array(capacity);
  }

  /** Place of the oldest that is there, and of the next to come. */
  get begin(): number {
    return Math.max(0, this.#end - this.#capacity);
  }
  get end(): number {
    return this.#end;
  }

  push({ user, item, seen, isCounted }: Met): void {
    const at = this.#end++ % this.#capacity;
    this.#users[at] = user;
    this.#items[at] = item;
    this.#isCounted[at] = isCounted ? 1 : 0;
    for (let k = 0; k < LAST; k++) this.#last[LAST * at + k] = seen?.[seen.length - 1 - k] ?? -1;
  }

  userAt(place: number): number {
    return this.#users[place % this.#capacity]!;
  }

  itemAt(place: number): number {
    return this.#items[place % this.#capacity]!;
  }

  isCountedAt(place: number): boolean {
    return this.#isCounted[place % this.#capacity] === 1;
  }

  /** The user's `k`th newest item before; -1 for none, and where the item was no new one. */
  lastAt(place: number, k: number): number {
    return this.#last[LAST * (place % this.#capacity) + k]!;
  }
}
