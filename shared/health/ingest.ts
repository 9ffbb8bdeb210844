// What ingest's /status says, and several ingest processes as one: their partitions side by side, their counts added up, the worst state of them. Pure.
import { z } from "zod";
import { printable } from "../runtime/printable.ts";
import { latency } from "./latency.ts";
import { list, maybe, number, text } from "./tolerant.ts";

/** Names as strangers chose them, escaped like any text. */
const counts = z
  .record(z.string(), z.number())
  .transform((all) => Object.fromEntries(Object.entries(all).map(([name, count]) => [printable(name, 256), count])))
  .catch({});

const partition = z.object({
  partition: z.number(),
  /** To be read next. */
  offset: number,
  lag: number,
  lagSeconds: number,
  written: number,
  dead: number,
  filtered: number,
  paused: z.boolean().catch(false),
});

export const ingestStatus = z.object({
  state: text,
  reason: text,
  read: number,
  written: number,
  dead: number,
  filtered: number,
  buffered: number,
  /** Null before the first assignment. */
  lag: maybe(z.object({ messages: number, seconds: number })),
  partitions: list(partition),
  /** Files by the cause that ended them. */
  flushes: counts,
  lastCommit: maybe(z.object({ at: z.number(), seconds: number, rows: number, bytes: number })),
  /** The newest, oldest first. */
  commits: list(z.object({ at: z.number(), version: number, cause: text, seconds: number, events: number, rows: number, bytes: number })),
  rebalances: number,
  fenced: number,
  unknownFields: counts,
  /** What grows beyond what is usual, in words. */
  warnings: list(z.string().transform((words) => printable(words, 256))),
  table: maybe(z.object({ version: number, files: number, rows: number })),
  lastCommitAt: number,
  newestArrival: number,
  /** From arrival to committed file. */
  freshness: latency,
  eventsPerSecond: number,
});
export type IngestStatus = z.output<typeof ingestStatus>;

/** The processes of one group as one; null where there are none. */
export function combine(all: readonly IngestStatus[]): IngestStatus | null {
  const worst = greatest(all, ({ state }) => states.indexOf(state ?? ""));
  if (!worst) return null;
  const sum = (of: (status: IngestStatus) => number | null) => total(all.map(of));
  const most = (of: (status: IngestStatus) => number | null) => greatest(all, (status) => of(status) ?? -1)!;
  const lags = all.flatMap(({ lag }) => lag ?? []);
  const lag = {
    messages: total(lags.map(({ messages }) => messages)),
    seconds: greatest(lags, ({ seconds }) => seconds ?? -1)?.seconds ?? null,
  };
  return {
    state: worst.state,
    reason: worst.reason,
    read: sum(({ read }) => read),
    written: sum(({ written }) => written),
    dead: sum(({ dead }) => dead),
    filtered: sum(({ filtered }) => filtered),
    buffered: sum(({ buffered }) => buffered),
    lag: lags.length === 0 ? null : lag,
    partitions: all.flatMap(({ partitions }) => partitions).sort((a, b) => a.partition - b.partition),
    flushes: addUp(all.map(({ flushes }) => flushes)),
    lastCommit: most(({ lastCommit }) => lastCommit?.at ?? null).lastCommit,
    commits: all
      .flatMap(({ commits }) => commits)
      .sort((a, b) => a.at - b.at)
      .slice(-mostCommits),
    rebalances: sum(({ rebalances }) => rebalances),
    fenced: sum(({ fenced }) => fenced),
    unknownFields: addUp(all.map(({ unknownFields }) => unknownFields)),
    warnings: [...new Set(all.flatMap(({ warnings }) => warnings))],
    // Compaction makes files fewer: the newest version counts, not the most files.
    table: most(({ table }) => table?.version ?? null).table,
    lastCommitAt: most(({ lastCommitAt }) => lastCommitAt).lastCommitAt,
    newestArrival: most(({ newestArrival }) => newestArrival).newestArrival,
    freshness: most(({ freshness }) => freshness?.p95 ?? null).freshness,
    eventsPerSecond: sum(({ eventsPerSecond }) => eventsPerSecond),
  };
}

const mostCommits = 20;

/** From best to worst. */
const states = ["consuming", "draining", "stalled"];

/** The last of the greatest. */
function greatest<T>(all: readonly T[], of: (each: T) => number): T | undefined {
  return all.reduce<T | undefined>((best, each) => (best === undefined || of(each) >= of(best) ? each : best), undefined);
}

/** Of what is known; null where nothing is. */
function total(figures: readonly (number | null)[]): number | null {
  const known = figures.filter((figure) => figure !== null);
  return known.length === 0 ? null : known.reduce((a, b) => a + b, 0);
}

function addUp(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums = new Map<string, number>();
  for (const [name, count] of all.flatMap((counted) => Object.entries(counted))) sums.set(name, (sums.get(name) ?? 0) + count);
  return Object.fromEntries(sums);
}
