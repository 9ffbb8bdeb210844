// A Parquet file of any writer, or of our own table, as events.
import type { RecordBatch } from "apache-arrow";
import { AppError } from "../errors/errors.ts";
import { type Columns, chooseColumns, type Problem, type Row } from "../events/columns.ts";
import type { Skip } from "../events/skipped.ts";
import { inMs, instantOf, noTime, type TimeUnit, timeVotes } from "../events/times.ts";
import { openParquet } from "../storage/parquet-file.ts";
import { checkTypes, isClock, nameCells, numberCells, timeCells } from "./arrow-cells.ts";
import { numberOf, weightOf } from "./cells.ts";
import { type EventBatch, type EventFile, type EventFormat, everything, narrowed, type Survey } from "./event-file.ts";
import { fingerprint, type Print } from "./fingerprint.ts";
import { rowOf, timeOf } from "./rows.ts";

/**
 * Throws FILE_MISSING; FILE_UNREADABLE; PARQUET_MALFORMED when a column is missing or of a type that cannot be read.
 */
export async function parquetEvents(path: string, format: EventFormat): Promise<EventFile> {
  const file = await openParquet(path);
  const header = file.fields.map(({ name }) => name);
  const columns = chooseColumns(header, format.map, "PARQUET_MALFORMED");
  checkTypes(file.fields, columns);
  const { timestamp } = columns;
  const namesOf = ({ user, item, timestamp, value }: Columns) =>
    [user, item, timestamp, value].flatMap((at) => (at === null ? [] : [header[at]!]));
  const time = timestamp === null ? undefined : file.fields[timestamp]!;
  const isPlain = time !== undefined && !isClock(time.type);
  let position = 0;

  /** What is null is empty where it must not be, and left out where it may. */
  function readerOf(batch: RecordBatch, unit: TimeUnit, { user, item, timestamp, value }: Columns) {
    const column = (at: number) => batch.getChild(header[at]!)!;
    const users = nameCells(column(user));
    const items = nameCells(column(item));
    const times = timestamp === null ? () => null : timeCells(column(timestamp));
    const values = value === null ? () => null : numberCells(column(value));
    const row = (k: number): Row | Problem => {
      const names = [users(k), items(k)] as const;
      const odd = names.indexOf(undefined);
      if (odd >= 0)
        return {
          kind: odd === 0 ? "user" : "item",
          problem: `the ${odd === 0 ? "user" : "item"} is neither text nor a whole number`,
        };
      const own = times(k);
      const at = typeof own === "string" ? timeOf(own, unit) : own === null || !isPlain ? own : inMs(own, unit);
      if (Number.isNaN(at)) return { kind: "time", problem: noTime(shown(own)) };
      const value = values(k);
      const weight = typeof value === "string" ? weightOf(value, format.decimal ?? null) : value;
      if (typeof value === "string" && Number.isNaN(weight))
        return { kind: "value", problem: `the value ${shown(value)} is no number` };
      return rowOf(names[0] ?? "", names[1] ?? "", at, Number.isNaN(weight) ? null : weight);
    };
    const mark = (k: number, print: Print) => {
      for (const cell of [users(k), items(k), times(k), values(k)]) print.add(String(cell));
    };
    return { row, mark };
  }

  async function* batches(unit: TimeUnit, from: number, _: Skip, wanted = everything): AsyncIterable<EventBatch> {
    const chosen = narrowed(columns, wanted);
    position = from;
    for await (const batch of file.batches(namesOf(chosen), from)) {
      const start = position;
      position += batch.numRows;
      yield {
        length: batch.numRows,
        place: (k) => start + k + 1,
        ...readerOf(batch, unit, chosen),
        scan: () => false,
        units: none,
      };
    }
  }

  async function survey(until: number): Promise<Survey> {
    if (file.rows === 0) throw new AppError("NO_EVENTS", { what: "the file holds no row", path });
    const print = until <= file.rows ? await printOf(until) : null;
    if (timestamp === null)
      return { unit: "ms", remarks: ["the file has no time: events get the time at which they are sent"], print };
    if (!isPlain) return { unit: "ms", remarks: [], print };
    if (format.unit !== null) return { unit: format.unit, remarks: [], print };
    const verdict = await vote();
    if ("problem" in verdict)
      throw new AppError("PARQUET_MALFORMED", {
        what: `${verdict.problem} (--timestamp-unit takes them all as one)`,
        path,
      });
    return { ...verdict, print };
  }

  async function vote() {
    const votes = timeVotes();
    let row = 0;
    for await (const batch of file.batches([time!.name], 0)) {
      const times = timeCells(batch.getChild(time!.name)!);
      for (let k = 0; k < batch.numRows; k++) {
        row++;
        const own = times(k);
        const number = typeof own === "string" ? numberOf(own, null) : (own ?? Number.NaN);
        if (!Number.isNaN(number)) votes.number(number, row);
        else if (typeof own === "string") {
          const instant = instantOf(own);
          if (instant) votes.instant(instant);
        }
      }
    }
    return votes.decide(columns.unit);
  }

  async function printOf(until: number) {
    const print = fingerprint();
    let left = until;
    if (left === 0) return print.state();
    for await (const batch of file.batches(namesOf(columns), 0)) {
      const { mark } = readerOf(batch, "ms", columns);
      for (let k = 0; k < batch.numRows && left > 0; k++, left--) mark(k, print);
      if (left === 0) break;
    }
    return print.state();
  }

  return {
    path,
    isPipe: false,
    columns,
    header,
    place: "row",
    rows: file.rows,
    remarks: [],
    repeatedHeaders: 0,
    survey,
    batches,
    fraction: () => position / Math.max(1, file.rows),
    close: () => undefined,
  };
}

const none = new Uint8Array(0);
const shown = (cell: unknown) => JSON.stringify(String(cell).slice(0, 60));
