// Reads the log of a table: the newest checkpoint that serves, then each entry after it.
import { AppError } from "../errors/errors.ts";
import type { Store } from "../storage/store.ts";
import { type Commit, emptyState, entryPath, LOG, parseEntry, requireSupported, type State, versionOf } from "./log.ts";
import { checkpointPath, checkpointVersionOf, decodeCheckpoint } from "./log-checkpoint.ts";

/** Versions that the log folder holds: of entries and of checkpoints, ascending. */
export interface LogListing {
  readonly entries: readonly number[];
  readonly checkpoints: readonly number[];
}

export async function listLog(store: Store): Promise<LogListing> {
  const names = await store.list(LOG);
  const versions = (of: (name: string) => number | undefined) => names.flatMap((name) => of(name) ?? []);
  return { entries: versions(versionOf), checkpoints: versions(checkpointVersionOf) };
}

/** Entries of the log that are read side by side. */
const READ_TOGETHER = 64;

/** The commits of the versions from `first` to `last`, in order. Throws TABLE_CORRUPT, TABLE_UNSUPPORTED. */
export async function* readCommits(store: Store, first: number, last: number): AsyncIterable<Commit> {
  for (let from = first; from <= last; from += READ_TOGETHER) {
    const versions = Array.from({ length: Math.min(READ_TOGETHER, last - from + 1) }, (_, k) => from + k);
    yield* await Promise.all(versions.map((version) => readEntry(store, version)));
  }
}

/**
 * The state of the newest checkpoint at or before `upTo`, or of before the first commit. A damaged checkpoint is passed
 * over: the entries that it stands for say the same, and where those are gone an older checkpoint does. Throws
 * TABLE_CORRUPT when nothing is left to begin with.
 */
export async function baseState(store: Store, { entries, checkpoints }: LogListing, upTo: number): Promise<State> {
  const candidates = checkpoints.filter((version) => version <= upTo).reverse();
  for (const version of candidates) {
    const where = `${store.name}/${checkpointPath(version)}`;
    try {
      const state = decodeCheckpoint(await store.read(checkpointPath(version)), version);
      requireSupported(state.protocol, where);
      return state;
    } catch (error) {
      if (error instanceof AppError) throw error;
      if (version === candidates.at(-1) && entries[0] !== 0)
        throw new AppError(
          "TABLE_CORRUPT",
          { what: "the checkpoint of the log cannot be read", file: where },
          { cause: error },
        );
    }
  }
  if (entries.length > 0 && entries[0] !== 0) {
    const oldest = checkpoints[0];
    throw oldest === undefined
      ? new AppError("TABLE_CORRUPT", { what: "a log entry is missing", file: `${store.name}/${entryPath(0)}` })
      : new AppError("VERSION_GONE", {
          what: `version ${upTo} is no longer kept, ${oldest} is the oldest`,
          table: store.name,
        });
  }
  return emptyState();
}

/** Undefined where there is none (yet). Throws TABLE_CORRUPT, TABLE_UNSUPPORTED. */
export async function entryIfThere(store: Store, version: number): Promise<Commit | undefined> {
  try {
    return await readEntry(store, version);
  } catch (error) {
    if (error instanceof AppError && error.cause instanceof AppError && error.cause.code === "FILE_MISSING")
      return undefined;
    throw error;
  }
}

async function readEntry(store: Store, version: number): Promise<Commit> {
  const path = entryPath(version);
  try {
    const bytes = await store.read(path);
    return parseEntry(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"),
      version,
      `${store.name}/${path}`,
    );
  } catch (error) {
    if (!(error instanceof AppError && error.code === "FILE_MISSING")) throw error;
    throw new AppError(
      "TABLE_CORRUPT",
      { what: "a log entry is missing", file: `${store.name}/${path}` },
      { cause: error },
    );
  }
}
