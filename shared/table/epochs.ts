// A topic that was deleted and made anew is another topic of the same name: its offsets begin again. In the tables each
// is a source of its own: `clicks` the first, `clicks@1` the one after it. Kafka's names hold no @ and no slash. Which
// of Kafka's topics a source is stands in the log of the events, as txns: `clicks/epoch`, and `clicks@1/id/ID`.

export interface Source {
  readonly topic: string;
  readonly epoch: number;
}

export const sourceName = ({ topic, epoch }: Source): string => (epoch === 0 ? topic : `${topic}@${epoch}`);

export function sourceOf(name: string): Source {
  const [, topic = name, epoch = "0"] = /^(.*)@(\d+)$/.exec(name) ?? [];
  return { topic, epoch: Number(epoch) };
}

/** The txn whose version is the topic's newest epoch; there is none before the first time that it was made anew. */
export const epochId = (topic: string): string => `${topic}/epoch`;
const idPrefix = (source: string) => `${source}/id/`;
/** The txn that says which topic of Kafka's a source is. */
export const identityId = (source: string, id: string): string => `${idPrefix(source)}${id}`;

/** The newest source of a topic. */
export const newestSource = (offsets: ReadonlyMap<string, number>, topic: string): string =>
  sourceName({ topic, epoch: offsets.get(epochId(topic)) ?? 0 });

/** Kafka's id of a source; null where none is on record. */
export function identityOf(offsets: ReadonlyMap<string, number>, source: string): string | null {
  for (const appId of offsets.keys())
    if (appId.startsWith(idPrefix(source))) return appId.slice(idPrefix(source).length);
  return null;
}
