// Users and the items that they met as rows of an event table.

export type Pair = readonly [user: string, item: string];

/** At one time, in one partition, one after the other from `offset` on. */
export const rowsOf = (pairs: readonly Pair[], offset: number) =>
  pairs.map(([user, item], k) => ({ user, item, timestamp: 0, value: null, partition: 0, offset: offset + k }));
