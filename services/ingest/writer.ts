// A sealed buffer into the tables. Dead letters and gaps first, each under progress of their own: a crash between two
// commits neither loses nor doubles any.
import { type DeadLetter, writeDeadLetters } from "../../shared/table/dead-letters.ts";
import type { DeltaTable } from "../../shared/table/delta.ts";
import { writeEvents } from "../../shared/table/events.ts";
import { type FilteredRange, writeFiltered } from "../../shared/table/filtered.ts";
import type { DataFile } from "../../shared/table/log.ts";
import { lastOffsets } from "../../shared/table/progress.ts";
import type { Tables } from "../../shared/table/tables.ts";
import type { RowBuffer } from "./buffer.ts";

export interface Writer {
  readonly table: Pick<DeltaTable, "version" | "files" | "rows" | "watermark" | "logFiles">;
  /** Last offset in the table, by partition of the topic. */
  readonly committed: ReadonlyMap<number, number>;
  /** Reads what others have committed, and takes the tables' progress as where our next write goes on. */
  refresh(): Promise<ReadonlyMap<number, number>>;
  /** Reads what others have committed; our next write still goes on from where ours was. */
  look(): Promise<void>;
  /**
   * All of it or, thrown WRITER_FENCED, nothing more of it. After any other error the same buffer may be tried again.
   * Answers the file of events, if there is one.
   */
  write(buffer: RowBuffer): Promise<DataFile | undefined>;
}

export function createWriter(tables: Tables, topic: string): Writer {
  const events = ledger(tables.events, topic);
  const dead = ledger(tables.deadLetters, topic);
  const filtered = ledger(tables.filtered, topic);

  async function writeDead({ dead: letters, tallies }: RowBuffer): Promise<void> {
    const fresh = letters.filter(({ partition, offset }) => offset > dead.at(partition));
    if (fresh.length === 0) return;
    const newestArrival = fresh.reduce((newest, { timestamp }) => Math.max(newest, timestamp), 0);
    await dead.commit(await writeDeadLetters(dead.table.store, fresh), reached(fresh, tallies), newestArrival);
  }

  async function writeGaps({ gaps, tallies }: RowBuffer): Promise<void> {
    const fresh = gaps.flatMap((gap) => {
      const first = Math.max(gap.first, filtered.at(gap.partition) + 1);
      return first > gap.last ? [] : [{ ...gap, first }];
    });
    if (fresh.length > 0)
      await filtered.commit(await writeFiltered(filtered.table.store, fresh), reached(fresh, tallies), 0);
  }

  return {
    table: events.table,
    get committed() {
      return events.progress();
    },
    look: async () => {
      await Promise.all([events, dead, filtered].map(({ table }) => table.refresh()));
    },
    refresh: async () => {
      await Promise.all([events, dead, filtered].map((each) => each.refresh()));
      return events.progress();
    },
    write: async (buffer) => {
      await writeDead(buffer);
      await writeGaps(buffer);
      const file = buffer.rows === 0 ? undefined : await writeEvents(events.table.store, buffer.batch());
      await events.commit(
        file,
        reached(
          [...buffer.tallies.keys()].map((partition) => ({ partition })),
          buffer.tallies,
        ),
        buffer.newestArrival,
        buffer.marks,
      );
      return file;
    },
  };
}

/** Of the partitions of `rows`: the last offset that the buffer stands for. */
function reached(
  rows: readonly Pick<DeadLetter | FilteredRange, "partition">[],
  tallies: RowBuffer["tallies"],
): Map<number, number> {
  return new Map(rows.map(({ partition }) => [partition, tallies.get(partition)!.next - 1]));
}

/**
 * A table and how far our own writing into it is, by partition: a commit goes from there, and is refused when another
 * writer came between.
 */
function ledger(table: DeltaTable, topic: string) {
  const prefix = `${topic}/`;
  let ours = new Map<number, number>();
  const progress = () => lastOffsets(table.offsets, topic);
  const at = (partition: number) => ours.get(partition) ?? -1;
  return {
    table,
    progress,
    at,
    refresh: async () => {
      await table.refresh();
      ours = progress();
    },
    commit: async (
      file: DataFile | undefined,
      to: ReadonlyMap<number, number>,
      newestArrival: number,
      marks: readonly number[] = [],
    ) => {
      const txn = [...to].map(([partition, version]) => ({
        appId: `${prefix}${partition}`,
        version,
        after: at(partition),
      }));
      await table.commit({ add: file ? [file] : [], txn, newestArrival, marks });
      for (const [partition, version] of to) ours.set(partition, version);
    },
  };
}
