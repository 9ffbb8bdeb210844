// A checkpoint of the Delta log: the table's whole state as one Parquet file, so that a table of many commits opens
// without reading each of them.
// Source: the Delta Transaction Log Protocol, "Checkpoints": one part, the columns of reader version 1.
import * as arrow from "apache-arrow";
import { Compression, readParquet, WriterPropertiesBuilder } from "parquet-wasm";
import { writeColumns } from "../storage/parquet.ts";
import { sha256In, sha256Of, tagsOf } from "./hashes.ts";
import { type DataFile, digits, LOG, type Metadata, numRecords, type State, WATERMARK } from "./log.ts";

export const checkpointPath = (version: number): string => `${LOG}/${digits(version)}.checkpoint.parquet`;
/** Names the newest checkpoint, so that readers need not list the log. */
export const LAST_CHECKPOINT = `${LOG}/_last_checkpoint`;

/** The version that a file of the log folder is the checkpoint of. */
export function checkpointVersionOf(name: string): number | undefined {
  return /^\d{20}\.checkpoint\.parquet$/.test(name) ? Number(name.slice(0, 20)) : undefined;
}

/** The content of `_last_checkpoint`. */
export const lastCheckpoint = (version: number, actions: number, bytes: number): string =>
  JSON.stringify({ version, size: actions, sizeInBytes: bytes });

/**
 * Removed files are remembered so long, whatever vacuum's retention is: or the log would hold every file that ever was.
 */
export const REMEMBERED_HOURS = 720;

const text = new arrow.Utf8();
const long = new arrow.Int64();
const field = (name: string, type: arrow.DataType) => new arrow.Field(name, type, true);
const entry = new arrow.Struct<{ key: arrow.Utf8; value: arrow.Utf8 }>([
  new arrow.Field("key", text, false),
  new arrow.Field("value", text, true),
]);
const map = new arrow.Map_<arrow.Utf8, arrow.Utf8>(new arrow.Field("key_value", entry, false));
const struct = (fields: Record<string, arrow.DataType>) =>
  new arrow.Struct(Object.entries(fields).map(([name, type]) => field(name, type)));

/** The columns; in a row all but one are null. */
const actionType = struct({
  protocol: struct({ minReaderVersion: new arrow.Int32(), minWriterVersion: new arrow.Int32() }),
  metaData: struct({
    id: text,
    name: text,
    description: text,
    format: struct({ provider: text, options: map }),
    schemaString: text,
    partitionColumns: new arrow.List(field("element", text)),
    configuration: map,
    createdTime: long,
  }),
  txn: struct({ appId: text, version: long, lastUpdated: long }),
  add: struct({
    path: text,
    partitionValues: map,
    size: long,
    modificationTime: long,
    dataChange: new arrow.Bool(),
    stats: text,
    tags: map,
  }),
  remove: struct({ path: text, deletionTimestamp: long, dataChange: new arrow.Bool() }),
});
const noAction = Object.fromEntries(actionType.children.map(({ name }) => [name, null]));

/** `now` in ms since 1970; it stands in for the times at which the txns were written, too, which nobody asks for. */
export function encodeCheckpoint({ metadata, protocol, files, removed, offsets, watermark }: State, now: number) {
  if (!metadata) throw new Error("a table without columns has no checkpoint");
  const txns = [...offsets, ...(watermark > 0 ? [[WATERMARK, watermark] as const] : [])];
  const remembered = [...removed].filter(([, deletedAt]) => deletedAt > now - REMEMBERED_HOURS * 3_600e3);
  const actions = [
    { protocol },
    { metaData: metadataRow(metadata) },
    ...txns.map(([appId, version]) => ({ txn: { appId, version: BigInt(version), lastUpdated: BigInt(now) } })),
    ...[...files.values()].map(({ path, size, modificationTime, stats, sha256 }) => ({
      add: {
        path: encodeURI(path),
        partitionValues: new Map(),
        size: BigInt(size),
        modificationTime: BigInt(modificationTime),
        dataChange: false,
        stats,
        tags: sha256 === undefined ? null : new Map(Object.entries(tagsOf(sha256).tags ?? {})),
      },
    })),
    ...remembered.map(([path, deletedAt]) => ({
      remove: { path: encodeURI(path), deletionTimestamp: BigInt(deletedAt), dataChange: false },
    })),
  ].map((action) => ({ ...noAction, ...action }));
  const [data] = arrow.vectorFromArray(actions, actionType).data;
  const digest = digestOf({ metadata, protocol, files, removed: new Map(remembered), offsets, watermark });
  const properties = new WriterPropertiesBuilder()
    .setCompression(Compression.ZSTD)
    .setKeyValueMetadata(new Map([[DIGEST, digest]]))
    .build();
  const bytes = writeColumns(new arrow.Schema(actionType.children), data!.children, actions.length, properties);
  return { bytes, actions: actions.length };
}

/** A key of the Parquet file's own metadata: of this very file, other writers carry it nowhere. */
const DIGEST = "tributary.sha256";

/** Of what a checkpoint says, not of its bytes: they hold it. */
function digestOf({ metadata, protocol, files, removed, offsets, watermark }: Omit<State, "version">): string {
  const { minReaderVersion, minWriterVersion } = protocol;
  const said = [minReaderVersion, minWriterVersion, metadata?.id, metadata?.schemaString, watermark];
  return sha256Of(
    JSON.stringify([
      said,
      [...files.values()].map(({ path, size, modificationTime, rows, stats, sha256 }) => [
        path,
        size,
        modificationTime,
        rows,
        stats,
        sha256,
      ]),
      [...removed],
      [...offsets],
    ]),
  );
}

/** Throws an Error when the bytes are no checkpoint, or not the one that was written. */
export function decodeCheckpoint(bytes: Uint8Array, version: number): State {
  const table = arrow.tableFromIPC(readParquet(bytes).intoIPCStream());
  const actions = (name: string) => [...rowsOf(table.getChild(name))] as never[];
  const [protocol] = actions("protocol");
  const [metadata] = actions("metaData") as Metadata[];
  if (!protocol || !metadata) throw new Error("no protocol or no metaData");
  const txns = (actions("txn") as { appId: string; version: number }[]).map(
    ({ appId, version: at }) => [appId, at] as const,
  );
  const removes = actions("remove") as { path: string; deletionTimestamp?: number }[];
  const state = {
    version,
    protocol,
    metadata,
    files: new Map(actions("add").map(fileOf)),
    removed: new Map(removes.map(({ path, deletionTimestamp }) => [decodeURIComponent(path), deletionTimestamp ?? 0])),
    offsets: new Map(txns.filter(([appId]) => appId !== WATERMARK)),
    watermark: txns.find(([appId]) => appId === WATERMARK)?.[1] ?? 0,
  };
  const digest = table.schema.metadata.get(DIGEST);
  if (digest !== undefined && digest !== digestOf(state)) throw new Error("its content is not what was written");
  return state;
}

function fileOf(add: {
  path: string;
  size: number;
  modificationTime: number;
  stats?: string;
  tags?: Record<string, unknown>;
}): [string, DataFile] {
  const rows = numRecords(add.stats);
  if (rows === undefined) throw new Error(`no numRecords of ${add.path}`);
  const path = decodeURIComponent(add.path);
  const { size, modificationTime, stats } = add;
  return [path, { path, size, rows, modificationTime, stats: stats!, sha256: sha256In(add.tags) }];
}

function metadataRow({ id, schemaString, ...more }: Metadata): object {
  const { name = null, description = null, format, partitionColumns = [], configuration, createdTime = 0 } = more;
  const { provider = "parquet", options } = (format ?? {}) as { provider?: string; options?: object };
  const mapOf = (record: unknown) => new Map(Object.entries(record ?? {}));
  return {
    id,
    name,
    description,
    format: { provider, options: mapOf(options) },
    schemaString,
    partitionColumns,
    configuration: mapOf(configuration),
    createdTime: BigInt(createdTime as number),
  };
}

/**
 * The rows that are not null, as records without their nulls. Field by field: Arrow's own rows take five times as long.
 */
function* rowsOf(column: arrow.Vector | null): Iterable<object> {
  if (!column) return;
  const fields = (column.type as arrow.Struct).children.map(({ name }) => [name, column.getChild(name)!] as const);
  for (let k = 0; k < column.length; k++) {
    if (!column.isValid(k)) continue;
    const row: Record<string, unknown> = {};
    for (const [name, values] of fields) {
      const value = values.get(k);
      if (value !== null) row[name] = plain(value);
    }
    yield row;
  }
}

/** Arrow's rows as plain values: numbers for 64-bit integers, records without their nulls. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (value instanceof arrow.Vector) return [...value].map(plain);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries((value as { toJSON(): object }).toJSON());
  return Object.fromEntries(fields.flatMap(([name, each]) => (each === null ? [] : [[name, plain(each)]])));
}
