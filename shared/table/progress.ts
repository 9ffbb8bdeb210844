// How far each partition is in a table, by the txns of its log: they are called topic/partition. And the last message
// that was condemned, topic/partition/condemned: Kafka's names hold no slash.

export interface PartitionProgress {
  readonly topics: ReadonlySet<string>;
  /** Last offset that is done, by partition. */
  readonly done: ReadonlyMap<number, number>;
  /** Topic of each partition: the one that is furthest, where a table was fed by several. */
  readonly topicOf: ReadonlyMap<number, string>;
}

export const progressId = (topic: string, partition: number): string => `${topic}/${partition}`;
export const condemnedId = (topic: string, partition: number): string => `${progressId(topic, partition)}/condemned`;

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

/** Where reading starts, or why it cannot: the table says how far it is, the topic what it still holds. */
export function startOf(
  committed: number | undefined,
  bounds: { readonly begin: number; readonly end: number },
): { readonly offset: number } | { readonly lost: string } {
  if (committed === undefined) return { offset: bounds.begin };
  const offset = committed + 1;
  if (offset < bounds.begin) return { lost: `the table ends at ${committed}, the topic begins at ${bounds.begin}` };
  if (offset > bounds.end)
    return { lost: `the table ends at ${committed}, the topic at ${bounds.end - 1}: it was made anew` };
  return { offset };
}
