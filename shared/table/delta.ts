// A Delta Lake table: commits that appear whole or not at all, one writer's progress (`txn`) in the same commit as its files, and reading by version.
import { randomUUID } from "node:crypto";
import { AppError } from "../runtime/errors.ts";
import {
  advance,
  type Commit,
  type DataFile,
  emptyState,
  entryPath,
  formatEntry,
  parseEntry,
  type State,
  type Txn,
  versionOf,
} from "./log.ts";
import { missingColumns, schemaString, type TableSchema } from "./schema.ts";
import type { Store } from "./store.ts";

export interface TxnDraft extends Txn {
  /** The txn version that these files follow, -1 for none; the commit is refused when the table says otherwise. */
  readonly after?: number;
}

export interface CommitDraft {
  readonly add: readonly DataFile[];
  readonly txn: readonly TxnDraft[];
  /** Newest arrival among the rows, ms since 1970. */
  readonly newestArrival?: number;
}

export interface Snapshot {
  /** -1 when nothing was committed yet. */
  readonly version: number;
  /** Live files, oldest first. */
  readonly files: readonly DataFile[];
  readonly rows: number;
  /** appId of each txn -> its version. */
  readonly offsets: ReadonlyMap<string, number>;
  /** Newest arrival that the table covers, ms since 1970; 0 when unknown. */
  readonly watermark: number;
}

/** One version's new rows. */
export interface Added {
  readonly version: number;
  readonly files: readonly DataFile[];
  /** Newest arrival among them, ms since 1970; 0 when unknown. */
  readonly newestArrival: number;
}

export interface DeltaTable extends Snapshot {
  readonly store: Store;
  /** Reads the log entries that others have added. Throws TABLE_CORRUPT, TABLE_UNSUPPORTED. */
  refresh(): Promise<void>;
  /** Appends; returns the new version. Throws WRITER_FENCED when another writer has moved one of the txns: then nothing was committed. */
  commit(draft: CommitDraft): Promise<number>;
  /** What every version after `version` brought, in order. */
  addedSince(version: number): Added[];
  /** The table as it was. */
  at(version: number): Snapshot;
}

/** Opens a table, or makes ready to create it with the first commit. Throws TABLE_UNSUPPORTED when its columns are not those of `schema`. */
export async function openTable(store: Store, schema: TableSchema): Promise<DeltaTable> {
  const table = tableIn(store, schema);
  await table.refresh();
  return table;
}

/** Throws TABLE_MISSING. */
export async function openExisting(store: Store, schema: TableSchema): Promise<DeltaTable> {
  const table = await openTable(store, schema);
  if (table.version < 0) throw new AppError("TABLE_MISSING", { what: "no table", folder: store.name });
  return table;
}

/** Entries of the log that are read side by side when a table is opened. */
const readTogether = 64;

function tableIn(store: Store, schema: TableSchema): DeltaTable {
  const id = randomUUID();
  const commits: Commit[] = [];
  let state = emptyState();
  let files: readonly DataFile[] = [];
  let rows = 0;

  function accept(commit: Commit): void {
    const where = `${store.name}/${entryPath(commit.version)}`;
    if (commit.version === 0 && !commit.metadata)
      throw new AppError("TABLE_CORRUPT", { what: "the first log entry names no columns", file: where });
    const missing = commit.metadata ? missingColumns(schema, commit.metadata.schemaString) : [];
    if (missing.length > 0) throw new AppError("TABLE_UNSUPPORTED", { what: `the table lacks ${missing.join(", ")}`, file: where });
    commits.push(commit);
    state = advance(state, commit);
  }

  async function refresh(): Promise<void> {
    const newest = (await store.list("_delta_log")).reduce((last, name) => Math.max(last, versionOf(name) ?? -1), -1);
    if (newest < state.version) {
      throw new AppError("TABLE_CORRUPT", { what: "log entries have disappeared", file: `${store.name}/${entryPath(state.version)}` });
    }
    if (newest === state.version) return;
    try {
      for (let from = state.version + 1; from <= newest; from += readTogether) {
        const versions = Array.from({ length: Math.min(readTogether, newest - from + 1) }, (_, k) => from + k);
        for (const commit of await Promise.all(versions.map((version) => readEntry(store, version)))) accept(commit);
      }
    } finally {
      recount();
    }
  }

  function recount(): void {
    files = [...state.files.values()];
    rows = countRows(files);
  }

  async function commit(draft: CommitDraft): Promise<number> {
    const fence = draft.txn.map(({ appId, version, after }) => ({ appId, version, expected: after ?? state.offsets.get(appId) ?? -1 }));
    for (;;) {
      for (const { appId, version, expected } of fence) {
        const found = state.offsets.get(appId) ?? -1;
        if (found !== expected || found >= version) {
          throw new AppError("WRITER_FENCED", {
            what: `${appId} stands at ${found}, the commit goes from ${expected} to ${version}`,
            table: store.name,
          });
        }
      }
      const version = state.version + 1;
      const entry = formatEntry({
        timestamp: Date.now(),
        newestArrival: draft.newestArrival ?? 0,
        metadata: state.metadata ? null : { id, schemaString: schemaString(schema) },
        txn: draft.txn,
        add: draft.add,
      });
      if (await store.putIfAbsent(entryPath(version), Buffer.from(entry))) {
        accept(parseEntry(entry, version, entryPath(version)));
        recount();
        return version;
      }
      await refresh();
    }
  }

  const oneAtATime = queue();
  return {
    store,
    get version() {
      return state.version;
    },
    get files() {
      return files;
    },
    get rows() {
      return rows;
    },
    get offsets() {
      return state.offsets;
    },
    get watermark() {
      return state.watermark;
    },
    refresh: () => oneAtATime(refresh),
    commit: (draft) => oneAtATime(() => commit(draft)),
    addedSince: (version) =>
      commits.slice(version + 1).map((each) => ({ version: each.version, files: each.fresh, newestArrival: each.newestArrival })),
    at: (version) => snapshot(commits.slice(0, version + 1).reduce(advance, emptyState())),
  };
}

async function readEntry(store: Store, version: number): Promise<Commit> {
  const path = entryPath(version);
  try {
    const bytes = await store.read(path);
    return parseEntry(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"), version, `${store.name}/${path}`);
  } catch (error) {
    if (!(error instanceof AppError && error.code === "FILE_MISSING")) throw error;
    throw new AppError("TABLE_CORRUPT", { what: "a log entry is missing", file: `${store.name}/${path}` }, { cause: error });
  }
}

function snapshot({ version, files, offsets, watermark }: State): Snapshot {
  const list = [...files.values()];
  return { version, files: list, rows: countRows(list), offsets, watermark };
}

const countRows = (files: readonly DataFile[]) => files.reduce((sum, file) => sum + file.rows, 0);

/** Runs one piece of work after the other: two refreshes at once would take in the same entry twice. */
function queue(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work);
    last = next.catch(() => undefined);
    return next;
  };
}
