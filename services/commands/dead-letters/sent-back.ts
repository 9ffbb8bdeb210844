// Which dead letters were sent back, and when: a Delta table in the folder of the dead letters, under a name that
// Delta's readers and vacuum pass over.
import { rowsOf, type Text, textOf } from "../../../shared/events/text.ts";
import { within } from "../../../shared/runtime/location.ts";
import { openStore } from "../../../shared/storage/open-store.ts";
import { encodeParquet } from "../../../shared/storage/parquet.ts";
import type { TableSchema } from "../../../shared/storage/schema.ts";
import { openTable } from "../../../shared/table/delta.ts";
import { readFile, writeFile } from "../../../shared/table/files.ts";
import { nameOf, type Place } from "../../../shared/table/place.ts";

export const sentBackSchema = [
  { name: "topic", type: "string", about: "of the letter" },
  { name: "kafka_partition", type: "integer", about: "likewise" },
  { name: "kafka_offset", type: "long", about: "likewise" },
  { name: "sent_at", type: "timestamp", about: "when Kafka had acknowledged it" },
] as const satisfies TableSchema;

export interface SentBack {
  /** Name of each place -> when it was sent back, ms since 1970. */
  readonly times: ReadonlyMap<string, number>;
  /** Durable when it returns. */
  record(places: readonly Place[], at: number): Promise<void>;
}

/** `dir` is the folder of the dead letters. Throws TABLE_CORRUPT, TABLE_UNSUPPORTED. */
export async function openSentBack(dir: string): Promise<SentBack> {
  const table = await openTable(openStore(within(dir, "_sent-back")), sentBackSchema);
  const times = new Map<string, number>();
  for (const file of table.files) {
    const columns = await readFile(table.store, sentBackSchema, file);
    const at = (name: string) => columns[name] as ArrayLike<number>;
    const [partition, offset, sentAt] = [at("kafka_partition"), at("kafka_offset"), at("sent_at")];
    rowsOf(columns.topic as Text, file.rows).forEach((topic, k) => {
      times.set(nameOf({ topic, partition: partition[k]!, offset: offset[k]! }), sentAt[k]!);
    });
  }
  return {
    times,
    record: async (places, at) => {
      const columns = {
        topic: textOf(places.map(({ topic }) => topic)),
        kafka_partition: Int32Array.from(places, ({ partition }) => partition),
        kafka_offset: Float64Array.from(places, ({ offset }) => offset),
        sent_at: new Float64Array(places.length).fill(at),
      };
      await table.commit({
        add: [await writeFile(table.store, encodeParquet(sentBackSchema, columns, places.length))],
      });
    },
  };
}
