// What is known of the topics that are read: how far each partition is in the table and in Kafka, and so what waits,
// since when, and what for. Pure; the clock is an argument.
import type { IngestStatus } from "../../shared/health/status/ingest.ts";
import type { Bounds } from "../../shared/kafka/port.ts";
import type { Brought, News } from "./news.ts";
import { type OpenTransactions, openTransactions } from "./open-transactions.ts";

export interface Topic {
  readonly name: string;
  epoch: number;
  readonly partitions: Map<number, Partition>;
  /** The offset to be read next, by partition. */
  readonly positions: Map<number, number>;
  readonly transactions: OpenTransactions;
  /** Of partitions that are ours. */
  bounds: readonly Bounds[];
  paused: readonly number[];
  /** How its messages are read; undefined as long as that is not on record. */
  reading: Reading | undefined;
}

type Reading = Omit<Extract<News, { type: "shape" }>, "type">;

interface Partition {
  written: number;
  dead: number;
  filtered: number;
  leftOut: number;
  lost: number;
  /** The offset after the last one in the table. */
  committed: number;
  /** Newest arrival in the table, ms since 1970; 0 when unknown. */
  newestArrival: number;
}

interface Lag {
  readonly name: string;
  readonly partition: number;
  readonly lag: number;
  readonly seconds: number | null;
}

type Counted = "written" | "dead" | "filtered" | "leftOut" | "lost";

export interface KnownTopics {
  /** Nothing is known of one that was not asked for before. */
  of(name: string): Topic;
  all(): Topic[];
  /** Of every partition that is ours. */
  lags(): Lag[];
  /** Over all partitions. */
  sum(of: Counted): number;
  /** For how long a partition has waited for the end of a transaction, the longest of all, ms. */
  longestWait(): number;
  /** What waits behind open transactions, in words. */
  heldBack(): string[];
  statusOf(topic: Topic): IngestStatus["partitions"];
  maps(): IngestStatus["maps"];
}

const LONG_TRANSACTION_MS = 10_000;

/** `now`: ms of a steady clock; `date`: ms since 1970. */
export function openKnownTopics(now: () => number, date: () => number): KnownTopics {
  const topics = new Map<string, Topic>();

  function of(name: string): Topic {
    const found = topics.get(name) ?? {
      ...{ name, epoch: 0, partitions: new Map(), positions: new Map(), transactions: openTransactions() },
      ...{ bounds: [], paused: [], reading: undefined },
    };
    topics.set(name, found);
    return found;
  }

  const all = () => [...topics.values()];
  const lagOf = (topic: Topic, { partition, begin, end }: Bounds) =>
    Math.max(0, end - Math.max(begin, partitionOf(topic, partition).committed));

  function lagSecondsOf(topic: Topic, bound: Bounds): number | null {
    if (lagOf(topic, bound) === 0) return 0;
    const { newestArrival } = partitionOf(topic, bound.partition);
    return newestArrival === 0 ? null : Math.max(0, (date() - newestArrival) / 1000);
  }

  return {
    of,
    all,
    lags: () =>
      all().flatMap((topic) =>
        topic.bounds.map((bound) => ({
          ...{ name: topic.name, partition: bound.partition },
          ...{ lag: lagOf(topic, bound), seconds: lagSecondsOf(topic, bound) },
        })),
      ),
    sum: (counted) =>
      all()
        .flatMap(({ partitions }) => [...partitions.values()])
        .reduce((sum, each) => sum + each[counted], 0),
    longestWait: () => Math.max(0, ...all().map(({ transactions }) => transactions.longest(now()))),
    heldBack: () =>
      all().flatMap(({ name, bounds, transactions }) =>
        bounds.flatMap(({ partition, end }) => {
          const wait = transactions.waitOf(partition, now());
          if (!wait) return [];
          return [`${end - wait.offset} from offset ${wait.offset} of partition ${partition} of ${name} on`];
        }),
      ),
    maps: () =>
      all().flatMap(({ name, reading }) => {
        if (!reading) return [];
        const { shape, changedAt, before } = reading;
        const { map = "", where = "", registry = null } = shape ?? {};
        return [{ topic: name, map, where, registry, changedAt, before }];
      }),
    statusOf: (topic) =>
      topic.bounds.map((bound) => {
        const { partition, end } = bound;
        const { written, dead, filtered, leftOut, lost } = partitionOf(topic, partition);
        const wait = topic.transactions.waitOf(partition, now());
        return {
          ...{ topic: topic.name, epoch: topic.epoch, partition },
          ...{ offset: topic.positions.get(partition) ?? null, end },
          ...{ lag: lagOf(topic, bound), lagSeconds: lagSecondsOf(topic, bound) },
          ...{ written, dead, filtered, leftOut, lost },
          openTransaction: wait ? { offset: wait.offset, seconds: wait.ms / 1000 } : null,
          paused: topic.paused.includes(partition),
        };
      }),
  };
}

export function partitionOf({ partitions }: Topic, number: number): Partition {
  const found = partitions.get(number) ?? {
    ...{ written: 0, dead: 0, filtered: 0, leftOut: 0, lost: 0 },
    ...{ committed: 0, newestArrival: 0 },
  };
  partitions.set(number, found);
  return found;
}

/** A commit brought so much. */
export function addBrought(topic: Topic, brought: Brought): void {
  const { partition, good, dead, filtered, leftOut, lost, next, newestArrival } = brought;
  const here = partitionOf(topic, partition);
  here.written += good;
  here.dead += dead;
  here.filtered += filtered;
  here.leftOut += leftOut;
  here.lost += lost;
  here.committed = next;
  here.newestArrival = Math.max(here.newestArrival, newestArrival);
}

/** A transaction of the usual length is nothing to speak of. */
export const isLong = (waitMs: number): boolean => waitMs >= LONG_TRANSACTION_MS;
