// How far each partition is in a table, by the txns of its log: they are called source/partition, see epochs.ts. And
// the last message that was condemned, source/partition/condemned; how often something before the progress of the dead
// letters, or of the filtered, was put on record later, source/partition/amended; the number of whose it is to write,
// source/partition/writer; and where Kafka tells no ids of topics, the last message, source/partition/message.

export const progressId = (source: string, partition: number): string => `${source}/${partition}`;
export const condemnedId = (source: string, partition: number): string => `${progressId(source, partition)}/condemned`;
export const amendedId = (source: string, partition: number): string => `${progressId(source, partition)}/amended`;
export const writerId = (source: string, partition: number): string => `${progressId(source, partition)}/writer`;

/** The last message of a partition that is in the table, and its fingerprint: where Kafka tells no ids of topics. */
export const messageId = (source: string, partition: number): string => `${progressId(source, partition)}/message`;
export const printId = (source: string, partition: number): string => `${messageId(source, partition)}/print`;

/** A partition of a source, and its last offset that is done. */
export interface Reached {
  readonly source: string;
  readonly partition: number;
  readonly last: number;
}

/** How many rows came beyond one a message, and how many of those an erasure took. */
export const moreRowsId = (source: string, partition: number): string => `${progressId(source, partition)}/more-rows`;
export const erasedRowsId = (source: string, partition: number): string =>
  `${progressId(source, partition)}/erased-rows`;

/** Rows of a partition beyond one for each of its messages: a map may make several of one. */
export const moreRowsOf = (offsets: ReadonlyMap<string, number>, source: string, partition: number): number =>
  (offsets.get(moreRowsId(source, partition)) ?? 0) - (offsets.get(erasedRowsId(source, partition)) ?? 0);

/** Every partition that a table has been fed from, by its txn. */
export function reachedIn(offsets: ReadonlyMap<string, number>): Reached[] {
  return [...offsets].flatMap(([appId, last]) => {
    const [, source, digits] = /^([^/]+)\/(\d+)$/.exec(appId) ?? [];
    return source === undefined ? [] : [{ source, partition: Number(digits), last }];
  });
}

/** Last offset that is done of a source, by partition. */
export const lastOffsets = (offsets: ReadonlyMap<string, number>, source: string): Map<number, number> =>
  new Map(reachedIn(offsets).flatMap((each) => (each.source === source ? [[each.partition, each.last] as const] : [])));

/**
 * Where reading starts: the table says how far it is, the topic what it still holds. `lostFrom`: what lies between was
 * deleted before it was read. `anew`: why this is not the topic that was read.
 */
export function startOf(
  committed: number | undefined,
  bounds: { readonly begin: number; readonly end: number },
): { readonly offset: number; readonly lostFrom?: number } | { readonly anew: string } {
  if (committed === undefined) return { offset: bounds.begin };
  const offset = committed + 1;
  if (offset < bounds.begin) return { offset: bounds.begin, lostFrom: offset };
  if (offset > bounds.end)
    return { anew: `the table ends at ${committed}, the topic at ${bounds.end - 1}: it was made anew` };
  return { offset };
}

/** What Kafka says of a topic now. */
interface Topic {
  readonly id: string | null;
  readonly bounds: readonly { readonly partition: number; readonly end: number }[];
}

/**
 * Why this is not the topic that a table has read, but one made anew under its name; undefined where it is. By Kafka's
 * ids; where one of the two is not known, by offsets that it cannot have read in this one.
 */
export function whyAnew(
  { id, bounds }: Topic,
  read: { readonly id: string | null; readonly committed: ReadonlyMap<number, number> },
): string | undefined {
  if (id !== null && read.id !== null)
    return id === read.id ? undefined : `the topic was made anew: it is ${id} now, and the table has read ${read.id}`;
  for (const [partition, last] of read.committed) {
    const end = bounds.find((each) => each.partition === partition)?.end ?? 0;
    if (last >= end)
      return `the table ends at ${last} of partition ${partition}, the topic at ${end - 1}: it was made anew`;
  }
  return undefined;
}
