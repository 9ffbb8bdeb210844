// A file of events as a source. What was sent from it is remembered by a fingerprint of those rows, not by the file's
// time: one that was touched is the same, one that grew is gone on with, another is sent from its beginning.
import { resolve } from "node:path";
import { AppError } from "../../shared/errors/errors.ts";
import { newScanned } from "../../shared/events/scan.ts";
import { type Skipped, skippedRows } from "../../shared/events/skipped.ts";
import {
  type EventFile,
  type EventFormat,
  mustHoldEvents,
  reasonsOf,
  type Survey,
} from "../../shared/files/event-file.ts";
import { fingerprint } from "../../shared/files/fingerprint.ts";
import { openEventFile } from "../../shared/files/open-events.ts";
import { type Chunk, type Memory, MOST_BYTES, type Source } from "./source.ts";
import { eventWriter } from "./writing.ts";

export interface FileOptions {
  /** A row that is no event makes the replay fail in the end. */
  readonly isStrict?: boolean;
  /** Told what was guessed, and of the first bad rows. */
  say(text: string): void;
}

export interface FileSource extends Source {
  /**
   * How many rows of what was sent before it still begins with: from there it goes on. Throws as EventFile's survey
   * does.
   */
  goesOnFrom(found: { readonly position: number; readonly memory: Memory } | null): Promise<number>;
  /** Itself, to be sent from its beginning. */
  anew(): Source;
  /** After all was sent. Throws NO_EVENTS where nothing was, ROWS_REFUSED where a row was not and it is strict. */
  conclude(from: number, sent: number): void;
  close(): void;
}

/** Throws FILE_MISSING; FILE_UNREADABLE; CSV_MALFORMED or PARQUET_MALFORMED when a column is missing. */
export async function fileSource(path: string, format: EventFormat, options: FileOptions): Promise<FileSource> {
  const file = await openEventFile(path, format);
  const { isStrict = false, say } = options;
  const skipped = skippedRows(say, file.place);
  let print = fingerprint();
  let surveyed: Promise<Survey> | undefined;
  let settings = 0;
  let refusedBefore = 0;
  for (const remark of file.remarks) say(remark);
  if (file.isPipe) say("a pipe is read once: where this replay stops, no other goes on");

  async function survey(until: number): Promise<Survey> {
    const found = await file.survey(until, isStrict);
    settings = settingsOf(file, format, found);
    for (const remark of found.remarks) say(remark);
    return found;
  }

  async function goesOnFrom(found: { readonly position: number; readonly memory: Memory } | null): Promise<number> {
    surveyed = survey(found?.position ?? 0);
    const { print: proof } = await surveyed;
    print = fingerprint();
    if (found === null || found.position === 0) return 0;
    const { a, b, settings: before } = found.memory;
    if (proof !== null && proof[0] === a && proof[1] === b && settings === before) {
      print = fingerprint(proof);
      refusedBefore = found.memory.refused ?? 0;
      return found.position;
    }
    say(
      `the file no longer begins with the ${found.position} rows that were sent from it, or is read in another ` +
        "way: all of it is sent",
    );
    return 0;
  }

  async function* chunks(from: number, chunkSize: number): AsyncIterable<Chunk> {
    surveyed ??= survey(0);
    const { unit } = await surveyed;
    let position = from;
    const writer = eventWriter();
    const scanned = newScanned();
    for await (const batch of file.batches(unit, from, skipped.skip)) {
      const { units } = batch;
      for (let k = 0; k < batch.length; k++) {
        position++;
        if (batch.scan(k, scanned, print)) writer.addScanned(units, scanned);
        else {
          const row = batch.row(k);
          batch.mark(k, print);
          if ("problem" in row) skipped.skip(batch.place(k), row.problem, row.kind);
          else writer.add(row);
        }
        if (writer.count < chunkSize && writer.size < MOST_BYTES) continue;
        yield { messages: writer.take(), next: position, paced: true };
      }
    }
    if (position > from) yield { messages: writer.take(), next: position, paced: true };
  }

  const source: FileSource = {
    name: path,
    anew: () => {
      print = fingerprint();
      refusedBefore = 0;
      return source;
    },
    identity: file.isPipe ? null : resolve(path),
    total: file.rows,
    goesOnFrom,
    chunks,
    fraction: () => file.fraction(),
    get skipped() {
      return skipped.count;
    },
    get memory() {
      const [a, b] = print.state();
      return { a, b, settings, refused: refusedBefore + skipped.count };
    },
    conclude: (from, sent) => {
      if (file.repeatedHeaders > 0) say(`lines that repeat the header: ${file.repeatedHeaders}`);
      if (from === 0) mustHoldEvents(path, sent, skipped, file.place);
      if (isStrict && skipped.count > 0) throw refused(path, sent, skipped, file.place);
      if (isStrict && refusedBefore > 0)
        throw new AppError("ROWS_REFUSED", {
          what: `${refusedBefore} rows were refused by a replay before this one, which sent ${sent} more`,
          path,
        });
    },
    close: file.close,
  };
  return source;
}

/** Other columns, another unit: the same rows are other events. */
function settingsOf({ columns, header }: EventFile, format: EventFormat, { unit }: Survey): number {
  const { user, item, timestamp, value } = columns;
  const names = [user, item, timestamp, value].map((at) => (at === null ? "" : header[at]!));
  const print = fingerprint();
  for (const each of [...names, unit, format.decimal ?? "", format.encoding ?? "", format.quote ?? ""]) print.add(each);
  return print.state()[0];
}

function refused(path: string, sent: number, skipped: Skipped, place: EventFile["place"]): AppError {
  const n = (count: number) => count.toLocaleString("en-US");
  const what =
    `of ${n(sent + skipped.count)} rows ${n(sent)} were sent and ${n(skipped.count)} refused: ` +
    `${reasonsOf(skipped, place)}`;
  return new AppError("ROWS_REFUSED", { what, path });
}
