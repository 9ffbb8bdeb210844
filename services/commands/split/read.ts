// A file of events to columns of numbers, below a gigabyte for ML-20M: ids are kept once, and no row is kept.
import type { EventColumns } from "../../../shared/corpus/liang.ts";
import { type Skipped, skippedRows } from "../../../shared/events/skipped.ts";
import { Vocabulary } from "../../../shared/events/vocabulary.ts";
import type { EventFile } from "../../../shared/files/event-file.ts";

export interface ReadCounts {
  /** Rows that are events. */
  readonly read: number;
  /** Of those, not above the least value, or without a value. */
  readonly below: number;
  /** Rows that are no events. */
  readonly skipped: number;
}

interface ReadOptions {
  /** Events must have a greater value; undefined: all are kept, whatever their value. */
  readonly minValue: number | undefined;
  readonly signal: AbortSignal;
  /** Told of the first bad rows. */
  say(text: string): void;
  /** Called now and then. */
  show(figures: ReadCounts): void;
}

const SHOW_EVERY = 1 << 14;

/** Ends early when the signal is aborted. Throws FILE_UNREADABLE, CSV_MALFORMED. */
export async function readEvents(
  file: EventFile,
  { minValue, signal, say, show }: ReadOptions,
): Promise<{ events: EventColumns; figures: ReadCounts; skipped: Skipped }> {
  const skipped = skippedRows(say, file.place);
  const users = new Vocabulary();
  const items = new Vocabulary();
  const userOf = new Growing();
  const itemOf = new Growing();
  let read = 0;
  let below = 0;
  const figures = () => ({ read, below, skipped: skipped.count });
  // The time plays no part, so that one that cannot be read costs no event; neither does the value when it decides
  // nothing.
  const wanted = { time: false, value: minValue !== undefined };
  for await (const batch of file.batches("ms", 0, skipped.skip, wanted)) {
    for (let k = 0; k < batch.length; k++) {
      const row = batch.row(k);
      if ("problem" in row) {
        skipped.skip(batch.place(k), row.problem, row.kind);
        continue;
      }
      if (++read % SHOW_EVERY === 0) show(figures());
      // those without a kept event too: whether user ids are numbers is decided by the whole column
      const user = add(users, row.user);
      if (minValue !== undefined && !(row.value !== null && row.value > minValue)) {
        below++;
        continue;
      }
      userOf.push(user);
      itemOf.push(add(items, row.item));
    }
    if (signal.aborted) break;
  }
  const events = { users: users.items, items: items.items, userOf: userOf.values(), itemOf: itemOf.values() };
  return { events, figures: figures(), skipped };
}

/** A new name is copied: cut out of the file's text, it would keep that in memory. */
function add(vocabulary: Vocabulary, name: string): number {
  return vocabulary.column(name) ?? vocabulary.add(Buffer.from(name).toString());
}

class Growing {
  #values = new Int32Array(1 << 16);
  #length = 0;

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const old = this.#values;
      this.#values = new Int32Array(2 * old.length);
      this.#values.set(old);
    }
    this.#values[this.#length++] = value;
  }

  values(): Int32Array {
    return this.#values.subarray(0, this.#length);
  }
}
