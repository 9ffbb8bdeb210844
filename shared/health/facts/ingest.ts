// Several ingest processes as one: their partitions side by side, their counts added up, the worst state of them. Pure.
import type { Reading } from "../status/readings.ts";

type One = Reading<"ingest">;
export interface Ingest extends Omit<One, "service" | "partitions" | "paused" | "table" | "assignedAt" | "upkeep"> {
  readonly partitions: Omit<One["partitions"][number], "end">[];
  readonly table: Omit<NonNullable<One["table"]>, "logFiles"> | null;
}

/** The processes of one group as one; null where there are none. */
export function combine(all: readonly One[]): Ingest | null {
  const worst = greatest(all, ({ state }) => states.indexOf(state ?? ""));
  if (!worst) return null;
  const sum = (of: (status: One) => number | null) => total(all.map(of));
  const most = (of: (status: One) => number | null) => greatest(all, (status) => of(status) ?? -1)!;
  const lags = all.flatMap(({ lag }) => lag ?? []);
  const lag = {
    messages: total(lags.map(({ messages }) => messages)),
    seconds: greatest(lags, ({ seconds }) => seconds ?? -1)?.seconds ?? null,
  };
  return {
    state: worst.state,
    stalledBy: worst.stalledBy,
    reason: worst.reason,
    read: sum(({ read }) => read),
    written: sum(({ written }) => written),
    dead: sum(({ dead }) => dead),
    filtered: sum(({ filtered }) => filtered),
    lost: sum(({ lost }) => lost),
    leftOut: sum(({ leftOut }) => leftOut),
    buffered: sum(({ buffered }) => buffered),
    lag: lags.length === 0 ? null : lag,
    partitions: all
      .flatMap(({ partitions }) => partitions)
      .map(({ end, ...partition }) => partition)
      .sort(inOrder),
    maps: distinct(all.flatMap(({ maps }) => maps)),
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
    table: tableOf(most(({ table }) => table?.version ?? null)),
    lastCommitAt: most(({ lastCommitAt }) => lastCommitAt).lastCommitAt,
    newestArrival: most(({ newestArrival }) => newestArrival).newestArrival,
    freshness: most(({ freshness }) => freshness?.p95 ?? null).freshness,
    eventsPerSecond: sum(({ eventsPerSecond }) => eventsPerSecond),
  };
}

/** Processes of one group read a topic alike, unless one of them was started anew with another map. */
function distinct(maps: Ingest["maps"]): Ingest["maps"] {
  const found = new Map(maps.map((each) => [JSON.stringify([each.topic, each.map, each.where, each.registry]), each]));
  return [...found.values()];
}

/** Of topic and partition. */
export function inOrder(a: Place, b: Place): number {
  const [first, second] = [a.topic ?? "", b.topic ?? ""];
  return first < second ? -1 : first > second ? 1 : a.partition - b.partition;
}

interface Place {
  readonly topic: string | null;
  readonly partition: number;
}

const tableOf = ({ table }: One): Ingest["table"] =>
  table && { version: table.version, files: table.files, rows: table.rows };

const mostCommits = 20;

/** From best to worst. */
const states = ["consuming", "draining", "stalled"];

/** The last of the greatest. */
function greatest<T>(all: readonly T[], of: (each: T) => number): T | undefined {
  return all.reduce<T | undefined>(
    (best, each) => (best === undefined || of(each) >= of(best) ? each : best),
    undefined,
  );
}

/** Of what is known; null where nothing is. */
function total(figures: readonly (number | null)[]): number | null {
  const given = figures.filter((figure) => figure !== null);
  return given.length === 0 ? null : given.reduce((a, b) => a + b, 0);
}

function addUp(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums = new Map<string, number>();
  for (const [name, count] of all.flatMap((counted) => Object.entries(counted)))
    sums.set(name, (sums.get(name) ?? 0) + count);
  return Object.fromEntries(sums);
}

/** Dead letters of what was read; null before anything was. */
export function deadShare({ read, dead }: Pick<Ingest, "read" | "dead">): number | null {
  return read === null || dead === null || read === 0 ? null : dead / read;
}
