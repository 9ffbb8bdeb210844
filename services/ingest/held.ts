// What one process holds of a topic: the partitions that are its own and how far each is read, and what was read and is
// not committed yet. Shared by taking in, committing and intake.ts, which do one thing at a time.
import type { Log } from "../../shared/runtime/log.ts";
import { isCompactionDue } from "../../shared/table/compaction-plan.ts";
import { offsetsIn, RowBuffer } from "./buffer.ts";
import type { News, TableFacts } from "./news.ts";
import { LONG_LOG, warnings } from "./warnings.ts";
import type { Writer } from "./writer.ts";

export interface Held {
  readonly buffer: RowBuffer;
  /** The offset to be read next, by partition. */
  readonly positions: Map<number, number>;
  /** Of the assignment under which it was read; -1: it was dropped, and is to be read again. */
  generation: number;
  /** Offsets whose messages are held. */
  readonly offsets: number;
  /** Forgets all of it. `fenced`: another process has its partitions. */
  drop(fenced: boolean): void;
  /** Forgets what nobody can vouch for: it is read again. */
  cutToConfirmed(): void;
  /** What is told of the table. */
  table(): TableFacts;
}

export function openHeld(tell: (news: News) => void, writer: Pick<Writer, "table">, log: Log): Held {
  const buffer = new RowBuffer();
  const positions = new Map<number, number>();
  let toldOfLog = false;
  const held: Held = {
    buffer,
    positions,
    generation: -1,
    get offsets() {
      return [...buffer.tallies.values()].reduce((sum, tally) => sum + offsetsIn(tally) - tally.lost, 0);
    },
    drop: (fenced) => {
      const { offsets } = held;
      buffer.clear();
      positions.clear();
      held.generation = -1;
      tell({ type: "dropped", offsets, fenced });
    },
    cutToConfirmed: () => {
      const before = held.offsets;
      buffer.cutToConfirmed();
      tell({ type: "dropped", offsets: before - held.offsets, fenced: false });
    },
    table: () => {
      const { version, files, rows, watermark, logFiles } = writer.table;
      if (logFiles > LONG_LOG && !toldOfLog) {
        toldOfLog = true;
        log.warn({ logFiles }, warnings.longLog);
      }
      return { version, files: files.length, rows, watermark, logFiles, compactionDue: isCompactionDue(files) };
    },
  };
  return held;
}
