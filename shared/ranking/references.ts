// What a model has to be better than on a stream, each a line of SQL: what is popular now, over windows of several
// lengths, and what followed the user's last items. As they stand now, or as they stood at an earlier moment, since a
// model knows no more than what it was trained on. Pure.
import { CoVisits } from "./co-visits.ts";
import { type Met, NewestEvents } from "./newest.ts";
import type { Gain } from "./places.ts";
import { RecentUsers, usersUntil } from "./recent.ts";
import { Tally } from "./tally.ts";

/** Events that popularity is counted over; a last one counts since ever. */
export const windows = [2_000, 10_000, 50_000] as const;
const LONGEST = windows.at(-1)!;
/** Events that a moment is put together from. */
export const REMEMBERED = LONGEST;
/** Events that co-visits are counted over. */
const CO_VISITS = 20_000;
/** Events that moments can be put back from: 21 bytes each. */
const CAPACITY = 2 ** 19;

/** What one arrival is worth to each reference. */
export interface ReferenceGains {
  /** By window, the last one since ever. */
  readonly popular: readonly Gain[];
  readonly coVisits: Gain;
}

/** The references at one moment. */
export interface Moment {
  /** Events until then. */
  readonly place: number;
  gainsOf(item: number, seen: Int32Array): ReferenceGains;
  /** Of each window, the users of each item. */
  readonly counts: readonly ArrayLike<number>[];
  followersOf(item: number): ReadonlyMap<number, number>;
}

export class References {
  readonly #events: NewestEvents;
  readonly #recent: RecentUsers;
  readonly #coVisits: CoVisits;
  readonly #ever: Tally;

  /** `ever`: users of each item until now. */
  constructor(ever: ArrayLike<number> = [], capacity = CAPACITY) {
    this.#events = new NewestEvents(Math.max(capacity, LONGEST + 1));
    this.#recent = new RecentUsers(this.#events, windows, 0);
    this.#coVisits = new CoVisits(this.#events, CO_VISITS, 0);
    this.#ever = new Tally(ever);
  }

  /** Events until now. */
  get place(): number {
    return this.#events.end;
  }

  add(met: Met): void {
    this.#events.push(met);
    this.#recent.advance();
    this.#coVisits.advance();
    if (met.isCounted) this.#ever.add(met.item);
  }

  gainsOf(item: number, seen: Int32Array): ReferenceGains {
    return gainsOf(this.#recent.tallies, this.#ever, this.#coVisits, item, seen);
  }

  /** As they stood after the first `place` events; after the first of those that are remembered where that is later. */
  asOf(place: number): Moment {
    const then = Math.max(place, this.#events.begin);
    const ever = new Tally(this.#ever.counts);
    for (let k = then; k < this.#events.end; k++) if (this.#events.isCountedAt(k)) ever.remove(this.#events.itemAt(k));
    const from = (size: number) => Math.max(this.#events.begin, then - size);
    const tallies = usersUntil(this.#events, windows, then);
    const coVisits = new CoVisits(this.#events, CO_VISITS, from(CO_VISITS));
    for (let k = from(CO_VISITS); k < then; k++) coVisits.advance();
    return {
      place: then,
      gainsOf: (item, seen) => gainsOf(tallies, ever, coVisits, item, seen),
      counts: [...tallies, ever].map(({ counts }) => counts),
      followersOf: (item) => coVisits.followersOf(item),
    };
  }
}

const gainsOf = (
  tallies: readonly Tally[],
  ever: Tally,
  coVisits: CoVisits,
  item: number,
  seen: Int32Array,
): ReferenceGains => ({
  popular: [...tallies, ever].map((tally) => tally.gainOf(item, seen)),
  coVisits: coVisits.gainOf(item, seen, tallies[0]!),
});

/** Before anything is known of them. */
const USUAL = windows.indexOf(10_000);

/** The window that did best on arrivals that came before. */
export function bestWindow(before: readonly ReferenceGains[]): number {
  if (before.length === 0) return USUAL;
  const sums = new Float64Array(windows.length + 1);
  for (const { popular } of before) for (const [k, { ndcg }] of popular.entries()) sums[k]! += ndcg;
  return sums.indexOf(Math.max(...sums));
}

/** In words: over which events. */
export const windowInWords = (window: number): string =>
  windows[window] === undefined ? "all events" : `the last ${windows[window]!.toLocaleString("en-US")} events`;
