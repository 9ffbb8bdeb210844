// A CSV file as a source, gzip or not, read as a stream: rows that are no events are counted, told with their line, and passed over.
import { resolve } from "node:path";
import { type Columns, chooseColumns, type parseMap, readRow, type Row, type Unit, unitOf } from "../../shared/csv/columns.ts";
import { openCsv, skippedRows } from "../../shared/csv/file.ts";
import type { Chunk, Source } from "./source.ts";

export interface CsvOptions {
  readonly map: ReturnType<typeof parseMap>;
  readonly unit: Unit | null;
  /** Told what was guessed, and of the first bad rows. */
  say(text: string): void;
}

/** Throws FILE_MISSING; FILE_UNREADABLE; CSV_MALFORMED when a column is missing. */
export async function csvSource(path: string, options: CsvOptions): Promise<Source> {
  const file = await openCsv(path);
  const columns = chooseColumns(file.header, options.map, options.unit);
  const skipped = skippedRows(options.say);

  async function* chunks(from: number, chunkSize: number): AsyncIterable<Chunk> {
    let unit = columns.unit;
    let position = 0;
    let rows: Row[] = [];
    for await (const { record, info } of file.records(skipped.skip)) {
      position++;
      unit ??= guessUnit(record, columns, options);
      if (position > from) {
        const row = readRow(record, columns, unit);
        if ("problem" in row) skipped.skip(info.lines, row.problem);
        else rows.push(row);
      }
      if (rows.length >= chunkSize) {
        yield { rows, next: position, paced: true };
        rows = [];
      }
    }
    if (position > from) yield { rows, next: position, paced: true };
  }

  return {
    name: path,
    identity: `${resolve(path)} ${file.size} ${Math.round(file.mtimeMs)}`,
    total: null,
    chunks,
    fraction: () => file.fraction(),
    get skipped() {
      return skipped.count;
    },
    memory: {},
  };
}

function guessUnit(record: readonly string[], columns: Columns, { say }: CsvOptions): Unit {
  if (columns.timestamp === null) {
    say("the file has no time: events get the time at which they are sent");
    return "ms";
  }
  const unit = unitOf(Number(record[columns.timestamp]));
  say(`times are taken as ${unit === "s" ? "seconds" : "milliseconds"}, by their size (--timestamp-unit says otherwise)`);
  return unit;
}
