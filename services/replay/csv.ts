// A CSV file as a source, gzip or not, read as a stream: rows that are no events are counted, told with their line, and passed over.
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { type CsvError, parse } from "csv-parse";
import { AppError } from "../../shared/runtime/errors.ts";
import { type Columns, chooseColumns, type parseMap, readRow, type Row, type Unit, unitOf } from "./columns.ts";
import type { Chunk, Source } from "./source.ts";

export interface CsvOptions {
  readonly map: ReturnType<typeof parseMap>;
  readonly unit: Unit | null;
  /** Told what was guessed, and of the first bad rows. */
  say(text: string): void;
}

/** Bad rows that are told one by one. */
const TOLD = 5;

interface Parsed {
  readonly record: string[];
  readonly info: { readonly lines: number };
}

/** Throws FILE_MISSING; FILE_UNREADABLE; CSV_MALFORMED when a column is missing. */
export async function csvSource(path: string, options: CsvOptions): Promise<Source> {
  const { size, mtimeMs } = await statOf(path);
  const gzip = await isGzip(path);
  const line = await firstLine(path, gzip);
  const delimiter = delimiterOf(line);
  const columns = chooseColumns(await headerOf(line, delimiter, path), options.map, options.unit);
  let skipped = 0;
  let bytes = 0;

  const skip = (line: number, problem: string) => {
    skipped++;
    if (skipped <= TOLD) options.say(`line ${line} skipped: ${problem}`);
    if (skipped === TOLD) options.say("further bad lines are only counted");
  };

  async function* chunks(from: number, chunkSize: number): AsyncIterable<Chunk> {
    const file = createReadStream(path, { highWaterMark: 1 << 20 });
    file.on("data", (piece) => {
      bytes += piece.length;
    });
    const parser = parse({
      delimiter,
      info: true,
      bom: true,
      from_line: 2,
      relax_column_count: true,
      skip_empty_lines: true,
      skip_records_with_error: true,
    });
    parser.on("skip", (error: CsvError) => skip(Number(error.lines), error.message));
    pipeline(gzip ? [file, createGunzip(), parser] : [file, parser], () => undefined); // an error comes out of the loop below
    let unit = columns.unit;
    let position = 0;
    let rows: Row[] = [];
    try {
      for await (const { record, info } of parser as AsyncIterable<Parsed>) {
        position++;
        unit ??= guessUnit(record, columns, options);
        if (position > from) {
          const row = readRow(record, columns, unit);
          if ("problem" in row) skip(info.lines, row.problem);
          else rows.push(row);
        }
        if (rows.length >= chunkSize) {
          yield { rows, next: position, paced: true };
          rows = [];
        }
      }
    } catch (error) {
      throw readError(error, path);
    }
    if (position > from) yield { rows, next: position, paced: true };
  }

  return {
    name: path,
    identity: `${resolve(path)} ${size} ${Math.round(mtimeMs)}`,
    total: null,
    chunks,
    fraction: () => Math.min(1, bytes / Math.max(1, size)),
    get skipped() {
      return skipped;
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

async function statOf(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    throw readError(error, path);
  }
}

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}

/** The first line of the file, as text. */
async function firstLine(path: string, gzip: boolean): Promise<string> {
  const file = createReadStream(path);
  let text = "";
  try {
    for await (const piece of gzip ? pipeline(file, createGunzip(), () => undefined) : file) {
      text += (piece as Buffer).toString("utf8");
      if (text.includes("\n")) break;
    }
  } catch (error) {
    throw readError(error, path);
  } finally {
    file.destroy();
  }
  return text.split("\n", 1)[0]!.trim();
}

/** Comma, semicolon or tab: whichever the first line holds most of. */
function delimiterOf(line: string): string {
  return [",", ";", "\t"].reduce((best, each) => (line.split(each).length > line.split(best).length ? each : best));
}

async function headerOf(line: string, delimiter: string, path: string): Promise<string[]> {
  for await (const record of Readable.from([line]).pipe(parse({ delimiter, bom: true }))) return record as string[];
  throw new AppError("CSV_MALFORMED", { what: "the file is empty", path });
}

function readError(error: unknown, path: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return new AppError("FILE_MISSING", { path }, { cause: error });
  if (code === "EISDIR") return new AppError("FILE_UNREADABLE", { what: "this is a folder", path }, { cause: error });
  if (code?.startsWith("Z_")) return new AppError("FILE_UNREADABLE", { what: `gzip: ${message}`, path }, { cause: error });
  if (code?.startsWith("CSV_")) return new AppError("CSV_MALFORMED", { what: message, path }, { cause: error });
  return error;
}
