// A file of events as the events of its rows, in their order: what text and Parquet have in common, and what is said of
// rows that are none.
import { AppError } from "../errors/errors.ts";
import type { ColumnMap, Columns, Problem, Row } from "../events/columns.ts";
import { chooseColumns } from "../events/columns.ts";
import { isTimestamp } from "../events/event.ts";
import { newScanned, type Scanned } from "../events/scan.ts";
import type { Skip, Skipped } from "../events/skipped.ts";
import { skippedRows } from "../events/skipped.ts";
import { inMs, instantOf, noTime, type TimeUnit, timeVotes, unitBySize } from "../events/times.ts";
import type { ByteFile } from "./bytes.ts";
import { type Decimal, decimalOf, isNothing, numberOf } from "./cells.ts";
import type { Print } from "./fingerprint.ts";
import { fingerprint } from "./fingerprint.ts";
import { type PlainRows, plainRows } from "./plain-rows.ts";
import { holdsWhole, type Reading, readRow } from "./rows.ts";
import { type TextBatch, type TextFormat, textOf } from "./text-file.ts";

/** What the user says of a file of events. */
export interface EventFormat extends TextFormat {
  readonly map: ColumnMap;
  readonly unit: TimeUnit | null;
  readonly decimal?: Decimal | undefined;
}

export interface EventBatch {
  readonly length: number;
  /** Of row `k`: its line, or its number. */
  place(k: number): number;
  row(k: number): Row | Problem;
  /** Adds what row `k` is made of. */
  mark(k: number, print: Print): void;
  /**
   * The quick way to row `k` where it is written as most are: its names as places in `units`, NaN for a time or a value
   * that it has not, and `print` knows it. False: row and mark have the word.
   */
  scan(k: number, into: Scanned, print: Print): boolean;
  readonly units: Units;
}

/** Characters, which may be bytes. */
export type Units = Uint8Array | Uint16Array;

export interface Survey {
  readonly unit: TimeUnit;
  /** What should be known of the times. */
  readonly remarks: readonly string[];
  /** Of the first `until` rows; null where there are fewer. */
  readonly print: readonly [number, number] | null;
}

export interface Wanted {
  readonly time: boolean;
  readonly value: boolean;
}

export const everything: Wanted = { time: true, value: true };

/** The columns that are to be read. */
export const narrowed = (columns: Columns, { time, value }: Wanted): Columns => ({
  ...columns,
  timestamp: time ? columns.timestamp : null,
  value: value ? columns.value : null,
});

export interface EventFile {
  readonly path: string;
  readonly isPipe: boolean;
  readonly columns: Columns;
  readonly header: readonly string[];
  readonly place: "line" | "row";
  /** Where known before all is read. */
  readonly rows: number | null;
  readonly remarks: readonly string[];
  /** Lines of the last reading that repeat the header, as where files were put one behind the other. */
  readonly repeatedHeaders: number;
  /**
   * Looks at all rows before one is used: in what unit times are, and whether anything is an event. Of a pipe only at
   * its beginning. Throws CSV_MALFORMED, PARQUET_MALFORMED, NO_EVENTS.
   */
  survey(until: number, isStrict: boolean): Promise<Survey>;
  /**
   * From row `from` on. What is no row is told to `skip`. Without a wanted column, what stands there costs no event.
   * Throws FILE_UNREADABLE.
   */
  batches(unit: TimeUnit, from: number, skip: Skip, wanted?: Wanted): AsyncIterable<EventBatch>;
  fraction(): number | null;
  close(): void;
}

/** Throws CSV_MALFORMED, USAGE. */
export function textEvents(bytes: ByteFile, format: EventFormat): EventFile {
  const file = textOf(bytes, { ...format, wanted: Object.values(format.map) });
  const columns = chooseColumns(file.header, format.map, "CSV_MALFORMED", file.doubt);
  const { user, item, timestamp, value } = columns;
  const places = [user, item, timestamp, value].filter((at) => at !== null);
  const column = (at: number | null) => (at === null ? [] : file.sample.map((row) => row[at] ?? ""));
  const reading = {
    decimal: format.decimal ?? decimalOf(column(value)),
    integers: { user: holdsWhole(column(user)), item: holdsWhole(column(item)) },
  };

  /** Made when it is asked for: who asks for rows pays for no other way to them. */
  function scannerOf({ plain }: TextBatch, chosen: Columns): () => PlainRows | null {
    let made: PlainRows | null | undefined;
    return () => {
      made ??= plain && plainRows(plain, chosen, reading);
      return made;
    };
  }

  async function* batches(unit: TimeUnit, from: number, skip: Skip, wanted = everything): AsyncIterable<EventBatch> {
    const settled: Reading = { ...reading, unit };
    const chosen = narrowed(columns, wanted);
    const isGuessed = format.unit === null && chosen.timestamp !== null;
    let passed = 0;
    const ifAhead: Skip = (...what) => passed >= from && skip(...what);
    for await (const batch of file.batches(places, ifAhead)) {
      const { length, lines, isSuspect } = batch;
      const start = Math.min(length, Math.max(0, from - passed));
      passed += length;
      const scanned = scannerOf(batch, chosen);
      yield {
        length: length - start,
        place: (k) => lines[start + k]!,
        row: (k) => {
          const cells = batch.cells(start + k);
          const row = readRow(cells, chosen, settled, isSuspect);
          return isGuessed && "user" in row && row.timestamp !== null
            ? doubted(row, cells[chosen.timestamp!]!, unit)
            : row;
        },
        mark: (k, print) => {
          const cells = batch.cells(start + k);
          for (const at of places) print.add(cells[at] ?? "");
        },
        scan: (k, into, print) => {
          const plain = scanned();
          if (!plain?.read(start + k, into)) return false;
          if (chosen.timestamp !== null && !settle(into, unit, isGuessed)) return false;
          plain.mark(places, print);
          return true;
        },
        get units() {
          return scanned()?.units ?? none;
        },
      };
    }
  }

  async function survey(until: number, isStrict: boolean): Promise<Survey> {
    const votes = timeVotes();
    const skipped = skippedRows(() => undefined, "line");
    const print = fingerprint();
    let proof: Survey["print"] = until === 0 ? print.state() : null;
    let rows = 0;
    let events = 0;
    const timeless = narrowed(columns, { time: false, value: true });
    const settled: Reading = { ...reading, unit: "ms" };
    const hear = (cells: readonly string[], line: number, isSuspect: boolean) => {
      const row = readRow(cells, timeless, settled, isSuspect);
      const time = timestamp === null || "problem" in row ? "" : cells[timestamp]!;
      const number = time === "" ? Number.NaN : numberOf(time, null);
      const instant = time === "" || !Number.isNaN(number) ? undefined : instantOf(time);
      if (!Number.isNaN(number)) votes.number(number, line);
      if (instant) votes.instant(instant);
      if ("problem" in row) skipped.skip(line, row.problem, row.kind);
      else if (Number.isNaN(number) && !instant && !isNothing(time))
        skipped.skip(line, noTime(`"${time.slice(0, 60)}"`), "time");
      else events++;
    };
    if (file.isPipe) for (const [k, cells] of file.sample.entries()) hear(cells, k + 2, false);
    else {
      const row = newScanned();
      for await (const batch of file.batches(places, skipped.skip)) {
        const { length, lines, isSuspect } = batch;
        const plain = scannerOf(batch, columns)();
        for (let k = 0; k < length; k++) {
          const isMarked = rows++ < until;
          if (plain?.read(k, row)) {
            if (timestamp !== null) votes.number(row.timestamp, lines[k]!);
            events++;
            if (isMarked) plain.mark(places, print);
          } else {
            const cells = batch.cells(k);
            hear(cells, lines[k]!, isSuspect);
            if (isMarked) for (const at of places) print.add(cells[at] ?? "");
          }
          if (rows === until) proof = print.state();
        }
      }
      if (isStrict) mustBeMendable(file.path, skipped);
      mustHoldEvents(file.path, events, skipped, "line");
    }
    const verdict = format.unit !== null ? { unit: format.unit, remarks: [] } : votes.decide(columns.unit);
    if ("problem" in verdict)
      throw new AppError("CSV_MALFORMED", {
        what: `${verdict.problem} (--timestamp-unit takes them all as one)`,
        path: file.path,
      });
    const remarks =
      timestamp === null ? ["the file has no time: events get the time at which they are sent"] : verdict.remarks;
    return { unit: verdict.unit, remarks, print: proof };
  }

  return {
    ...file,
    columns,
    place: "line",
    rows: null,
    survey,
    batches,
    get repeatedHeaders() {
      return file.repeatedHeaders;
    },
  };
}

/** Makes a time of the number that stands there. False where it is doubtful or none. */
function settle(row: Scanned, unit: TimeUnit, isGuessed: boolean): boolean {
  if (unit === "iso") return false;
  const own = isGuessed ? unitBySize(row.timestamp) : undefined;
  if (own !== undefined && own !== unit) return false;
  row.timestamp = inMs(row.timestamp, unit);
  return isTimestamp(row.timestamp);
}

const none = new Uint8Array(0);

/** One row alone cannot tell its unit, but it can disagree with the others. */
function doubted(row: Row, cell: string, unit: TimeUnit): Row | Problem {
  const number = unit === "iso" ? Number.NaN : numberOf(cell, null);
  const own = Number.isNaN(number) ? undefined : unitBySize(number);
  return own === undefined || own === unit
    ? row
    : { kind: "time", problem: `the time ${cell} looks like another unit than the others' (${unit})` };
}

/** Throws NO_EVENTS. */
export function mustHoldEvents(path: string, events: number, skipped: Skipped, place: "line" | "row"): void {
  if (events > 0) return;
  const what =
    skipped.count === 0
      ? "the file holds no row"
      : `none of ${plural(skipped.count)} is an event: ${reasonsOf(skipped, place)}`;
  throw new AppError("NO_EVENTS", { what, path });
}

/** What flags mend is mended before anything is used, not row by row. Throws CSV_MALFORMED. */
export function mustBeMendable(path: string, { kinds }: Skipped): void {
  for (const kind of ["encoding", "quotes"] as const) {
    const found = kinds.get(kind);
    if (!found) continue;
    const more = found.count > 1 ? `, and ${(found.count - 1).toLocaleString("en-US")} more such lines` : "";
    throw new AppError("CSV_MALFORMED", {
      what: `${found.problem}${more}; --on-bad-row skip passes over them`,
      line: found.place,
      path,
    });
  }
}

/** By kind: how many, and the first. */
export const reasonsOf = ({ kinds }: Skipped, place: "line" | "row"): string =>
  [...kinds.values()]
    .map(
      ({ count, place: at, problem }) =>
        `${problem} (${place} ${at}${count > 1 ? ` and ${(count - 1).toLocaleString("en-US")} more such` : ""})`,
    )
    .join("; ");

const plural = (rows: number) => `${rows.toLocaleString("en-US")} row${rows === 1 ? "" : "s"}`;
