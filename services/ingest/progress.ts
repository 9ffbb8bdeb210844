// What ingest tells of itself: per partition read = written + dead + filtered + buffered, always; lag in messages and
// seconds; and the metrics made of them.
import { OTHER_FIELDS } from "../../shared/events/event.ts";
import { openFreshness } from "../../shared/health/status/freshness.ts";
import type { IngestStatus } from "../../shared/health/status/ingest.ts";
import type { Bounds } from "../../shared/kafka/port.ts";
import type { Metrics } from "../../shared/runtime/metrics.ts";
import { MOST_FIELDS } from "./buffer.ts";
import type { News, TableFacts } from "./news.ts";
import { type OpenTransactions, openTransactions } from "./open-transactions.ts";
import { type Cause, causes } from "./sealer.ts";
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

/** What is known of a topic. */
interface Topic {
  readonly name: string;
  epoch: number;
  readonly partitions: Map<number, Partition>;
  readonly positions: Map<number, number>;
  readonly transactions: OpenTransactions;
  bounds: readonly Bounds[];
  paused: readonly number[];
}

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

const RATE_WINDOW_MS = 10_000;
const LONG_TRANSACTION_MS = 10_000;
/** Told one by one. */
const NEWEST_COMMITS = 20;

export function createProgress(metrics: Metrics, now: () => number = () => performance.now()): Progress {
  const counters = {
    read: metrics.counter("tributary_events_read_total"),
    written: metrics.counter("tributary_rows_written_total"),
    dead: metrics.counter("tributary_events_dead_total"),
    filtered: metrics.counter("tributary_events_filtered_total"),
    leftOut: metrics.counter("tributary_events_left_out_total"),
    lost: metrics.counter("tributary_events_lost_total"),
    unknown: metrics.counter("tributary_unknown_fields_total"),
    flushes: metrics.counter("tributary_flushes_total"),
    rebalances: metrics.counter("tributary_rebalances_total"),
    fenced: metrics.counter("tributary_fenced_total"),
    buffered: metrics.gauge("tributary_buffered_rows"),
    paused: metrics.gauge("tributary_partitions_paused"),
    lag: metrics.gauge("tributary_lag_messages"),
    lagSeconds: metrics.gauge("tributary_lag_seconds"),
    seconds: metrics.histogram("tributary_commit_seconds"),
    fileRows: metrics.histogram("tributary_file_rows"),
    fileBytes: metrics.histogram("tributary_file_bytes"),
    version: metrics.gauge("tributary_table_version"),
    logFiles: metrics.gauge("tributary_table_log_files"),
  };
  const freshness = openFreshness(metrics, "table");
  const topics = new Map<string, Topic>();
  const unknownFields = new Map<string, number>();
  const flushes = Object.fromEntries(causes.map((cause) => [cause, 0])) as Record<Cause, number>;
  const commits: { at: number; messages: number }[] = [];
  let buffered = 0;
  let rebalances = 0;
  let assignedAt: number | null = null;
  let fenced = 0;
  let draining = false;
  let stall: Stall | null = null;
  let stalledAt = 0;
  let movedAt = now();
  const newest: {
    at: number;
    seconds: number;
    rows: number;
    bytes: number;
    version: number;
    cause: Cause;
    events: number;
  }[] = [];
  let table: TableFacts = { version: -1, files: 0, rows: 0, watermark: 0, logFiles: 0, compactionDue: false };

  const topicOf = (name: string): Topic => {
    const found = topics.get(name) ?? {
      ...{ name, epoch: 0, partitions: new Map(), positions: new Map(), transactions: openTransactions() },
      ...{ bounds: [], paused: [] },
    };
    topics.set(name, found);
    return found;
  };
  const of = ({ partitions }: Topic, number: number): Partition => {
    const found = partitions.get(number) ?? {
      written: 0,
      dead: 0,
      filtered: 0,
      leftOut: 0,
      lost: 0,
      committed: 0,
      newestArrival: 0,
    };
    partitions.set(number, found);
    return found;
  };
  const hold = (change: number) => {
    buffered += change;
    counters.buffered.set(buffered);
  };
  const lagOf = (topic: Topic, { partition, begin, end }: Bounds) =>
    Math.max(0, end - Math.max(begin, of(topic, partition).committed));
  const lagSecondsOf = (topic: Topic, bound: Bounds) => {
    if (lagOf(topic, bound) === 0) return 0;
    const { newestArrival } = of(topic, bound.partition);
    return newestArrival === 0 ? null : Math.max(0, (Date.now() - newestArrival) / 1000);
  };

  function stalled(why: Stall | null): void {
    if (stall === null && why !== null) stalledAt = now();
    stall = why;
  }

  const all = () => [...topics.values()];
  /** Of every partition that is ours. */
  const lags = () =>
    all().flatMap((topic) =>
      topic.bounds.map((bound) => ({
        ...{ name: topic.name, partition: bound.partition },
        ...{ lag: lagOf(topic, bound), seconds: lagSecondsOf(topic, bound) },
      })),
    );

  const statusOf = (topic: Topic): IngestStatus["partitions"] =>
    topic.bounds.map((bound) => {
      const { partition, end } = bound;
      const { written, dead, filtered, leftOut, lost } = of(topic, partition);
      const wait = topic.transactions.waitOf(partition, now());
      return {
        ...{ topic: topic.name, epoch: topic.epoch, partition },
        ...{ offset: topic.positions.get(partition) ?? null, end },
        ...{ lag: lagOf(topic, bound), lagSeconds: lagSecondsOf(topic, bound) },
        ...{ written, dead, filtered, leftOut, lost },
        openTransaction: wait ? { offset: wait.offset, seconds: wait.ms / 1000 } : null,
        paused: topic.paused.includes(partition),
      };
    });

  const longestTransaction = () => Math.max(0, ...all().map(({ transactions }) => transactions.longest(now())));

  /** A transaction of the usual length is nothing to speak of. */
  function waiting(): Stall | null {
    if (longestTransaction() < LONG_TRANSACTION_MS) return null;
    const held = all().flatMap(({ name, bounds, transactions }) =>
      bounds.flatMap(({ partition, end }) => {
        const wait = transactions.waitOf(partition, now());
        if (!wait) return [];
        return [`${end - wait.offset} from offset ${wait.offset} of partition ${partition} of ${name} on`];
      }),
    );
    return { by: "transaction", reason: `a producer's transaction stays open; behind it wait ${held.join(", ")}` };
  }

  function wrote(news: Extract<News, { type: "wrote" }>, topic: Topic): void {
    const { name } = topic;
    for (const { partition, good, dead, filtered, leftOut, lost, next, newestArrival } of news.brought) {
      const here = of(topic, partition);
      here.written += good;
      here.dead += dead;
      here.filtered += filtered;
      here.leftOut += leftOut;
      here.lost += lost;
      here.committed = next;
      here.newestArrival = Math.max(here.newestArrival, newestArrival);
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
    flushes[news.cause]++;
    counters.flushes.inc({ cause: news.cause });
    counters.seconds.observe(news.seconds);
    counters.version.set(news.table.version);
    counters.logFiles.set(news.table.logFiles);
    if (news.file) {
      counters.fileRows.observe(news.file.rows);
      counters.fileBytes.observe(news.file.bytes);
    }
    table = news.table;
    const messages = news.brought.reduce((sum, { good, dead }) => sum + good + dead, 0);
    commits.push({ at: now(), messages });
    const file = { rows: news.file?.rows ?? 0, bytes: news.file?.bytes ?? 0 };
    newest.push({
      at: Date.now(),
      seconds: news.seconds,
      ...file,
      version: news.table.version,
      cause: news.cause,
      events: messages,
    });
    if (newest.length > NEWEST_COMMITS) newest.shift();
    movedAt = now();
    stalled(null);
  }

  return {
    positionsOf: (topic) => new Map(topicOf(topic).positions),
    stalled,
    hear: (news, name) => {
      const topic = topicOf(name);
      switch (news.type) {
        case "assigned":
          rebalances++;
          stalled(null); // the tables could be read
          assignedAt ??= Date.now();
          counters.rebalances.inc();
          if (topic.epoch !== news.epoch) for (const each of topic.partitions.values()) each.committed = 0;
          topic.epoch = news.epoch;
          for (const [partition, position] of news.positions) topic.positions.set(partition, position);
          for (const [partition, last] of news.committed) of(topic, partition).committed = last + 1;
          table = news.table;
          movedAt = now();
          return;
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
      const topic = topicOf(name);
      topic.bounds = found.filter(({ partition }) => topic.positions.has(partition));
      topic.paused = [...waiting];
      topic.transactions.looked(topic.bounds, topic.positions, now());
      counters.paused.set(all().reduce((sum, { paused }) => sum + paused.length, 0));
      counters.lag.reset();
      counters.lagSeconds.reset();
      for (const { name, lag, seconds, partition } of lags()) {
        counters.lag.set({ topic: name, partition }, lag);
        counters.lagSeconds.set({ topic: name, partition }, seconds ?? 0);
      }
      if (lags().every(({ lag }) => lag === 0)) movedAt = now();
    },
    draining: () => {
      draining = true;
    },
    healthy: (ms) => (stall === null || now() - stalledAt < ms) && now() - movedAt < ms && longestTransaction() < ms,
    status: () => {
      while (commits.length > 0 && now() - commits[0]!.at > RATE_WINDOW_MS) commits.shift();
      const last = newest.at(-1);
      const sum = (of: (partition: Partition) => number) =>
        all().reduce(
          (total, { partitions }) => [...partitions.values()].reduce((sum, each) => sum + of(each), total),
          0,
        );
      const [written, dead, filtered, lost] = [
        sum((each) => each.written),
        sum((each) => each.dead),
        sum((each) => each.filtered),
        sum((each) => each.lost),
      ];
      const why = stall ?? waiting();
      const known = lags();
      return {
        service: "ingest",
        state: draining ? "draining" : why === null ? "consuming" : "stalled",
        stalledBy: why?.by ?? null,
        reason: why?.reason ?? null,
        read: written + dead + filtered + buffered,
        written,
        dead,
        filtered,
        leftOut: sum((each) => each.leftOut),
        lost,
        buffered,
        lag:
          rebalances === 0
            ? null
            : {
                messages: known.reduce((total, { lag }) => total + lag, 0),
                seconds: Math.max(0, ...known.map(({ seconds }) => seconds ?? 0)),
              },
        partitions: all().flatMap(statusOf),
        paused: all().flatMap(({ paused }) => paused),
        flushes,
        lastCommit: last ? { at: last.at, seconds: last.seconds, rows: last.rows, bytes: last.bytes } : null,
        commits: newest,
        rebalances,
        fenced,
        unknownFields: Object.fromEntries(unknownFields),
        warnings: warningsOf(table.logFiles, unknownFields),
        table: { version: table.version, files: table.files, rows: table.rows, logFiles: table.logFiles },
        assignedAt,
        lastCommitAt: last?.at ?? null,
        newestArrival: table.watermark || null,
        freshness: freshness.latency(),
        eventsPerSecond: (commits.reduce((total, { messages }) => total + messages, 0) * 1000) / RATE_WINDOW_MS,
      };
    },
  };
}
