// Lists of row numbers in the form that segment sums take. For the engines, and for likelihoods.ts.

/** The lists end to end, and beside each entry the number of its list. */
export function flatten(lists: readonly Int32Array[]): { entries: Int32Array; lists: Int32Array } {
  const count = lists.reduce((sum, list) => sum + list.length, 0);
  const flat = { entries: new Int32Array(count), lists: new Int32Array(count) };
  let at = 0;
  lists.forEach((list, k) => {
    flat.entries.set(list, at);
    flat.lists.fill(k, at, at + list.length);
    at += list.length;
  });
  return flat;
}

/** Row and column of every entry of a sparse matrix whose rows list their columns, `[entries, 2]`. */
export function positionsOf(columns: readonly Int32Array[]): Int32Array {
  const { entries, lists } = flatten(columns);
  const positions = new Int32Array(2 * entries.length);
  for (let k = 0; k < entries.length; k++) {
    positions[2 * k] = lists[k]!;
    positions[2 * k + 1] = entries[k]!;
  }
  return positions;
}
