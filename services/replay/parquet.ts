// A Parquet file as a source, of any writer or of our own table: rows that are no events are counted, told with their number, and passed over.
import { resolve } from "node:path";
import type { RecordBatch } from "apache-arrow";
import { type Columns, chooseColumns, type Problem, type Row, rowOf, type Unit } from "../../shared/events/columns.ts";
import { skippedRows } from "../../shared/events/skipped.ts";
import { openParquet, type ParquetRows } from "../../shared/table/parquet-file.ts";
import { checkTypes, isClock, nameCells, numberCells, timeCells } from "./cells.ts";
import { type Chunk, type FileOptions, guessUnit, type Source } from "./source.ts";

/** Throws FILE_MISSING; FILE_UNREADABLE; PARQUET_MALFORMED when a column is missing or of a type that cannot be read. */
export async function parquetSource(path: string, options: FileOptions): Promise<Source> {
  const file = await openParquet(path);
  const names = file.fields.map(({ name }) => name);
  const columns = chooseColumns(names, options.map, options.unit, "PARQUET_MALFORMED");
  checkTypes(file.fields, columns);
  const wanted = [columns.user, columns.item, columns.timestamp, columns.value].flatMap((at) => (at === null ? [] : [names[at]!]));
  const skipped = skippedRows(options.say, "row");

  async function* chunks(from: number, chunkSize: number): AsyncIterable<Chunk> {
    const unit = await unitIn(file, columns, options.say);
    let position = from;
    let rows: Row[] = [];
    for await (const batch of file.batches(wanted, from)) {
      const read = rowsOf(batch, names, columns, unit);
      for (let k = 0; k < batch.numRows; k++) {
        position++;
        const row = read(k);
        if ("problem" in row) skipped.skip(position, row.problem);
        else rows.push(row);
        if (rows.length < chunkSize) continue;
        yield { rows, next: position, paced: true };
        rows = [];
      }
    }
    if (position > from) yield { rows, next: position, paced: true };
  }

  return {
    name: path,
    identity: `${resolve(path)} ${file.size} ${Math.round(file.mtimeMs)}`,
    total: file.rows,
    chunks,
    fraction: (position) => position / Math.max(1, file.rows),
    get skipped() {
      return skipped.count;
    },
    memory: {},
  };
}

/** By the first time in the file, wherever the replay goes on. */
async function unitIn(file: ParquetRows, { timestamp, unit }: Columns, say: FileOptions["say"]): Promise<Unit> {
  if (timestamp === null) return guessUnit(null, say);
  const { name, type } = file.fields[timestamp]!;
  if (isClock(type)) return "ms";
  if (unit !== null) return unit;
  for await (const batch of file.batches([name], 0)) {
    const time = timeCells(batch.getChild(name)!);
    for (let k = 0; k < batch.numRows; k++) {
      const first = time(k);
      if (first !== null) return guessUnit(first, say);
    }
  }
  return guessUnit(null, say);
}

/** What is null is empty where it must not be, and left out where it may. */
function rowsOf(batch: RecordBatch, names: readonly string[], columns: Columns, unit: Unit): (k: number) => Row | Problem {
  const column = (at: number) => batch.getChild(names[at]!)!;
  const user = nameCells(column(columns.user));
  const item = nameCells(column(columns.item));
  const time = columns.timestamp === null ? () => null : timeCells(column(columns.timestamp));
  const value = columns.value === null ? () => null : numberCells(column(columns.value));
  return (k) => rowOf(user(k) ?? "", item(k) ?? "", time(k), value(k), unit);
}
