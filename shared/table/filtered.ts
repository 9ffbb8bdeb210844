// The table of offsets that are neither row nor dead letter, in ranges, with the reason: read = written + dead +
// filtered. A Delta table beside the events.
import { rowsOf, type Text, textOf } from "../events/text.ts";
import { within } from "../runtime/location.ts";
import { openStore } from "../storage/open-store.ts";
import { type EncodedFile, encodeParquet } from "../storage/parquet.ts";
import type { TableSchema } from "../storage/schema.ts";
import type { Store } from "../storage/store.ts";
import { type DeltaTable, openTable } from "./delta.ts";
import { readFile, writeFile } from "./files.ts";
import type { DataFile } from "./log.ts";

/** Every reason, in words. A closed list. */
export const filterReasons = {
  NO_MESSAGE: "Kafka keeps no message here: the end of a transaction, or compacted away",
  LOST: "Kafka deleted the messages before they were read, and ingest was told to go on (`--on-lost-offsets continue`)",
  LEFT_OUT: "a message that the map of its topic leaves out (`--where`, a preset), or makes no row of",
  ERASED: "a row, removed by `tributary forget`",
} as const;
export type FilterReason = keyof typeof filterReasons;

export interface FilteredRange {
  readonly topic: string;
  readonly partition: number;
  /** Both ends included. */
  readonly first: number;
  readonly last: number;
  readonly reason: FilterReason;
}

export const filteredSchema = [
  { name: "topic", type: "string", about: "of the offsets" },
  { name: "kafka_partition", type: "integer", about: "likewise" },
  { name: "first_offset", type: "long", about: "of the range" },
  { name: "last_offset", type: "long", about: "of the range, included" },
  { name: "reason", type: "string", about: "one of the list below" },
] as const satisfies TableSchema;

/** Version -1 where nothing was committed yet. */
export const openFiltered = (tableDir: string): Promise<DeltaTable> =>
  openTable(openStore(within(tableDir, "filtered")), filteredSchema);

export function encodeFiltered(ranges: readonly FilteredRange[]): EncodedFile {
  const columns = {
    topic: textOf(ranges.map(({ topic }) => topic)),
    kafka_partition: Int32Array.from(ranges, ({ partition }) => partition),
    first_offset: Float64Array.from(ranges, ({ first }) => first),
    last_offset: Float64Array.from(ranges, ({ last }) => last),
    reason: textOf(ranges.map(({ reason }) => reason)),
  };
  return encodeParquet(filteredSchema, columns, ranges.length);
}

/** Writes the ranges as one file, ready to be committed. */
export const writeFiltered = (store: Store, ranges: readonly FilteredRange[]): Promise<DataFile> =>
  writeFile(store, encodeFiltered(ranges));

/** Throws TABLE_CORRUPT. */
export async function readFiltered(store: Store, file: DataFile): Promise<FilteredRange[]> {
  const columns = await readFile(store, filteredSchema, file);
  const [topic, reason] = [rowsOf(columns.topic as Text, file.rows), rowsOf(columns.reason as Text, file.rows)];
  const at = (name: string, k: number) => (columns[name] as Float64Array)[k]!;
  return topic.map((name, k) => ({
    topic: name,
    partition: at("kafka_partition", k),
    first: at("first_offset", k),
    last: at("last_offset", k),
    reason: reason[k] as FilterReason,
  }));
}
