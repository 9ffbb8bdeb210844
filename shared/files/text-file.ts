// A file of text, or a pipe, as rows of cells: what replay, split and --titles have in common. Bytes, encoding, dialect
// and records are decided elsewhere; here they meet.
import { AppError } from "../errors/errors.ts";
import { isMissing } from "../events/columns.ts";
import type { Skip } from "../events/skipped.ts";
import { type ByteFile, openBytes } from "./bytes.ts";
import { dialectOf, type Format, looksLikeValues } from "./dialect.ts";
import { decoderOf, encodingNamed, encodingOf } from "./encoding.ts";
import type { Bytes } from "./kinds.ts";
import { fieldsOf, layoutOf, objectReader } from "./objects.ts";
import { recordReader } from "./records.ts";
import { type Batch, type Plain, type Records, recordsIn, rowsOf } from "./row-batch.ts";

export interface TextFormat extends Format {
  readonly encoding?: string | undefined;
  /** Of a zip archive that holds several files. */
  readonly member?: string | undefined;
}

export interface TextBatch extends Batch {
  /** Bytes of it were no text, or zeros: its names are to be looked at. */
  readonly isSuspect: boolean;
}

export interface TextFile {
  readonly path: string;
  readonly isPipe: boolean;
  readonly header: readonly string[];
  /** Rows from the beginning, as the header has them. */
  readonly sample: Records;
  /** What should be known of how it is read. */
  readonly remarks: readonly string[];
  /** What else may be wrong where a column is missing. */
  readonly doubt: string;
  /** Lines of the last reading that repeat the header, as where files were put one behind the other. */
  readonly repeatedHeaders: number;
  /**
   * The rows, of which `wanted` columns will be looked at. What is no row is told to `skip`. A pipe's once. Throws
   * FILE_UNREADABLE, CSV_MALFORMED.
   */
  batches(wanted: readonly number[], skip: Skip): AsyncIterable<TextBatch>;
  fraction(): number | null;
  close(): void;
}

/** Throws FILE_MISSING, FILE_UNREADABLE, USAGE; CSV_MALFORMED when there is no row in it. */
export const openText = async (path: string, format: TextFormat = {}): Promise<TextFile> =>
  textOf(await openBytes(path, format.member), format);

/** The same of bytes that are open. */
export function textOf(file: ByteFile, format: TextFormat): TextFile {
  const { path } = file;
  const encoding = encodingOf(
    file.beginning,
    format.encoding === undefined ? undefined : encodingNamed(format.encoding),
  );
  const sample = decoderOf(encoding).decode(file.beginning, file.isAll).text;
  const layout = format.delimiter === undefined && format.header === undefined ? layoutOf(sample) : undefined;

  async function* read(reader: { read(text: string, last: boolean): Batch }): AsyncIterable<TextBatch> {
    let wasSuspect = false;
    for await (const { text, isDamaged, last } of decoded(file.bytes(), encoding)) {
      const isSuspect = isDamaged || text.includes("\0");
      yield { ...reader.read(text, last), isSuspect: isSuspect || wasSuspect };
      wasSuspect = isSuspect;
    }
  }
  let repeatedHeaders = 0;
  const parts = layout === undefined ? cells() : objects();
  return {
    path,
    isPipe: file.isPipe,
    fraction: file.fraction,
    close: file.close,
    ...parts,
    get repeatedHeaders() {
      return repeatedHeaders;
    },
  };

  function objects() {
    const header = fieldsOf(sample, layout!, file.isAll);
    const batches = (wanted: readonly number[], skip: Skip) =>
      placed(read(objectReader(layout!, header, wanted, skip, isMissed)), path, () => null);
    const isMissed = (name: string) => !format.wanted?.length && isMissing(header, name);
    const all = header.map((_, at) => at);
    const records = recordsIn(objectReader(layout!, header, all, () => undefined).read(sample, file.isAll));
    const doubt = "; of JSON, an object for each event is read, alone on its line or in an array";
    return { header, sample: records, remarks: [], doubt, batches };
  }

  function cells() {
    const found = dialectIn(sample, file, format);
    const [first] = found.header;
    const isHeader = (record: readonly string[]) =>
      record[0] === first && record.every((cell, at) => cell.trim() === found.header[at]);
    /** Cuts no line that begins in another way. */
    const headersIn = ({ length, plain, cells }: Batch) => {
      const headers: number[] = [];
      for (let k = 0; k < length; k++) if (!(plain && isOther(plain, k)) && isHeader(cells(k))) headers.push(k);
      return headers;
    };
    const behindFirst = found.dialect.delimiter.charCodeAt(0);
    const isOther = ({ text, places }: Plain, k: number) => {
      const start = places[2 * k]!;
      if (start < 0 || found.header.length === 1) return false;
      return text.charCodeAt(start + first!.length) !== behindFirst || !text.startsWith(first!, start);
    };
    async function* batches(_: readonly number[], skip: Skip): AsyncIterable<TextBatch> {
      const reader = recordReader(found.dialect, skip, 1 + found.above.lines);
      let before = found.hasHeaderLine ? 1 : 0;
      repeatedHeaders = 0;
      for await (const batch of placed(read(behind(found.above.characters, reader)), path, () => reader.line)) {
        const dropped = Math.min(before, batch.length);
        before -= dropped;
        const rows = dropped === 0 ? batch : without(batch, [...Array(dropped).keys()]);
        const headers = format.header === undefined ? headersIn(rows) : [];
        repeatedHeaders += headers.length;
        yield headers.length === 0 ? rows : without(rows, headers);
      }
    }
    const doubt = format.header === undefined ? doubtOf(found.header) : "";
    return { header: found.header, sample: found.rows, remarks: found.remarks, doubt, batches };
  }
}

/** The same reader, of a text whose first characters are none of its rows. */
function behind<R>(characters: number, reader: { read(text: string, last: boolean): R }) {
  let left = characters;
  return {
    read: (text: string, last: boolean): R => {
      const dropped = Math.min(left, text.length);
      left -= dropped;
      return reader.read(dropped === 0 ? text : text.slice(dropped), last);
    },
  };
}

function dialectIn(sample: string, file: ByteFile, format: TextFormat) {
  try {
    return dialectOf(sample, file.isAll, format);
  } catch (error) {
    if (error instanceof AppError)
      throw new AppError(error.code, { ...error.facts, path: file.path }, { cause: error });
    throw error;
  }
}

function without(batch: TextBatch, leftOut: readonly number[]): TextBatch {
  const dropped = new Set(leftOut);
  const kept = batch.lines.flatMap((_, k) => (dropped.has(k) ? [] : [k]));
  return { ...rowsOf(batch, kept), isSuspect: batch.isSuspect };
}

/** With the line at which it ended, where it cannot be read to its end. */
async function* placed<T>(batches: AsyncIterable<T>, path: string, line: () => number | null): AsyncIterable<T> {
  try {
    yield* batches;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const at = error.code === "FILE_UNREADABLE" ? line() : null;
    throw new AppError(
      error.code,
      { ...error.facts, ...(at === null ? {} : { "after line": at - 1 }), path },
      { cause: error },
    );
  }
}

async function* decoded(bytes: Bytes, encoding: string) {
  const decoder = decoderOf(encoding);
  for await (const piece of bytes) yield { ...decoder.decode(piece, false), last: false };
  yield { ...decoder.decode(new Uint8Array(0), true), last: true };
}

/** What else may be wrong with a header that names no user. */
function doubtOf(header: readonly string[]): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (header.some((name) => /[\0-\x08\x0e-\x1f\ufffd]/.test(name)))
    return "; the file seems to be no text: write it as CSV, JSON or Parquet";
  if (/^[[{]/.test(header[0]!)) return "; of JSON, an object for each event is read, alone on its line or in an array";
  return looksLikeValues(header)
    ? "; the file seems to have no header line: --header user,item,value,timestamp names its columns"
    : "";
}
