// A batch of good events as columns: what ingest fills, the table's codec writes and reads, and histories append.
import { bucketOf } from "./hash.ts";

/** Columns of one length. `length` counts the rows in use: typed columns may be longer. */
export interface EventBatch {
  readonly length: number;
  readonly user: string[];
  readonly item: string[];
  /** Milliseconds since 1970. */
  readonly timestamp: Float64Array;
  readonly value: (number | null)[];
  /** Hash of the user, 0..255. */
  readonly bucket: Int32Array;
  /** Kafka's partition and offset: the identity of the row. */
  readonly partition: Int32Array;
  readonly offset: Float64Array;
}

export interface Row {
  readonly user: string;
  readonly item: string;
  readonly timestamp: number;
  readonly value: number | null;
  readonly partition: number;
  readonly offset: number;
}

/** Rows to columns. */
export function batchOf(rows: readonly Row[]): EventBatch {
  const n = rows.length;
  const batch = {
    length: n,
    user: new Array<string>(n),
    item: new Array<string>(n),
    timestamp: new Float64Array(n),
    value: new Array<number | null>(n),
    bucket: new Int32Array(n),
    partition: new Int32Array(n),
    offset: new Float64Array(n),
  };
  for (let k = 0; k < n; k++) {
    const row = rows[k]!;
    batch.user[k] = row.user;
    batch.item[k] = row.item;
    batch.timestamp[k] = row.timestamp;
    batch.value[k] = row.value;
    batch.bucket[k] = bucketOf(row.user);
    batch.partition[k] = row.partition;
    batch.offset[k] = row.offset;
  }
  return batch;
}
