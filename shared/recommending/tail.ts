// What the topic holds beyond the table: each user's newest items, read ahead of it and given up as it catches up, by
// offset. Bounded, whatever comes. Pure; services/serve/following.ts feeds it.

export interface Tail {
  /** The offset of a partition before which all is read or in the table; undefined where nothing was read of it. */
  nextOf(partition: number): number | undefined;
  /** The last offset of a partition that the table holds. */
  doneOf(partition: number): number | undefined;
  /**
   * An event at an offset; what was read before, or is in the table, is old and changes nothing. `again`: a further one
   * of the message of which one was just taken.
   */
  take(partition: number, offset: number, user: string, item: string, again?: boolean): Outcome;
  /** Everything of the partition before `next` was looked at. */
  passed(partition: number, next: number): void;
  /** The same for offsets that were left out: there would have been no room for them. */
  skipped(partition: number, next: number): void;
  /** The table holds everything up to these offsets, by partition: it never holds less later. */
  reached(done: ReadonlyMap<number, number>): void;
  has(user: string, item: string): boolean;
  /** Distinct items of the user, in order of first appearance within a partition. */
  itemsOf(user: string): string[];
  /** All that is held, about in the order in which it came: partitions are laid side by side. */
  pairs(): Pair[];
  /** Nothing was read: the topic is another one. What the table holds stays known. */
  clear(): void;
  /** Distinct items of users that are held. */
  readonly held: number;
  /** Events that there was no room for, and offsets that were skipped. */
  readonly leftOut: number;
}

/**
 * "again": the user is held with the item already. "crowded": with as many as are held of one, so that nobody knows
 * whether it is new to them.
 */
export type Outcome = "old" | "new" | "again" | "crowded";

export interface Pair {
  readonly user: string;
  readonly item: string;
}

interface Entry extends Pair {
  readonly offset: number;
}

interface Part {
  next: number;
  /** By user and item, the offset of the newest event. */
  readonly rows: Map<string, Map<string, number>>;
  /** In order of offset; those that `rows` has at another offset, or no more, are stale. */
  entries: Entry[];
  /** Those before it are done with. */
  first: number;
  live: number;
}

/** What a pair takes beside its names where each user has one: two maps' entries, a map, an entry. Measured. */
const PAIR_BYTES = 400;
const ROOM = 96 << 20;
/** Of one user, the newest: who meets more between two commits of the table is no person. */
const MOST_OF_USER = 200;
/** Below it stale entries are not worth a sweep. */
const FEW = 1024;

/** So many events fit for sure, of names that are not long: whoever is further behind need not read what lies before. */
export const MOST_AHEAD = Math.floor(ROOM / (PAIR_BYTES + 64));

export function createTail({ room = ROOM, mostOfUser = MOST_OF_USER } = {}): Tail {
  const parts = new Map<number, Part>();
  const done = new Map<number, number>();
  let held = 0;
  let bytes = 0;
  let leftOut = 0;

  function partOf(partition: number): Part {
    const found = parts.get(partition) ?? { next: 0, rows: new Map(), entries: [], first: 0, live: 0 };
    parts.set(partition, found);
    return found;
  }

  const bytesOf = (user: string, item: string) => PAIR_BYTES + 2 * (user.length + item.length);

  function count(part: Part, user: string, item: string, by: 1 | -1): void {
    held += by;
    part.live += by;
    bytes += by * bytesOf(user, item);
  }

  /** False where the entry is stale. */
  function giveUp(part: Part, { user, item, offset }: Entry): boolean {
    const row = part.rows.get(user);
    if (row?.get(item) !== offset) return false;
    row.delete(item);
    if (row.size === 0) part.rows.delete(user);
    count(part, user, item, -1);
    return true;
  }

  const liveIn = ({ entries, first, rows }: Part) =>
    entries.slice(first).filter(({ user, item, offset }) => rows.get(user)?.get(item) === offset);

  function sweep(part: Part): void {
    part.entries = liveIn(part);
    part.first = 0;
  }

  const sweepIfStale = (part: Part) => {
    if (part.entries.length > FEW + 2 * part.live) sweep(part);
  };

  /** The oldest of the partition that holds most. */
  function makeRoom(): void {
    while (bytes > room) {
      const largest = [...parts.values()].reduce((a, b) => (b.live > a.live ? b : a));
      for (let left = 1 + (largest.live >> 4); left > 0; ) {
        if (!giveUp(largest, largest.entries[largest.first++]!)) continue;
        left--;
        leftOut++;
      }
      sweepIfStale(largest);
    }
  }

  /** `beside`: of a partition that is not asked. */
  function has(user: string, item: string, beside?: Part): boolean {
    for (const part of parts.values()) if (part !== beside && part.rows.get(user)?.has(item)) return true;
    return false;
  }

  function itemsOf(user: string): string[] {
    const items: string[] = [];
    let rows = 0;
    for (const part of parts.values()) {
      const row = part.rows.get(user);
      if (!row) continue;
      items.push(...row.keys());
      rows++;
    }
    return rows > 1 ? [...new Set(items)] : items;
  }

  return {
    has,
    itemsOf,
    nextOf: (partition) => {
      const part = parts.get(partition);
      return part && Math.max(part.next, (done.get(partition) ?? -1) + 1);
    },
    doneOf: (partition) => done.get(partition),
    take: (partition, offset, user, item, again = false) => {
      const part = partOf(partition);
      if (offset < (again ? part.next - 1 : part.next)) return "old";
      part.next = offset + 1;
      if (offset <= (done.get(partition) ?? -1)) return "old";
      let row = part.rows.get(user);
      if (!row) {
        row = new Map();
        part.rows.set(user, row);
      }
      const isHere = row.has(item);
      if (again && row.get(item) === offset) return "again"; // twice in one message
      if (!isHere) count(part, user, item, 1);
      const isKnown = isHere || has(user, item, part);
      row.set(item, offset);
      part.entries.push({ user, item, offset });
      const isCrowded = row.size >= mostOfUser;
      if (row.size > mostOfUser) {
        const [oldest, at] = row.entries().next().value!;
        giveUp(part, { user, item: oldest, offset: at });
        leftOut++;
      }
      sweepIfStale(part);
      makeRoom();
      return isKnown ? "again" : isCrowded ? "crowded" : "new";
    },
    passed: (partition, next) => {
      const part = partOf(partition);
      part.next = Math.max(part.next, next);
    },
    skipped: (partition, next) => {
      const part = partOf(partition);
      const from = Math.max(part.next, (done.get(partition) ?? -1) + 1);
      leftOut += Math.max(0, next - from);
      part.next = Math.max(part.next, next);
    },
    reached: (last) => {
      for (const [partition, offset] of last) {
        if (offset <= (done.get(partition) ?? -1)) continue;
        done.set(partition, offset);
        const part = parts.get(partition);
        if (!part) continue;
        while (part.first < part.entries.length && part.entries[part.first]!.offset <= offset)
          giveUp(part, part.entries[part.first++]!);
        sweepIfStale(part);
      }
    },
    pairs: () =>
      [...parts.values()]
        .flatMap((part) => liveIn(part).map((entry, k, all) => ({ entry, at: k / all.length })))
        .sort((a, b) => a.at - b.at)
        .map(({ entry: { user, item } }) => ({ user, item })),
    clear: () => {
      parts.clear();
      [held, bytes] = [0, 0];
    },
    get held() {
      return held;
    },
    get leftOut() {
      return leftOut;
    },
  };
}
