// A Delta Lake table: commits that appear whole or not at all, one writer's progress (`txn`) in the same commit as its
// files, and reading by version.
import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { AppError } from "../errors/errors.ts";
import { oneAtATime } from "../runtime/turns.ts";
import { missingColumns, schemaString, type TableSchema, widened } from "../storage/schema.ts";
import type { Store } from "../storage/store.ts";
import {
  advance,
  type Commit,
  type DataFile,
  type Draft,
  emptyState,
  entryPath,
  formatEntry,
  type Metadata,
  parseEntry,
  type Txn,
} from "./log.ts";
import { checkpointPath, encodeCheckpoint, LAST_CHECKPOINT, lastCheckpoint } from "./log-checkpoint.ts";
import { baseState, entryIfThere, listLog, readCommits } from "./log-reader.ts";
import { reachedIn } from "./progress.ts";

export interface TxnDraft extends Txn {
  /** The txn version that these files follow, -1 for none; the commit is refused when the table says otherwise. */
  readonly after?: number;
  /** It is no progress: any number may follow. */
  readonly isFree?: boolean;
}

export interface CommitDraft {
  readonly add?: readonly DataFile[];
  /** Live files that `add` stands for from now on. */
  readonly remove?: readonly DataFile[];
  readonly txn?: readonly TxnDraft[];
  /** Txns that must stand at this version, -1 for none, and stay there; the commit is refused when they don't. */
  readonly stands?: readonly Txn[];
  /** Newest arrival among the rows, ms since 1970. */
  readonly newestArrival?: number;
  /** Arrivals of marked events among the rows, ms since 1970. */
  readonly marks?: readonly number[];
  /** Properties of the table that are other ones from now on; null: one that goes. */
  readonly properties?: Readonly<Record<string, string | null>>;
  /** OPTIMIZE: the same rows in other files. DELETE: fewer. */
  readonly operation?: Draft["operation"];
}

export interface DeltaTable {
  readonly store: Store;
  /** -1 when nothing was committed yet. */
  readonly version: number;
  /** Live files, oldest first. */
  readonly files: readonly DataFile[];
  readonly rows: number;
  /** appId of each txn -> its version. */
  readonly offsets: ReadonlyMap<string, number>;
  /** Of rows that say of no topic that they are of it: the only one that the table had then; "" where it had none. */
  readonly topicOfBefore: string;
  /** Path of each file that was live once -> when it was removed, ms since 1970. */
  readonly removed: ReadonlyMap<string, number>;
  /** Newest arrival that the table covers, ms since 1970; 0 when unknown. */
  readonly watermark: number;
  /** Its properties (Delta's `configuration`). */
  readonly properties: Readonly<Record<string, string>>;
  /** Entries and checkpoints of the log, about: until vacuum they only grow in number. */
  readonly logFiles: number;
  /**
   * Reads what others have committed, and answers it; "jumped" when the entries in between are no longer kept. Throws
   * TABLE_CORRUPT, TABLE_UNSUPPORTED.
   */
  refresh(): Promise<readonly Commit[] | "jumped">;
  /**
   * Returns the new version. Throws, with nothing committed, WRITER_FENCED when another writer has moved a txn,
   * TABLE_CHANGED when one has removed a file.
   */
  commit(draft: CommitDraft): Promise<number>;
}

/**
 * The log is listed whole at the opening and at one look in so many, for what only a listing shows: 200,000 entries
 * take a fifth of a second each time.
 */
const LIST_EVERY = 64;
/** Entries that are read side by side where one has come. */
const NEXT_TOGETHER = 16;
/** In the table's configuration, once it has a column for the topic: that of the rows of before. */
const TOPIC = "tributary.topic";
/** Commits from one checkpoint of the log to the next. */
const CHECKPOINT_EVERY = 10;

/**
 * Opens a table as of `upTo`, or makes ready to create it with the first commit. Throws TABLE_UNSUPPORTED when its
 * columns are not those of `schema`, VERSION_GONE.
 */
export async function openTable(
  store: Store,
  schema: TableSchema,
  upTo = Number.POSITIVE_INFINITY,
): Promise<DeltaTable> {
  const id = randomUUID();
  let state = emptyState();
  let files: readonly DataFile[] = [];
  let rows = 0;
  let looks = 0;
  let listed = { files: 0, version: -1 };

  function requireColumns(metadata: { readonly schemaString: string } | null, where: string): void {
    const missing = metadata ? missingColumns(schema, metadata.schemaString) : [];
    if (missing.length > 0)
      throw new AppError("TABLE_UNSUPPORTED", { what: `the table lacks ${missing.join(", ")}`, file: where });
  }

  function accept(commit: Commit): void {
    const where = `${store.name}/${entryPath(commit.version)}`;
    if (commit.version === 0 && !commit.metadata)
      throw new AppError("TABLE_CORRUPT", { what: "the first log entry names no columns", file: where });
    requireColumns(commit.metadata, where);
    state = advance(state, commit);
  }

  /**
   * Reads what follows our version entry by entry. Undefined where our own entry is gone: only a listing tells whether
   * it was vacuumed or lost.
   */
  async function readNext(): Promise<readonly Commit[] | undefined> {
    if ((await entryIfThere(store, state.version)) === undefined) return undefined;
    const commits: Commit[] = [];
    try {
      for (let together = 1; ; together = NEXT_TOGETHER) {
        const versions = Array.from({ length: together }, (_, k) => state.version + 1 + k);
        const found = await Promise.all(versions.map((version) => entryIfThere(store, version)));
        const end = found.indexOf(undefined);
        for (const commit of (end < 0 ? found : found.slice(0, end)) as Commit[]) {
          accept(commit);
          commits.push(commit);
        }
        if (end >= 0) return commits;
      }
    } finally {
      if (commits.length > 0) recount();
    }
  }

  async function readUpTo(limit: number): Promise<readonly Commit[] | "jumped"> {
    if (state.version >= 0 && limit === Number.POSITIVE_INFINITY && ++looks % LIST_EVERY !== 0) {
      const next = await readNext();
      if (next) return next;
    }
    return readListed(limit);
  }

  const isThere = async (version: number): Promise<boolean> => {
    try {
      await store.read(entryPath(version));
      return true;
    } catch (error) {
      if (error instanceof AppError && error.code === "FILE_MISSING") return false;
      throw error;
    }
  };

  /**
   * The next name may be free because its entry was taken away: by a vacuum, while others went on (then ours is gone
   * too), or by an accident. A commit into such a hole would be read by nobody.
   */
  const mayBeHole = async () =>
    state.version >= 0 && (!(await isThere(state.version)) || (await isThere(state.version + 2)));

  async function readListed(limit: number): Promise<readonly Commit[] | "jumped"> {
    const log = await listLog(store);
    listed = { files: log.entries.length + log.checkpoints.length, version: log.entries.at(-1) ?? -1 };
    const newest = Math.max(log.entries.at(-1) ?? -1, log.checkpoints.at(-1) ?? -1);
    if (newest < state.version)
      throw new AppError("TABLE_CORRUPT", {
        what: "log entries have disappeared",
        file: `${store.name}/${entryPath(state.version)}`,
      });
    if (newest === state.version) return [];
    const to = Math.min(newest, limit);
    const jumps = state.version < 0 || !log.entries.includes(state.version + 1);
    const commits: Commit[] = [];
    try {
      if (jumps) {
        const base = await baseState(store, log, to);
        requireColumns(base.metadata, `${store.name}/${checkpointPath(base.version)}`);
        if (base.version > state.version) state = base;
      }
      for await (const commit of readCommits(store, state.version + 1, to)) {
        accept(commit);
        if (!jumps) commits.push(commit);
      }
    } finally {
      recount();
    }
    return jumps ? "jumped" : commits;
  }

  function recount(): void {
    files = [...state.files.values()];
    rows = files.reduce((sum, file) => sum + file.rows, 0);
  }

  const propertiesOf = () => (state.metadata?.configuration ?? {}) as Readonly<Record<string, string>>;
  const topicOfBefore = (): string => propertiesOf()[TOPIC] ?? reachedIn(state.offsets)[0]?.source ?? "";

  /**
   * Null where it stays as it is. A file may have more than the table: a column that came later. Then the table says,
   * too, which the one topic was that fed it until then.
   */
  function metadataWith(changes: Readonly<Record<string, string | null>>, add: readonly DataFile[]): Metadata | null {
    const wide = state.metadata && add.length > 0 ? widened(schema, state.metadata.schemaString) : undefined;
    const first = wide === undefined ? "" : topicOfBefore();
    const all = { ...propertiesOf(), ...(first === "" ? {} : { [TOPIC]: first }), ...changes };
    const configuration = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null));
    if (!state.metadata) return { id, schemaString: schemaString(schema), configuration };
    if (wide === undefined && isDeepStrictEqual(configuration, propertiesOf())) return null;
    const { metadata } = state;
    return { createdTime: 0, ...metadata, schemaString: wide ?? metadata.schemaString, configuration };
  }

  const fenced = (what: string) => new AppError("WRITER_FENCED", { what, table: store.name });

  async function commit({
    add = [],
    remove = [],
    txn = [],
    stands = [],
    newestArrival = 0,
    marks = [],
    properties = {},
    operation = "WRITE",
  }: CommitDraft): Promise<number> {
    const moves = txn.map(({ appId, version, after, isFree = false }) => ({
      appId,
      version,
      isFree,
      expected: after ?? state.offsets.get(appId) ?? -1,
    }));
    for (;;) {
      if (await mayBeHole()) await readListed(Number.POSITIVE_INFINITY);
      for (const { appId, version, expected, isFree } of moves) {
        const found = state.offsets.get(appId) ?? -1;
        if (found === expected && (isFree || found < version)) continue;
        throw fenced(`${appId} stands at ${found}, the commit goes from ${expected} to ${version}`);
      }
      for (const { appId, version } of stands) {
        const found = state.offsets.get(appId) ?? -1;
        if (found !== version) throw fenced(`${appId} stands at ${found}, the commit takes it to be at ${version}`);
      }
      const gone = remove.find(({ path }) => !state.files.has(path));
      if (gone)
        throw new AppError("TABLE_CHANGED", {
          what: "another process has removed a file",
          file: `${store.name}/${gone.path}`,
        });
      const version = state.version + 1;
      const entry = formatEntry({
        timestamp: Date.now(),
        // a table of before arrivals ahead of the clock were cut may hold one: it ends here
        newestArrival: newestArrival > 0 ? Math.max(newestArrival, Math.min(state.watermark, Date.now())) : 0,
        marks,
        metadata: metadataWith(properties, add),
        txn,
        add,
        remove,
        operation,
      });
      if (await store.putIfAbsent(entryPath(version), Buffer.from(entry))) {
        accept(parseEntry(entry, version, entryPath(version)));
        recount();
        // after a DELETE, so that vacuum can take the entries before it away: their statistics may name the user who
        // was erased
        if (version > 0 && (version % CHECKPOINT_EVERY === 0 || operation === "DELETE")) await checkpoint();
        return version;
      }
      await readUpTo(Number.POSITIVE_INFINITY);
    }
  }

  /**
   * The commit before is done whatever becomes of this: a disk that refuses a checkpoint will refuse the next commit
   * too, which says so.
   */
  async function checkpoint(): Promise<void> {
    const { bytes, actions } = encodeCheckpoint(state, Date.now());
    try {
      await store.put(checkpointPath(state.version), bytes);
      await store.put(LAST_CHECKPOINT, Buffer.from(lastCheckpoint(state.version, actions, bytes.length)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    }
  }

  // two refreshes at once would take in the same entry twice
  const inTurn = oneAtATime();
  await readUpTo(upTo);
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
    get topicOfBefore() {
      return topicOfBefore();
    },
    get removed() {
      return state.removed;
    },
    get watermark() {
      return state.watermark;
    },
    get properties() {
      return propertiesOf();
    },
    get logFiles() {
      return listed.files + Math.max(0, state.version - listed.version);
    },
    refresh: () => inTurn(() => readUpTo(Number.POSITIVE_INFINITY)),
    commit: (draft) => inTurn(() => commit(draft)),
  };
}

/** Throws TABLE_MISSING. */
export async function openExisting(store: Store, schema: TableSchema): Promise<DeltaTable> {
  return mustExist(await openTable(store, schema));
}

/** Throws TABLE_MISSING. */
export function mustExist(table: DeltaTable): DeltaTable {
  if (table.version < 0) throw new AppError("TABLE_MISSING", { what: "no table", folder: table.store.name });
  return table;
}
