// How far each partition is in a table, by the txns of its log: they are called topic/partition. And the last message
// that was condemned, topic/partition/condemned; and how often gaps before the filtered's progress were put on record
// later, topic/partition/amended. Kafka's names hold no slash.

export interface PartitionProgress {
  readonly topics: ReadonlySet<string>;
  /** Last offset that is done, by partition. */
  readonly done: ReadonlyMap<number, number>;
  /** Topic of each partition: the one that is furthest, where a table was fed by several. */
  readonly topicOf: ReadonlyMap<number, string>;
}

export const progressId = (topic: string, partition: number): string => `${topic}/${partition}`;
/** How many rows came beyond one a message, and how many of those an erasure took. */
export const moreRowsId = (topic: string, partition: number): string => `${progressId(topic, partition)}/more-rows`;
export const erasedRowsId = (topic: string, partition: number): string => `${progressId(topic, partition)}/erased-rows`;
export const condemnedId = (topic: string, partition: number): string => `${progressId(topic, partition)}/condemned`;
export const amendedId = (topic: string, partition: number): string => `${progressId(topic, partition)}/amended`;

/** Rows of a partition beyond one for each of its messages: a map may make several of one. */
export function moreRowsOf(offsets: ReadonlyMap<string, number>, partition: number): number {
  let more = 0;
  for (const [appId, version] of offsets) {
    const [, digits, kind] = /^.+\/(\d+)\/(more-rows|erased-rows)$/.exec(appId) ?? [];
    if (Number(digits) === partition) more += kind === "more-rows" ? version : -version;
  }
  return more;
}

/** Each txn of a partition. */
function* partitionsIn(offsets: ReadonlyMap<string, number>) {
  for (const [appId, version] of offsets) {
    const [, topic, digits] = /^(.+)\/(\d+)$/.exec(appId) ?? [];
    if (topic !== undefined) yield { topic, partition: Number(digits), version };
  }
}

/** Last offset that is done of a topic, by partition. */
export const lastOffsets = (offsets: ReadonlyMap<string, number>, topic: string): Map<number, number> =>
  new Map(
    [...partitionsIn(offsets)].flatMap((each) =>
      each.topic === topic ? [[each.partition, each.version] as const] : [],
    ),
  );

/** Of all topics. */
export function progressOf(offsets: ReadonlyMap<string, number>): PartitionProgress {
  const topics = new Set<string>();
  const done = new Map<number, number>();
  const topicOf = new Map<number, string>();
  for (const { topic, partition, version } of partitionsIn(offsets)) {
    topics.add(topic);
    if (version < (done.get(partition) ?? -1)) continue;
    done.set(partition, version);
    topicOf.set(partition, topic);
  }
  return { topics, done, topicOf };
}

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
