// The Delta log as data: the text of one log entry to a commit and back, and commits to the state of the table. Pure;
// delta.ts touches the store.
// Source: the Delta Transaction Log Protocol, reader version 1, writer version 2.
import { AppError } from "../errors/errors.ts";
import { ENGINE, sealed, sealProblem, sha256In, tagsOf } from "./hashes.ts";

/** A Parquet file of the table. Its rows never change. */
export interface DataFile {
  /** Relative to the table's folder. */
  readonly path: string;
  readonly size: number;
  readonly rows: number;
  /** ms since 1970. */
  readonly modificationTime: number;
  /** Delta's statistics, JSON. */
  readonly stats: string;
  /**
   * Of its bytes, hex: Parquet itself decodes half of all flipped bits to other values in silence. Undefined for files
   * of other writers, and ours of before.
   */
  readonly sha256?: string | undefined;
}

/** The progress of one writer: of appId, everything up to `version` is in the table. */
export interface Txn {
  readonly appId: string;
  readonly version: number;
}

/** The metaData action as it stands in the log: what others have put into it is kept. */
export interface Metadata {
  readonly id: string;
  readonly schemaString: string;
  readonly [more: string]: unknown;
}

export interface Protocol {
  readonly minReaderVersion: number;
  readonly minWriterVersion: number;
}

/** A file that is no longer part of the table; its bytes lie there until vacuum. */
export interface Removal {
  readonly path: string;
  /** ms since 1970. */
  readonly deletionTimestamp: number;
}

export interface Commit {
  readonly version: number;
  /** ms since 1970, of the clock of whoever committed. */
  readonly timestamp: number;
  /** Newest arrival of an event in this commit, ms; 0 when it says nothing about that. */
  readonly newestArrival: number;
  /**
   * Arrivals of marked events among the rows, ms: about one a second of the stream, so that one can tell when an event
   * was learned.
   */
  readonly marks: readonly number[];
  readonly protocol: Protocol | null;
  readonly metadata: Metadata | null;
  readonly txn: readonly Txn[];
  readonly add: readonly DataFile[];
  /** Files of `add` that bring new rows, not old ones rewritten. */
  readonly fresh: readonly DataFile[];
  readonly remove: readonly Removal[];
  /** Rows were taken away or changed: whoever has read them must read anew. */
  readonly takesAway: boolean;
}

export interface State {
  /** -1 before the first commit. */
  readonly version: number;
  readonly protocol: Protocol;
  readonly metadata: Metadata | null;
  /** Live files by path, in order of their addition. */
  readonly files: Map<string, DataFile>;
  /** Files that were live once, by path: when they were removed. */
  readonly removed: Map<string, number>;
  /** appId of each txn -> its version, but for the watermark's. */
  readonly offsets: Map<string, number>;
  /** Newest arrival that the table covers, ms; 0 when unknown. */
  readonly watermark: number;
}

const usualProtocol: Protocol = { minReaderVersion: 1, minWriterVersion: 2 };
/** The newest arrival is a txn too: what a checkpoint of the log keeps, whoever writes it. */
export const WATERMARK = "watermark";

export const emptyState = (): State => ({
  version: -1,
  protocol: usualProtocol,
  metadata: null,
  files: new Map(),
  removed: new Map(),
  offsets: new Map(),
  watermark: 0,
});

/** The state after one more commit. Changes the maps of `state`: nobody needs the one before. */
export function advance(state: State, commit: Commit): State {
  for (const { path, deletionTimestamp } of commit.remove) {
    state.files.delete(path);
    state.removed.set(path, deletionTimestamp);
  }
  for (const file of commit.add) {
    state.files.set(file.path, file);
    state.removed.delete(file.path);
  }
  for (const { appId, version } of commit.txn) state.offsets.set(appId, version);
  return {
    ...state,
    version: commit.version,
    protocol: commit.protocol ?? state.protocol,
    metadata: commit.metadata ?? state.metadata,
    watermark: commit.newestArrival > 0 ? commit.newestArrival : state.watermark,
  };
}

export const LOG = "_delta_log";
export const digits = (version: number): string => String(version).padStart(20, "0");
export const entryPath = (version: number): string => `${LOG}/${digits(version)}.json`;

/** The version that a file of the log folder is the entry of. */
export function versionOf(name: string): number | undefined {
  return /^\d{20}\.json$/.test(name) ? Number(name.slice(0, 20)) : undefined;
}

export interface Draft {
  readonly timestamp: number;
  readonly newestArrival: number;
  readonly marks: readonly number[];
  /** In the commit that creates the table, without the rest of it; and where properties or columns change, whole. */
  readonly metadata: Metadata | null;
  readonly txn: readonly Txn[];
  readonly add: readonly DataFile[];
  readonly remove: readonly DataFile[];
  /** What it is, in Delta's words; rows stay as they are but for WRITE and DELETE. */
  readonly operation: "WRITE" | "OPTIMIZE" | "DELETE";
}

export function formatEntry(draft: Draft): string {
  const { timestamp, newestArrival, marks, metadata, txn, add, remove, operation } = draft;
  const dataChange = operation !== "OPTIMIZE";
  const actions: object[] = [];
  if (metadata) {
    if (metadata.createdTime === undefined) actions.push({ protocol: usualProtocol });
    const { id, schemaString, ...more } = metadata;
    const usual = { partitionColumns: [], configuration: {}, createdTime: timestamp };
    actions.push({
      metaData: { id, schemaString, format: { provider: "parquet", options: {} }, ...usual, ...more },
    });
  }
  for (const { appId, version } of txn) actions.push({ txn: { appId, version, lastUpdated: timestamp } });
  if (newestArrival > 0) actions.push({ txn: { appId: WATERMARK, version: newestArrival, lastUpdated: timestamp } });
  for (const { path, size } of remove) {
    actions.push({
      remove: {
        path: encodeURI(path),
        deletionTimestamp: timestamp,
        dataChange,
        extendedFileMetadata: true,
        partitionValues: {},
        size,
      },
    });
  }
  for (const { path, size, modificationTime, stats, sha256 } of add) {
    actions.push({
      add: { path: encodeURI(path), partitionValues: {}, size, modificationTime, dataChange, stats, ...tagsOf(sha256) },
    });
  }
  // `actions` lets a reader of ours see that an entry was cut off between two lines.
  const commitInfo = {
    timestamp,
    operation,
    operationParameters: operation === "WRITE" ? { mode: "Append" } : {},
    engineInfo: ENGINE,
    ...(marks.length > 0 ? { marks } : {}),
    actions: actions.length,
    sha256: "",
  };
  return sealed(`${[{ commitInfo }, ...actions].map((action) => JSON.stringify(action)).join("\n")}\n`);
}

/**
 * Throws TABLE_CORRUPT, or TABLE_UNSUPPORTED when the table needs more than reader 1 and writer 2. `where` names the
 * entry in messages.
 */
export function parseEntry(text: string, version: number, where: string): Commit {
  const corrupt = (what: string): never => {
    throw new AppError("TABLE_CORRUPT", { what, file: where });
  };
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  if (lines.length === 0) corrupt("the log entry is empty");
  const actions = lines.map((line, k) => {
    try {
      return JSON.parse(line) as Actions;
    } catch {
      return corrupt(`line ${k + 1} of the log entry is no JSON`);
    }
  });
  const all = <K extends keyof Actions>(kind: K) =>
    actions.flatMap((action) => (action[kind] ? [action[kind] as NonNullable<Actions[K]>] : []));

  for (const protocol of all("protocol")) requireSupported(protocol, where);
  const [info] = all("commitInfo");
  if (info?.actions !== undefined && info.actions !== actions.length - 1) {
    corrupt(`the log entry holds ${actions.length - 1} of ${info.actions} actions`);
  }
  const pathOf = (path: string) => {
    try {
      return decodeURIComponent(path);
    } catch {
      return corrupt(`"${path}" is no path`);
    }
  };
  const metadata = all("metaData").at(-1);
  if (metadata && (metadata.partitionColumns ?? []).length > 0) {
    throw new AppError("TABLE_UNSUPPORTED", { what: "partitioned by columns", file: where });
  }
  const added = all("add").map((add) => {
    const rows = numRecords(add.stats);
    if (typeof add.path !== "string" || typeof add.size !== "number" || rows === undefined)
      return corrupt("an add without path, size or numRecords");
    const { path, size, modificationTime, stats } = add;
    const file = { path: pathOf(path), size, modificationTime, rows, stats: stats!, sha256: sha256In(add.tags) };
    return { file, fresh: add.dataChange };
  });
  // last of all: whoever needs a newer reader hears that
  const problem = sealProblem(text);
  if (problem) corrupt(problem);
  const txns = all("txn");
  const removals = all("remove");
  return {
    version,
    timestamp: info?.timestamp ?? 0,
    // tables of the first months have it in the commitInfo
    newestArrival: txns.find(({ appId }) => appId === WATERMARK)?.version ?? info?.newestArrival ?? 0,
    marks: Array.isArray(info?.marks) ? info.marks.filter((mark) => Number.isFinite(mark)) : [],
    protocol: all("protocol").at(-1) ?? null,
    metadata: metadata ?? null,
    txn: txns.filter(({ appId }) => appId !== WATERMARK).map(({ appId, version }) => ({ appId, version })),
    add: added.map(({ file }) => file),
    fresh: added.filter(({ fresh }) => fresh).map(({ file }) => file),
    remove: removals.map(({ path, deletionTimestamp }) => ({
      path: pathOf(path),
      deletionTimestamp: deletionTimestamp ?? 0,
    })),
    takesAway: removals.some(({ dataChange }) => dataChange !== false),
  };
}

interface Actions {
  commitInfo?: { timestamp?: number; newestArrival?: number; marks?: number[]; actions?: number };
  protocol?: Protocol;
  metaData?: Metadata & { partitionColumns?: string[] };
  txn?: Txn;
  add?: {
    path: string;
    size: number;
    modificationTime: number;
    dataChange: boolean;
    stats?: string;
    tags?: Record<string, unknown> | null;
  };
  remove?: { path: string; deletionTimestamp?: number; dataChange?: boolean };
}

/** Throws TABLE_UNSUPPORTED. */
export function requireSupported({ minReaderVersion, minWriterVersion }: Protocol, file: string): void {
  if (minReaderVersion <= 1 && minWriterVersion <= 2) return;
  throw new AppError("TABLE_UNSUPPORTED", {
    what: `reader ${minReaderVersion}, writer ${minWriterVersion}, where 1 and 2 are known`,
    file,
  });
}

/** Rows of a file by its statistics; undefined without them. */
export function numRecords(stats: string | undefined): number | undefined {
  try {
    const rows = (JSON.parse(stats ?? "") as { numRecords?: unknown }).numRecords;
    return typeof rows === "number" ? rows : undefined;
  } catch {
    return undefined;
  }
}
