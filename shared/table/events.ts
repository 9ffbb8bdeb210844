// The table of events: its columns, and batches of events to files and back.
import type { EventBatch, Interactions } from "../events/batch.ts";
import type { Text } from "../events/text.ts";
import { within } from "../runtime/location.ts";
import { openStore } from "../storage/open-store.ts";
import { type EncodedFile, encodeParquet } from "../storage/parquet.ts";
import type { TableSchema } from "../storage/schema.ts";
import type { Store } from "../storage/store.ts";
import { type DeltaTable, openExisting, openTable } from "./delta.ts";
import { readFile, writeFile } from "./files.ts";
import type { DataFile } from "./log.ts";

export const eventsSchema = [
  { name: "user", type: "string", about: "1 to 256 bytes; an integer as its decimal text" },
  { name: "item", type: "string", about: "likewise" },
  { name: "timestamp", type: "timestamp", about: "UTC, microseconds; Kafka's own where the event has none" },
  { name: "value", type: "double", about: "of the event, null where it has none" },
  { name: "bucket", type: "integer", about: "hash of the user, by which files are merged" },
  { name: "kafka_partition", type: "integer", about: "where it came from" },
  { name: "kafka_offset", type: "long", about: "with topic and partition it names the message, once" },
  {
    name: "topic",
    type: "string",
    about:
      "the Kafka topic that it came from; `NAME@1` once that was deleted and made anew, `NAME@2` the next time. Null " +
      "in files of before there was the column: they are of the one topic that the table then had",
    isLater: true,
  },
] as const satisfies TableSchema;

const storeOf = (tableDir: string) => openStore(within(tableDir, "events"));

/** As of `upTo`; version -1 where nothing was committed yet. Throws VERSION_GONE. */
export const openEvents = (tableDir: string, upTo?: number): Promise<DeltaTable> =>
  openTable(storeOf(tableDir), eventsSchema, upTo);

/** Throws TABLE_MISSING. */
export const openExistingEvents = (tableDir: string): Promise<DeltaTable> =>
  openExisting(storeOf(tableDir), eventsSchema);

export function encodeEvents(batch: EventBatch): EncodedFile {
  const { user, item, timestamp, value, bucket, partition, offset, source, length } = batch;
  const isOfBefore = source.words.size === 0 || (source.words.size === 1 && source.words.data.length === 0);
  return encodeParquet(
    isOfBefore ? eventsSchema.filter(({ name }) => name !== "topic") : eventsSchema,
    { user, item, timestamp, value, bucket, kafka_partition: partition, kafka_offset: offset, topic: source },
    length,
  );
}

/** Writes the batch as one file, ready to be committed. */
export const writeEvents = (store: Store, batch: EventBatch): Promise<DataFile> =>
  writeFile(store, encodeEvents(batch));

/** Rows in the order in which they were written. Throws TABLE_CORRUPT. */
export async function readEvents(store: Store, file: DataFile): Promise<EventBatch> {
  const columns = await readFile(store, eventsSchema, file);
  return {
    length: file.rows,
    user: columns.user as Text,
    item: columns.item as Text,
    timestamp: columns.timestamp as Float64Array,
    value: columns.value as Float64Array,
    bucket: columns.bucket as Int32Array,
    source: columns.topic as Text,
    partition: columns.kafka_partition as Int32Array,
    offset: columns.kafka_offset as Float64Array,
  };
}

const interactionsSchema = eventsSchema.filter(({ name }) => name === "user" || name === "item");

/** The same rows without the rest of them: a third of the time. Throws TABLE_CORRUPT. */
export async function readInteractions(store: Store, file: DataFile): Promise<Interactions> {
  const { user, item } = await readFile(store, interactionsSchema, file);
  return { length: file.rows, user: user as Text, item: item as Text };
}
