// What can be replayed: a sequence of events with positions, so that a stopped replay goes on where it was.
import { type ColumnMap, type Row, type Unit, unitOf } from "../../shared/events/columns.ts";

export interface Chunk {
  readonly rows: readonly Row[];
  /** Where the next chunk starts: saved once this one is acknowledged. */
  readonly next: number;
  /** Whether the rate holds for it; history is sent as fast as it goes. */
  readonly paced: boolean;
}

export interface Source {
  /** For people. */
  readonly name: string;
  /** Names the stream for the saved position: the same stream, the same text. */
  readonly identity: string;
  /** Events in all, where known. */
  readonly total: number | null;
  /** From a position on, in chunks of at most `size`. */
  chunks(from: number, size: number): AsyncIterable<Chunk>;
  /** How much is done, 0..1, where it can be told. */
  fraction(position: number): number | null;
  /** Rows passed over because they are no events. */
  readonly skipped: number;
  /** What the rest of the stream needs to know after a restart, saved with the position. */
  readonly memory: Readonly<Record<string, number>>;
}

/** What the user says of a file, and where it is told what was guessed. */
export interface FileOptions {
  readonly map: ColumnMap;
  readonly unit: Unit | null;
  /** Told what was guessed, and of the first bad rows. */
  say(text: string): void;
}

/** The unit of the times by the size of one of them; null where the file has none. */
export function guessUnit(time: number | null, say: FileOptions["say"]): Unit {
  if (time === null) {
    say("the file has no time: events get the time at which they are sent");
    return "ms";
  }
  const unit = unitOf(time);
  say(`times are taken as ${unit === "s" ? "seconds" : "milliseconds"}, by their size (--timestamp-unit says otherwise)`);
  return unit;
}
