// Users' rows of items as the lists that the kernels of the embedding bag walk along: by user for the bags, by item for
// the way back. Below kernels.ts.
import type { KernelMemory } from "./memory.ts";

/** Users' rows of items, the value of each item beside it. */
export interface SparseRows {
  readonly rows: readonly Int32Array[];
  readonly values: readonly Float32Array[];
}

/** Rows of a table that begins with row `first` of a larger one. */
export interface Span {
  readonly first: number;
  readonly count: number;
}

interface Lists {
  readonly index: Int32Array;
  readonly values: Float32Array;
  readonly ends: Int32Array;
}

function room(memory: KernelMemory, lists: number, { rows }: SparseRows): Lists {
  const entries = rows.reduce((sum, row) => sum + row.length, 0);
  return { index: memory.ints(entries), values: memory.floats(entries), ends: memory.ints(lists) };
}

/** The users' items one after another, those of value 0 and those beyond the span left out. */
export function listed(memory: KernelMemory, users: SparseRows, { first, count }: Span): Lists {
  const lists = room(memory, users.rows.length, users);
  let at = 0;
  users.rows.forEach((row, user) => {
    const value = users.values[user]!;
    for (let k = 0; k < row.length; k++) {
      const item = row[k]! - first;
      if (value[k] === 0 || item < 0 || item >= count) continue;
      lists.index[at] = item;
      lists.values[at++] = value[k]!;
    }
    lists.ends[user] = at;
  });
  return lists;
}

/** For each item of the span the users that hold it, in their order (a counting sort). */
export function transposed(memory: KernelMemory, users: SparseRows, { first, count }: Span): Lists {
  const lists = room(memory, count, users);
  const ends = new Int32Array(count);
  const each = (body: (item: number, user: number, value: number) => void) =>
    users.rows.forEach((row, user) => {
      const values = users.values[user]!;
      for (let k = 0; k < row.length; k++) {
        const item = row[k]! - first;
        if (values[k] !== 0 && item >= 0 && item < count) body(item, user, values[k]!);
      }
    });
  each((item) => ends[item]!++);
  let before = 0;
  for (let item = 0; item < count; item++) {
    const length = ends[item]!;
    ends[item] = before; // where the item's list begins; filling moves it to where it ends
    before += length;
  }
  each((item, user, value) => {
    const at = ends[item]!++;
    lists.index[at] = user;
    lists.values[at] = value;
  });
  lists.ends.set(ends);
  return lists;
}
