// The table of dead letters: every message that is no event, as it came, with the reason. A Delta table of its own
// beside the events.
import type { DeadReason } from "../events/event.ts";
import { rowsOf, type Text, textOf } from "../events/text.ts";
import { openStore } from "../storage/open-store.ts";
import { type EncodedFile, encodeParquet } from "../storage/parquet.ts";
import type { TableSchema } from "../storage/schema.ts";
import type { Store } from "../storage/store.ts";
import { type DeltaTable, openTable } from "./delta.ts";
import { readFile, writeFile } from "./files.ts";
import type { DataFile } from "./log.ts";

export interface DeadLetter {
  /** The message as it came; null where it had no value. */
  readonly value: Uint8Array | null;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Kafka's time of the message, ms since 1970. */
  readonly timestamp: number;
  readonly reason: DeadReason;
  /** For people: what exactly was wrong. */
  readonly detail: string;
}

export const deadLettersSchema = [
  { name: "value", type: "binary", about: "the message as it came; null where it had no value" },
  { name: "topic", type: "string", about: "where it came from" },
  { name: "kafka_partition", type: "integer", about: "likewise" },
  { name: "kafka_offset", type: "long", about: "likewise" },
  { name: "timestamp", type: "timestamp", about: "Kafka's time of the message" },
  { name: "reason", type: "string", about: "one of the list below" },
  { name: "detail", type: "string", about: "for people: what exactly was wrong" },
] as const satisfies TableSchema;

/** Version -1 where nothing was committed yet. */
export const openDeadLetters = (dir: string): Promise<DeltaTable> => openTable(openStore(dir), deadLettersSchema);

export function encodeDeadLetters(letters: readonly DeadLetter[]): EncodedFile {
  const columns = {
    value: letters.map(({ value }) => value),
    topic: textOf(letters.map(({ topic }) => topic)),
    kafka_partition: Int32Array.from(letters, ({ partition }) => partition),
    kafka_offset: Float64Array.from(letters, ({ offset }) => offset),
    timestamp: Float64Array.from(letters, ({ timestamp }) => timestamp),
    reason: textOf(letters.map(({ reason }) => reason)),
    detail: textOf(letters.map(({ detail }) => detail)),
  };
  return encodeParquet(deadLettersSchema, columns, letters.length);
}

/** Writes the letters as one file, ready to be committed. */
export const writeDeadLetters = (store: Store, letters: readonly DeadLetter[]): Promise<DataFile> =>
  writeFile(store, encodeDeadLetters(letters));

/** Letters in the order in which they were written. Throws TABLE_CORRUPT. */
export async function readDeadLetters(store: Store, file: DataFile): Promise<DeadLetter[]> {
  const columns = await readFile(store, deadLettersSchema, file);
  const at = <T>(name: string, k: number) => (columns[name] as ArrayLike<unknown>)[k] as T;
  const [topic, reason, detail] = ["topic", "reason", "detail"].map((name) =>
    rowsOf(columns[name] as Text, file.rows),
  ) as [string[], string[], string[]];
  return Array.from({ length: file.rows }, (_, k) => ({
    value: at<Uint8Array | null>("value", k),
    topic: topic[k]!,
    partition: at<number>("kafka_partition", k),
    offset: at<number>("kafka_offset", k),
    timestamp: at<number>("timestamp", k),
    reason: reason[k] as DeadReason,
    detail: detail[k]!,
  }));
}
