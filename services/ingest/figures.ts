// What ingest tells of itself: counters where read = written + dead + filtered + buffered always holds, lag, and the metrics made of them.
import type { Bounds } from "../../shared/kafka/client.ts";
import type { Metrics } from "../../shared/runtime/metrics.ts";
import type { Buffer } from "./buffer.ts";
import type { Writer } from "./writer.ts";

export interface Figures {
  read(messages: number, unknownFields: number): void;
  /** Read, but given up: it will be read again. */
  dropped(messages: number): void;
  wrote(buffer: Buffer, seconds: number): void;
  /** Null: it goes on. */
  stalled(reason: string | null): void;
  /** What the topic holds, asked every second. */
  looked(bounds: readonly Bounds[]): void;
  draining(): void;
  status(positions: ReadonlyMap<number, number>): unknown;
  /** Not stalled for longer than `ms`. */
  healthy(ms: number): boolean;
}

const RATE_WINDOW_MS = 10_000;

export function createFigures(metrics: Metrics, writer: Writer): Figures {
  const counters = {
    read: metrics.counter("tributary_events_read_total"),
    written: metrics.counter("tributary_rows_written_total"),
    dead: metrics.counter("tributary_events_dead_total"),
    unknown: metrics.counter("tributary_unknown_fields_total"),
    buffered: metrics.gauge("tributary_buffered_rows"),
    lag: metrics.gauge("tributary_lag_messages"),
    seconds: metrics.histogram("tributary_commit_seconds"),
    version: metrics.gauge("tributary_table_version"),
  };
  let read = 0;
  let written = 0;
  let dead = 0;
  let buffered = 0;
  let draining = false;
  let reason: string | null = null;
  let stalledAt = 0;
  let lastCommitAt: number | null = null;
  let bounds: readonly Bounds[] = [];
  const commits: { at: number; messages: number }[] = [];

  const buffer = (change: number) => {
    buffered += change;
    counters.buffered.set(buffered);
  };
  const behind = ({ partition, begin, end }: Bounds) => Math.max(0, end - Math.max(begin, (writer.committed.get(partition) ?? -1) + 1));

  return {
    read: (messages, unknownFields) => {
      read += messages;
      buffer(messages);
      counters.unknown.inc(unknownFields);
    },
    dropped: (messages) => {
      read -= messages;
      buffer(-messages);
    },
    wrote: (sealed, seconds) => {
      for (const [partition, { good, dead: bad }] of sealed.counts()) {
        written += good;
        dead += bad;
        counters.read.inc({ partition }, good + bad);
        counters.written.inc({ partition }, good);
      }
      for (const { reason: name } of sealed.dead) counters.dead.inc({ reason: name });
      buffer(-sealed.messages);
      counters.seconds.observe(seconds);
      counters.version.set(writer.table.version);
      lastCommitAt = Date.now();
      commits.push({ at: performance.now(), messages: sealed.messages });
      reason = null;
    },
    stalled: (why) => {
      if (reason === null && why !== null) stalledAt = performance.now();
      reason = why;
    },
    looked: (found) => {
      bounds = found;
      for (const each of found) counters.lag.set({ partition: each.partition }, behind(each));
    },
    draining: () => {
      draining = true;
    },
    healthy: (ms) => reason === null || performance.now() - stalledAt < ms,
    status: (positions) => {
      const now = performance.now();
      while (commits.length > 0 && now - commits[0]!.at > RATE_WINDOW_MS) commits.shift();
      const messages = bounds.reduce((sum, each) => sum + behind(each), 0);
      const newestArrival = writer.table.watermark || null;
      return {
        service: "ingest",
        state: draining ? "draining" : reason === null ? "consuming" : "stalled",
        reason,
        read,
        written,
        dead,
        filtered: 0,
        buffered,
        lag: { messages, seconds: messages > 0 && newestArrival !== null ? Math.max(0, (Date.now() - newestArrival) / 1000) : 0 },
        partitions: bounds.map((each) => ({
          partition: each.partition,
          offset: positions.get(each.partition) ?? null,
          end: each.end,
          lag: behind(each),
        })),
        table: { version: writer.table.version, files: writer.table.files.length, rows: writer.table.rows },
        lastCommitAt,
        newestArrival,
        eventsPerSecond: (commits.reduce((sum, commit) => sum + commit.messages, 0) * 1000) / RATE_WINDOW_MS,
      };
    },
  };
}
