// Follows the table of events: first all of it, then each row that is new, once, in the order of versions and of files
// within a version.
import { AppError } from "../errors/errors.ts";
import type { Interactions } from "../events/batch.ts";
import { oneAtATime } from "../runtime/turns.ts";
import type { Along } from "../runtime/working.ts";
import type { DeltaTable } from "./delta.ts";
import { openEvents, readInteractions } from "./events.ts";
import type { Commit, DataFile } from "./log.ts";

export interface CaughtUp {
  /** Newest version taken in; -1 where there is no table yet. */
  readonly version: number;
  /** Rows taken in by this call. */
  readonly rows: number;
  /** Newest arrival of an event up to that version, ms since 1970; 0 when unknown. */
  readonly watermark: number;
  /** Marked events among those rows; none where the table was read anew. */
  readonly marks: readonly Mark[];
}

/** An event that is followed to the model that learns from it. */
export interface Mark {
  /** ms since 1970. */
  readonly arrival: number;
  /** Table version that brought it. */
  readonly version: number;
}

export interface Follower {
  /** Of what was taken in: appId of each txn -> its version. */
  readonly offsets: ReadonlyMap<string, number>;
  /** Properties of the table, of its newest version that was looked at. */
  readonly properties: Readonly<Record<string, string>>;
  /**
   * Takes in what was committed since, up to `toVersion`. After an error the next call goes on where this one stopped.
   * `along` is told where the table is read anew. Throws TABLE_CORRUPT, VERSION_GONE.
   */
  catchUp(toVersion?: number, along?: Along): Promise<CaughtUp>;
}

/**
 * As of a version, or, where that is no longer kept, the newest; `gone` is told why. Throws as `catchUp` does
 * otherwise.
 */
export async function catchUpOrNewest(
  { catchUp }: Pick<Follower, "catchUp">,
  version: number,
  gone: (why: AppError) => void = () => {},
  along?: Along,
): Promise<CaughtUp> {
  try {
    return await catchUp(version, along);
  } catch (error) {
    if (!(error instanceof AppError && error.code === "VERSION_GONE")) throw error;
    gone(error);
    return await catchUp(undefined, along);
  }
}

/** Whatever takes in the rows: a version at a time, its files one after the other. */
interface Target {
  append(batch: Interactions, version: number): void;
  /** Everything is told anew: rows were taken away, or what was told in between is no longer kept. */
  clear(): void;
}

export function followTable(tableDir: string, target: Target): Follower {
  let table: DeltaTable | undefined;
  let done = -1;
  let watermark = 0;
  let offsets = new Map<string, number>();
  /** Read from the log and not taken in yet. */
  let waiting: Commit[] = [];
  /** Of commits taken in, not answered yet. */
  let marks: Mark[] = [];

  /** All rows of a version, as its files stand. */
  async function readAnew(toVersion: number, along: Along): Promise<number> {
    target.clear();
    [table, done, waiting, watermark] = [undefined, -1, [], 0];
    const opened = await openEvents(tableDir, toVersion);
    let rows = 0;
    for (const file of opened.files) {
      try {
        target.append(await readInteractions(opened.store, file), opened.version);
        rows += file.rows;
        along(rows / opened.rows);
      } catch (error) {
        target.clear(); // a part of a version is none
        const { version } = opened;
        await opened.refresh();
        if (!opened.removed.has(file.path)) throw error;
        if (toVersion === Number.POSITIVE_INFINITY) return readAnew(toVersion, along); // vacuumed since it was opened
        throw new AppError(
          "VERSION_GONE",
          { what: `version ${version} is no longer kept`, file: file.path },
          { cause: error },
        );
      }
    }
    [table, done, watermark, offsets] = [opened, opened.version, opened.watermark, new Map(opened.offsets)];
    return opened.rows;
  }

  async function catchUp(toVersion = Number.POSITIVE_INFINITY, along: Along = () => {}): Promise<CaughtUp> {
    let rows = 0;
    if (!table) rows = await readAnew(toVersion, along);
    else if (done < toVersion) {
      const news = await table.refresh();
      waiting = news === "jumped" ? [] : [...waiting, ...news];
      const due = waiting.filter(({ version }) => version <= toVersion);
      if (news === "jumped" || due.some(({ takesAway }) => takesAway)) rows = await readAnew(toVersion, along);
      else {
        for (const commit of due) {
          rows += await take(table, commit, toVersion, along);
          marks.push(...commit.marks.map((arrival) => ({ arrival, version: commit.version })));
        }
      }
    }
    const answered = marks;
    marks = [];
    return { version: done, rows, watermark, marks: answered };
  }

  async function take(from: DeltaTable, commit: Commit, toVersion: number, along: Along): Promise<number> {
    if (commit.version <= done) return 0; // read anew in between
    const batches = await readWhole(from, commit.fresh);
    if (batches === "gone") return readAnew(toVersion, along);
    for (const batch of batches) target.append(batch, commit.version);
    done = commit.version;
    waiting.shift();
    for (const { appId, version } of commit.txn) offsets.set(appId, version);
    if (commit.newestArrival > 0) watermark = commit.newestArrival;
    return batches.reduce((sum, { length }) => sum + length, 0);
  }

  const inTurn = oneAtATime();
  return {
    get offsets() {
      return offsets;
    },
    get properties() {
      return table?.properties ?? {};
    },
    catchUp: (toVersion, along) => inTurn(() => catchUp(toVersion, along)),
  };
}

/**
 * The whole version before any of it counts: a file that cannot be read must not leave half a version behind. "gone":
 * compacted since, and vacuumed.
 */
async function readWhole(table: DeltaTable, files: readonly DataFile[]): Promise<Interactions[] | "gone"> {
  const batches: Interactions[] = [];
  for (const file of files) {
    try {
      batches.push(await readInteractions(table.store, file));
    } catch (error) {
      if (error instanceof AppError && table.removed.has(file.path)) return "gone";
      throw error;
    }
  }
  return batches;
}
