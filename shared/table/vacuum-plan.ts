// What a vacuum deletes of a table: removed files, orphans, and log entries that a checkpoint makes unnecessary. Pure;
// vacuum.ts looks and deletes.
import { versionOf } from "./log.ts";
import { checkpointVersionOf, REMEMBERED_HOURS } from "./log-checkpoint.ts";

/** A file in the table's folder or in its log. */
export interface Found {
  readonly path: string;
  /** ms since 1970. */
  readonly modifiedAt: number;
}

export interface TableFolder {
  readonly data: readonly Found[];
  readonly log: readonly Found[];
  /** Paths of the live files. */
  readonly live: ReadonlySet<string>;
  /** When each file that was live once was removed, ms since 1970. */
  readonly removed: ReadonlyMap<string, number>;
  /**
   * The log's checkpoint that stands for the entries before it, -1 for none: at or before the oldest version to keep.
   */
  readonly base: number;
}

export interface VacuumPlan {
  /** Files that the log has removed. */
  readonly removed: readonly string[];
  /** Files that no commit names: of a writer that died. */
  readonly orphans: readonly string[];
  /** Entries and checkpoints of the log, oldest first. */
  readonly entries: readonly string[];
  /** Files that are due by the clock and not yet by the newest commit. */
  readonly waiting: number;
}

/** With a longer one it would have to know of removed files that the log has forgotten. */
export const LONGEST_RETENTION = `${REMEMBERED_HOURS}h`;
/**
 * A file that no commit names yet may be one that is being written: compaction writes for seconds before it commits.
 */
const UNKNOWN_KEPT_MS = 15 * 60e3;

/**
 * Age is counted to `now`, the newest commit of all tables or the `clock` where that is earlier: a clock that jumped
 * forward deletes nothing early. For a retention R: a live file is never deleted; a removed one is when it was removed
 * R ago; one that the log does not know when it is R and at least 15 minutes old, the 15 minutes not with R = 0, which
 * says that nobody is writing; a log entry when it is R old and a checkpoint after it, at or before the oldest version
 * to keep, stands for it.
 */
export function planVacuum(
  folder: TableFolder,
  { now, clock }: { now: number; clock: number },
  retentionMs: number,
): VacuumPlan {
  const { data, log, live, removed, base } = folder;
  const dead = data.filter(({ path }) => (path.endsWith(".parquet") || isTemporary(path)) && !live.has(path));
  const unknown = [...dead.filter(({ path }) => !removed.has(path)), ...log.filter(({ path }) => isTemporary(path))];
  const unknownKept = retentionMs === 0 ? 0 : Math.max(retentionMs, UNKNOWN_KEPT_MS);
  const due = (at: number) => ({
    removed: dead.filter(({ path }) => removed.has(path) && removed.get(path)! <= at - retentionMs),
    orphans: unknown.filter(({ modifiedAt }) => modifiedAt <= at - unknownKept),
  });
  const [byCommit, byClock] = [due(now), due(clock)];
  return {
    removed: byCommit.removed.map(({ path }) => path),
    orphans: byCommit.orphans.map(({ path }) => path),
    entries: olderThan(base, log),
    waiting: byClock.removed.length + byClock.orphans.length - byCommit.removed.length - byCommit.orphans.length,
  };
}

const isTemporary = (path: string) => /(^|\/)\.[^/]*\.tmp$/.test(path);

/** When the newest version was committed, ms since 1970. */
export function newestCommit(log: readonly Found[]): number {
  const entries = versionsIn(log, versionOf).sort((a, b) => a.version - b.version);
  return entries.at(-1)?.modifiedAt ?? Number.NEGATIVE_INFINITY;
}

/** The version that was the newest one at `since`: it and all later ones can still be opened after a vacuum. */
export function oldestToKeep(log: readonly Found[], since: number): number {
  const entries = versionsIn(log, versionOf).sort((a, b) => a.version - b.version);
  const young = entries.find(({ modifiedAt }) => modifiedAt > since);
  return young ? young.version - 1 : (entries.at(-1)?.version ?? -1);
}

/** Versions that the log has a checkpoint of, ascending. */
export const checkpointsIn = (log: readonly Found[]): number[] =>
  versionsIn(log, checkpointVersionOf)
    .map(({ version }) => version)
    .sort((a, b) => a - b);

/** Entries and checkpoints, oldest first: a crash in between leaves no hole. */
function olderThan(base: number, log: readonly Found[]): string[] {
  return [...versionsIn(log, versionOf), ...versionsIn(log, checkpointVersionOf)]
    .filter(({ version }) => version < base)
    .sort((a, b) => a.version - b.version)
    .map(({ path }) => path);
}

function versionsIn(log: readonly Found[], of: (name: string) => number | undefined) {
  return log.flatMap((found) => {
    const version = of(found.path.slice(found.path.lastIndexOf("/") + 1));
    return version === undefined ? [] : [{ ...found, version }];
  });
}
