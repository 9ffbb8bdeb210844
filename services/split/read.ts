// A file of events to columns of numbers, below a gigabyte for ML-20M: ids are kept once, and no row is kept.
import { type Columns, readRow } from "../../shared/events/columns.ts";
import type { CsvFile } from "../../shared/csv/file.ts";
import { skippedRows } from "../../shared/events/skipped.ts";
import { Vocabulary } from "../../shared/events/vocabulary.ts";
import type { EventColumns } from "../../shared/protocol/liang.ts";

export interface ReadFigures {
  /** Rows that are events. */
  readonly read: number;
  /** Of those, not above the least value, or without a value. */
  readonly below: number;
  /** Rows that are no events. */
  readonly skipped: number;
}

interface ReadOptions {
  readonly columns: Columns;
  /** Events must have a greater value; undefined: all are kept, whatever their value. */
  readonly minValue: number | undefined;
  readonly signal: AbortSignal;
  /** Told of the first bad rows. */
  say(text: string): void;
  /** Called now and then. */
  show(figures: ReadFigures): void;
}

const SHOW_EVERY = 1 << 14;

/** Ends early when the signal is aborted. Throws FILE_UNREADABLE, CSV_MALFORMED. */
export async function readEvents(
  file: CsvFile,
  { columns, minValue, signal, say, show }: ReadOptions,
): Promise<{ events: EventColumns; figures: ReadFigures }> {
  // The time plays no part, so that one that cannot be read costs no event; neither does the value when it decides nothing.
  const wanted: Columns = { ...columns, timestamp: null, value: minValue === undefined ? null : columns.value };
  const skipped = skippedRows(say, "line");
  const users = new Vocabulary();
  const items = new Vocabulary();
  const userOf = new Growing();
  const itemOf = new Growing();
  let read = 0;
  let below = 0;
  const figures = () => ({ read, below, skipped: skipped.count });
  for await (const { record, info } of file.records(skipped.skip)) {
    const row = readRow(record, wanted, "ms");
    if ("problem" in row) {
      skipped.skip(info.lines, row.problem);
      continue;
    }
    if (++read % SHOW_EVERY === 0) {
      if (signal.aborted) break;
      show(figures());
    }
    const user = users.add(row.user); // those without a kept event too: whether user ids are numbers is decided by the whole column
    if (minValue !== undefined && !(row.value !== null && row.value > minValue)) {
      below++;
      continue;
    }
    userOf.push(user);
    itemOf.push(items.add(row.item));
  }
  return { events: { users: users.items, items: items.items, userOf: userOf.values(), itemOf: itemOf.values() }, figures: figures() };
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
