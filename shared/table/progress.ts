// How far each partition is in a table, by the txns of its log: they are called topic/partition.

export interface PartitionProgress {
  readonly topics: ReadonlySet<string>;
  /** Last offset that is done, by partition. */
  readonly done: ReadonlyMap<number, number>;
  /** Topic of each partition: the one that is furthest, where a table was fed by several. */
  readonly topicOf: ReadonlyMap<number, string>;
}

export function progressOf(offsets: ReadonlyMap<string, number>): PartitionProgress {
  const topics = new Set<string>();
  const done = new Map<number, number>();
  const topicOf = new Map<number, string>();
  for (const [appId, version] of offsets) {
    const [, topic, digits] = /^(.+)\/(\d+)$/.exec(appId) ?? [];
    if (topic === undefined) continue;
    const partition = Number(digits);
    topics.add(topic);
    if (version < (done.get(partition) ?? -1)) continue;
    done.set(partition, version);
    topicOf.set(partition, topic);
  }
  return { topics, done, topicOf };
}
