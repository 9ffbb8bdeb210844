// What a vacuum deletes of a table: removed files, orphans, and log entries that a checkpoint makes unnecessary. Pure; vacuum.ts looks and deletes.
import { entryPath, versionOf } from "./log.ts";
import { checkpointPath, checkpointVersionOf, REMEMBERED_HOURS } from "./log-checkpoint.ts";

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
  /** Versions of the log's checkpoints from which the table can be opened. */
  readonly checkpoints: readonly number[];
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
/** A file that no commit names yet may be one that is being written: compaction writes for seconds before it commits. */
const UNKNOWN_KEPT_MS = 15 * 60e3;

/**
 * Age is counted to `now`, the newest commit of all tables or the `clock` where that is earlier: a clock that jumped forward deletes nothing early. For a retention R:
 * a live file is never deleted; a removed one is when it was removed R ago; one that the log does not know when it is R and at least 15 minutes old, the 15 minutes not
 * with R = 0, which says that nobody is writing; a log entry when it is R old and a checkpoint after it, at or before the oldest version to keep, stands for it.
 */
export function planVacuum(folder: TableFolder, { now, clock }: { now: number; clock: number }, retentionMs: number): VacuumPlan {
  const { data, log, live, removed } = folder;
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
    entries: oldEntries(folder, now - retentionMs),
    waiting: byClock.removed.length + byClock.orphans.length - byCommit.removed.length - byCommit.orphans.length,
  };
}

const isTemporary = (path: string) => /(^|\/)\.[^/]*\.tmp$/.test(path);
const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1);

/** When the newest version was committed, ms since 1970. */
export function newestCommit(log: readonly Found[]): number {
  const versions = new Map(
    log.flatMap(({ path, modifiedAt }) => {
      const version = versionOf(nameOf(path));
      return version === undefined ? [] : [[version, modifiedAt]];
    }),
  );
  return versions.get(Math.max(...versions.keys())) ?? Number.NEGATIVE_INFINITY;
}

/** Every version that was the newest one at `since` or later can still be opened afterwards. */
function oldEntries({ log, checkpoints }: TableFolder, since: number): string[] {
  const entries = log
    .flatMap(({ path, modifiedAt }) => {
      const version = versionOf(nameOf(path));
      return version === undefined ? [] : [{ version, modifiedAt }];
    })
    .sort((a, b) => a.version - b.version);
  const newest = entries.at(-1)?.version ?? -1;
  const young = entries.find(({ modifiedAt }) => modifiedAt > since)?.version;
  const oldest = young === undefined ? newest : young - 1; // the newest one when `since` came
  const base = Math.max(-1, ...checkpoints.filter((version) => version <= oldest));
  const old = [
    ...entries.map(({ version }) => ({ version, path: entryPath(version) })),
    ...log.flatMap(({ path }) => {
      const version = checkpointVersionOf(nameOf(path));
      return version === undefined ? [] : [{ version, path: checkpointPath(version) }];
    }),
  ];
  return old
    .filter(({ version }) => version < base)
    .sort((a, b) => a.version - b.version)
    .map(({ path }) => path);
}
