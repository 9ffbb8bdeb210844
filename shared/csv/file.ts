// A file of columns, gzip or not, read as a stream of records: what replay and split have in common. events/columns.ts says what a record means.
import { createReadStream } from "node:fs";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { type CsvError, parse } from "csv-parse";
import type { Skip } from "../events/skipped.ts";
import { AppError } from "../runtime/errors.ts";
import { factsOf, openError } from "../runtime/opening.ts";

interface CsvFormat {
  /** Otherwise comma, semicolon or tab, whichever the first line holds most of. */
  readonly delimiter?: string | undefined;
  /** Names of the columns of a file without a header line. */
  readonly header?: readonly string[] | undefined;
}

interface CsvRecord {
  readonly record: string[];
  /** `lines`: where it stands in the file, from 1. */
  readonly info: { readonly lines: number };
}

export interface CsvFile {
  readonly header: readonly string[];
  /** Bytes in the file, and when it was changed. */
  readonly size: number;
  readonly mtimeMs: number;
  /** Share of the file that was read, 0..1. */
  fraction(): number;
  /** Records after the header, from the first. What cannot be parsed is told to `skip`. Throws FILE_UNREADABLE, CSV_MALFORMED. */
  records(skip: Skip): AsyncIterable<CsvRecord>;
}

/** Throws FILE_MISSING; FILE_UNREADABLE; CSV_MALFORMED when the file is empty. */
export async function openCsv(path: string, format: CsvFormat = {}): Promise<CsvFile> {
  const { size, mtimeMs, beginning } = await factsOf(path);
  const gzip = beginning[0] === 0x1f && beginning[1] === 0x8b;
  const line = await firstLine(path, gzip);
  const delimiter = format.delimiter ?? delimiterOf(line);
  const header = format.header ?? (await headerOf(line, delimiter, path));
  let bytes = 0;

  async function* records(skip: Skip): AsyncIterable<CsvRecord> {
    const file = createReadStream(path, { highWaterMark: 1 << 20 });
    file.on("data", (piece) => {
      bytes += piece.length;
    });
    const parser = parse({
      delimiter,
      info: true,
      bom: true,
      from_line: format.header ? 1 : 2,
      relax_column_count: true,
      skip_empty_lines: true,
      skip_records_with_error: true,
    });
    parser.on("skip", (error: CsvError) => skip(Number(error.lines), error.message));
    pipeline(gzip ? [file, createGunzip(), parser] : [file, parser], () => undefined); // an error comes out of the loop below
    try {
      yield* parser as AsyncIterable<CsvRecord>;
    } catch (error) {
      throw readError(error, path);
    }
  }

  return { header, size, mtimeMs, fraction: () => Math.min(1, bytes / Math.max(1, size)), records };
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
  if (code?.startsWith("Z_")) return new AppError("FILE_UNREADABLE", { what: `gzip: ${message}`, path }, { cause: error });
  if (code?.startsWith("CSV_")) return new AppError("CSV_MALFORMED", { what: message, path }, { cause: error });
  return openError(error, path);
}
