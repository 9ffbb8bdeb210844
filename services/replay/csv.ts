// A CSV file as a source, gzip or not, read as a stream: rows that are no events are counted, told with their line, and passed over.
import { resolve } from "node:path";
import { chooseColumns, readRow, type Row } from "../../shared/events/columns.ts";
import { openCsv } from "../../shared/csv/file.ts";
import { skippedRows } from "../../shared/events/skipped.ts";
import { type Chunk, type FileOptions, guessUnit, type Source } from "./source.ts";

/** Throws FILE_MISSING; FILE_UNREADABLE; CSV_MALFORMED when a column is missing. */
export async function csvSource(path: string, options: FileOptions): Promise<Source> {
  const file = await openCsv(path);
  const columns = chooseColumns(file.header, options.map, options.unit);
  const skipped = skippedRows(options.say, "line");

  async function* chunks(from: number, chunkSize: number): AsyncIterable<Chunk> {
    let unit = columns.unit;
    let position = 0;
    let rows: Row[] = [];
    for await (const { record, info } of file.records(skipped.skip)) {
      position++;
      unit ??= guessUnit(columns.timestamp === null ? null : Number(record[columns.timestamp]), options.say);
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
