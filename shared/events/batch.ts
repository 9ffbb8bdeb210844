// A batch of good events as columns: what ingest fills, the table's codec writes and reads, and histories append.
import { bucketOf } from "./hash.ts";
import { rowsOf, type Text, textOf } from "./text.ts";

/** Columns of one length. `length` counts the rows in use: columns may be longer. */
export interface EventBatch {
  readonly length: number;
  readonly user: Text;
  readonly item: Text;
  /** Milliseconds since 1970. */
  readonly timestamp: Float64Array;
  /** NaN for none. */
  readonly value: Float64Array;
  /** Hash of the user, 0..255. */
  readonly bucket: Int32Array;
  /** The topic and its epoch, as in the tables' `topic`; "" for the only topic of a table of before there were several. */
  readonly source: Text;
  /** Kafka's partition and offset: with the source the identity of the row. */
  readonly partition: Int32Array;
  readonly offset: Float64Array;
}

/** Who had to do with what: all that a history is made of. */
export type Interactions = Pick<EventBatch, "length" | "user" | "item">;

export interface Row {
  readonly user: string;
  readonly item: string;
  readonly timestamp: number;
  readonly value: number | null;
  readonly partition: number;
  readonly offset: number;
  /** Left out where it is "". */
  readonly source?: string;
}

/** Rows to columns. */
export function batchOf(rows: readonly Row[]): EventBatch {
  return {
    length: rows.length,
    user: textOf(rows.map(({ user }) => user)),
    item: textOf(rows.map(({ item }) => item)),
    timestamp: Float64Array.from(rows, ({ timestamp }) => timestamp),
    value: Float64Array.from(rows, ({ value }) => value ?? Number.NaN),
    bucket: Int32Array.from(rows, ({ user }) => bucketOf(user)),
    source: textOf(rows.map(({ source = "" }) => source)),
    partition: Int32Array.from(rows, ({ partition }) => partition),
    offset: Float64Array.from(rows, ({ offset }) => offset),
  };
}

/** Columns to rows: for few of them. */
export function eventsOf(batch: EventBatch): Row[] {
  const [user, item, source] = [batch.user, batch.item, batch.source].map((text) => rowsOf(text, batch.length)) as [
    string[],
    string[],
    string[],
  ];
  return user.map((name, k) => ({
    user: name,
    item: item[k]!,
    timestamp: batch.timestamp[k]!,
    value: Number.isNaN(batch.value[k]!) ? null : batch.value[k]!,
    partition: batch.partition[k]!,
    offset: batch.offset[k]!,
    ...(source[k] === "" ? {} : { source: source[k]! }),
  }));
}
