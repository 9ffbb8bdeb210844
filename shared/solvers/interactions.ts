// Who has what, by user and by item, as flat lists in memory that threads share: what solved systems are fitted to.
// Shapes: U users, I items.

/** List k is `entries` from `starts[k]` to `starts[k + 1]`, ascending. */
export interface Lists {
  readonly starts: Int32Array;
  readonly entries: Int32Array;
}

export interface Interactions {
  /** The items of each user. */
  readonly byUser: Lists;
  /** The users of each item. */
  readonly byItem: Lists;
}

/** `rows`: distinct columns of each training user. */
export function interactionsOf(rows: readonly Int32Array[], items: number): Interactions {
  const given = listsFor(rows.map(({ length }) => length));
  rows.forEach((row, user) => {
    given.entries.set(row, given.starts[user]!);
  });
  const byItem = turned(given, items);
  return { byItem, byUser: turned(byItem, rows.length) }; // turned twice, every list ascends
}

/** How many lists there are. */
export const countOf = ({ starts }: Lists): number => starts.length - 1;

function listsFor(lengths: ArrayLike<number>): Lists {
  const starts = new Int32Array(new SharedArrayBuffer(4 * (lengths.length + 1)));
  for (let list = 0; list < lengths.length; list++) starts[list + 1] = starts[list]! + lengths[list]!;
  return { starts, entries: new Int32Array(new SharedArrayBuffer(4 * starts[lengths.length]!)) };
}

/** For each of `count` entries the lists that hold it, in their order (a counting sort). */
function turned(lists: Lists, count: number): Lists {
  const lengths = new Int32Array(count);
  for (const entry of lists.entries) lengths[entry]!++;
  const result = listsFor(lengths);
  const next = result.starts.slice(0, count);
  for (let list = 0; list < countOf(lists); list++)
    for (let at = lists.starts[list]!; at < lists.starts[list + 1]!; at++)
      result.entries[next[lists.entries[at]!]!++] = list;
  return result;
}

/**
 * Rows `from` to `to` of X'X, [I x I]: users who have both items, on the diagonal users who have the item. Whole
 * numbers below 2^24, so float32 holds them exactly.
 * A row at a time: a row stays in the cache, the matrix does not.
 */
export function countTogether(
  { byUser, byItem }: Interactions,
  counts_II: Float32Array,
  from: number,
  to: number,
): void {
  const items = countOf(byItem);
  for (let item = from; item < to; item++) {
    const row_I = counts_II.subarray(item * items, (item + 1) * items);
    for (let at = byItem.starts[item]!; at < byItem.starts[item + 1]!; at++) {
      const user = byItem.entries[at]!;
      for (let k = byUser.starts[user]!; k < byUser.starts[user + 1]!; k++) row_I[byUser.entries[k]!]!++;
    }
  }
}
