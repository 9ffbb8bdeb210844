// A sealed buffer into the two tables. Dead letters first, under progress of their own: a crash between the two commits neither loses nor doubles any.
import { type DeadLetter, openDeadLetters, writeDeadLetters } from "../../shared/table/dead-letters.ts";
import type { DeltaTable } from "../../shared/table/delta.ts";
import { openEvents, writeEvents } from "../../shared/table/events.ts";
import type { Buffer } from "./buffer.ts";

export interface Writer {
  readonly table: Pick<DeltaTable, "version" | "files" | "rows" | "watermark">;
  /** Last offset in the table, by partition of the topic. */
  readonly committed: ReadonlyMap<number, number>;
  /** Reads what others have committed, and takes the tables' progress as where our next write goes on. */
  refresh(): Promise<ReadonlyMap<number, number>>;
  /** Reads what others have committed; our next write still goes on from where ours was. */
  look(): Promise<void>;
  /** All of it or, thrown WRITER_FENCED, nothing more of it. After any other error the same buffer may be tried again. */
  write(buffer: Buffer): Promise<void>;
}

export async function openWriter(tableDir: string, deadLettersDir: string, topic: string): Promise<Writer> {
  const events = await openEvents(tableDir);
  const dead = await openDeadLetters(deadLettersDir);
  let eventsAt = new Map<number, number>();
  let deadAt = new Map<number, number>();
  const appId = (partition: number) => `${topic}/${partition}`;

  function progressOf(table: DeltaTable): Map<number, number> {
    const prefix = appId(0).slice(0, -1);
    const ours = [...table.offsets].filter(([name]) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)));
    return new Map(ours.map(([name, version]) => [Number(name.slice(prefix.length)), version]));
  }

  async function look(): Promise<void> {
    await Promise.all([events.refresh(), dead.refresh()]);
  }

  async function writeDead(letters: readonly DeadLetter[], next: ReadonlyMap<number, number>): Promise<void> {
    if (letters.length === 0) return;
    const file = await writeDeadLetters(dead.store, letters);
    const txn = [...new Set(letters.map(({ partition }) => partition))].map((partition) => move(partition, next.get(partition)!, deadAt));
    const newestArrival = letters.reduce((newest, { timestamp }) => Math.max(newest, timestamp), 0);
    await dead.commit({ add: [file], txn, newestArrival });
    for (const { partition, version } of txn) deadAt.set(partition, version);
  }

  /** A txn that goes from where our last write was to before `next`: the table refuses it when another writer came between. */
  const move = (partition: number, next: number, from: ReadonlyMap<number, number>) => ({
    appId: appId(partition),
    partition,
    version: next - 1,
    after: from.get(partition) ?? -1,
  });

  return {
    table: events,
    get committed() {
      return progressOf(events);
    },
    look,
    refresh: async () => {
      await look();
      eventsAt = progressOf(events);
      deadAt = progressOf(dead);
      return new Map(eventsAt);
    },
    write: async (buffer) => {
      // Those at or before the dead letters' own progress were written by whoever died before the events' commit.
      const letters = buffer.dead.filter(({ partition, offset }) => offset > (deadAt.get(partition) ?? -1));
      await writeDead(letters, buffer.next);
      const rows = buffer.rows();
      const add = rows.length === 0 ? [] : [await writeEvents(events.store, rows)];
      const txn = [...buffer.next].map(([partition, next]) => move(partition, next, eventsAt));
      await events.commit({ add, txn, newestArrival: buffer.newestArrival });
      for (const { partition, version } of txn) eventsAt.set(partition, version);
    },
  };
}
