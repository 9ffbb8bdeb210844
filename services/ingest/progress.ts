// What ingest tells of itself: per partition read = written + dead + filtered + buffered, always; lag in messages and
// seconds; and the metrics made of them.
import { OTHER_FIELDS } from "../../shared/events/event.ts";
import { openFreshness } from "../../shared/health/status/freshness.ts";
import type { IngestStatus } from "../../shared/health/status/ingest.ts";
import type { Bounds } from "../../shared/kafka/port.ts";
import type { Metrics } from "../../shared/runtime/metrics.ts";
import { MOST_FIELDS } from "./buffer.ts";
import { openCommits } from "./commits.ts";
import { openCounters } from "./counters.ts";
import { addBrought, isLong, openKnownTopics, partitionOf, type Topic } from "./known-topics.ts";
import type { News, TableFacts } from "./news.ts";
import { warningsOf } from "./warnings.ts";

/** What ingest waits for, and why in a sentence. */
interface Stall {
  readonly by: NonNullable<IngestStatus["stalledBy"]>;
  readonly reason: string;
}

export interface Progress {
  hear(news: News, topic: string): void;
  /** Null: it goes on. */
  stalled(stall: Stall | null): void;
  /**
   * What a topic holds, asked every second (only partitions of ours are told of: others have their own process), and
   * which partitions wait for room.
   */
  looked(bounds: readonly Bounds[], paused: ReadonlySet<number>, topic: string): void;
  draining(): void;
  status(): Omit<IngestStatus, "upkeep">;
  /**
   * Not stalled for longer than `ms`: neither told so, nor without a message read or committed while there are some.
   */
  healthy(ms: number): boolean;
  /** Offset to be read next, by partition of the topic that is ours, as of now. */
  positionsOf(topic: string): ReadonlyMap<number, number>;
}

export function createProgress(metrics: Metrics, now: () => number = () => performance.now()): Progress {
  const counters = openCounters(metrics);
  const freshness = openFreshness(metrics, "table");
  const topics = openKnownTopics(now, Date.now);
  const commits = openCommits(now, Date.now);
  const unknownFields = new Map<string, number>();
  let buffered = 0;
  let rebalances = 0;
  let assignedAt: number | null = null;
  let fenced = 0;
  let draining = false;
  let stall: Stall | null = null;
  let stalledAt = 0;
  let movedAt = now();
  let table: TableFacts = { version: -1, files: 0, rows: 0, watermark: 0, logFiles: 0, compactionDue: false };

  const hold = (change: number) => {
    buffered += change;
    counters.buffered.set(buffered);
  };

  function stalled(why: Stall | null): void {
    if (stall === null && why !== null) stalledAt = now();
    stall = why;
  }

  function waiting(): Stall | null {
    if (!isLong(topics.longestWait())) return null;
    const behind = topics.heldBack().join(", ");
    return { by: "transaction", reason: `a producer's transaction stays open; behind it wait ${behind}` };
  }

  function assigned(news: Extract<News, { type: "assigned" }>, topic: Topic): void {
    rebalances++;
    stalled(null); // the tables could be read
    assignedAt ??= Date.now();
    counters.rebalances.inc();
    if (topic.epoch !== news.epoch) for (const each of topic.partitions.values()) each.committed = 0;
    topic.epoch = news.epoch;
    for (const [partition, position] of news.positions) topic.positions.set(partition, position);
    for (const [partition, last] of news.committed) partitionOf(topic, partition).committed = last + 1;
    table = news.table;
    movedAt = now();
  }

  function wrote(news: Extract<News, { type: "wrote" }>, topic: Topic): void {
    const { name } = topic;
    for (const brought of news.brought) {
      addBrought(topic, brought);
      const { partition, good, dead, filtered, leftOut, lost } = brought;
      counters.read.inc({ topic: name, partition }, good + dead + filtered);
      counters.written.inc({ topic: name, partition }, good);
      counters.filtered.inc({ topic: name, partition }, filtered);
      counters.leftOut.inc({ topic: name, partition }, leftOut);
      counters.lost.inc({ topic: name, partition }, lost);
      hold(-good - dead - filtered);
    }
    for (const { partition, reason: why, count } of news.dead)
      counters.dead.inc({ topic: name, partition, reason: why }, count);
    for (const [name, count] of news.unknownFields) {
      const field = unknownFields.has(name) || unknownFields.size < MOST_FIELDS ? name : OTHER_FIELDS;
      unknownFields.set(field, (unknownFields.get(field) ?? 0) + count);
      counters.unknown.inc({ field }, count);
    }
    freshness.reached(news.marks);
    counters.flushes.inc({ cause: news.cause });
    counters.seconds.observe(news.seconds);
    counters.version.set(news.table.version);
    counters.logFiles.set(news.table.logFiles);
    if (news.file) {
      counters.fileRows.observe(news.file.rows);
      counters.fileBytes.observe(news.file.bytes);
    }
    table = news.table;
    commits.add(news);
    movedAt = now();
    stalled(null);
  }

  return {
    positionsOf: (topic) => new Map(topics.of(topic).positions),
    stalled,
    hear: (news, name) => {
      const topic = topics.of(name);
      switch (news.type) {
        case "shape":
          topic.reading = news;
          return;
        case "assigned":
          return assigned(news, topic);
        case "read":
          topic.positions.set(news.partition, news.next);
          if (stall?.by === "registry") stalled(null);
          hold(news.offsets);
          movedAt = now();
          return;
        case "dropped":
          topic.positions.clear();
          hold(-news.offsets);
          if (news.fenced) {
            fenced++;
            counters.fenced.inc();
          }
          return;
        case "wrote":
          return wrote(news, topic);
        case "stalled":
          return stalled({ by: news.by ?? "disk", reason: news.reason });
      }
    },
    looked: (found, waiting, name) => {
      const topic = topics.of(name);
      topic.bounds = found.filter(({ partition }) => topic.positions.has(partition));
      topic.paused = [...waiting];
      topic.transactions.looked(topic.bounds, topic.positions, now());
      counters.paused.set(topics.all().reduce((sum, { paused }) => sum + paused.length, 0));
      counters.lag.reset();
      counters.lagSeconds.reset();
      const lags = topics.lags();
      for (const { name, lag, seconds, partition } of lags) {
        counters.lag.set({ topic: name, partition }, lag);
        counters.lagSeconds.set({ topic: name, partition }, seconds ?? 0);
      }
      if (lags.every(({ lag }) => lag === 0)) movedAt = now();
    },
    draining: () => {
      draining = true;
    },
    healthy: (ms) => (stall === null || now() - stalledAt < ms) && now() - movedAt < ms && topics.longestWait() < ms,
    status: () => {
      const [written, dead, filtered] = [topics.sum("written"), topics.sum("dead"), topics.sum("filtered")];
      const why = stall ?? waiting();
      const lags = topics.lags();
      const messages = lags.reduce((total, { lag }) => total + lag, 0);
      const seconds = Math.max(0, ...lags.map((each) => each.seconds ?? 0));
      return {
        service: "ingest",
        state: draining ? "draining" : why === null ? "consuming" : "stalled",
        stalledBy: why?.by ?? null,
        reason: why?.reason ?? null,
        read: written + dead + filtered + buffered,
        ...{ written, dead, filtered, leftOut: topics.sum("leftOut"), lost: topics.sum("lost"), buffered },
        lag: rebalances === 0 ? null : { messages, seconds },
        partitions: topics.all().flatMap(topics.statusOf),
        paused: topics.all().flatMap(({ paused }) => paused),
        maps: topics.maps(),
        ...commits.status(),
        rebalances,
        fenced,
        unknownFields: Object.fromEntries(unknownFields),
        warnings: warningsOf(table.logFiles, unknownFields),
        table: { version: table.version, files: table.files, rows: table.rows, logFiles: table.logFiles },
        assignedAt,
        newestArrival: table.watermark || null,
        freshness: freshness.latency(),
      };
    },
  };
}
