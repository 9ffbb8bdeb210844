// How a file of text is written, told by a sample of it and by what the user says: header, delimiter, quotes, padding.
// Pure.
import { AppError } from "../errors/errors.ts";
import { hasUserAndItem } from "../events/columns.ts";
import { isNothing, isNumeric } from "./cells.ts";
import { type Dialect, recordReader } from "./records.ts";
import { type Records, recordsIn } from "./row-batch.ts";

/** What the user says of it. */
export interface Format {
  readonly delimiter?: string | undefined;
  /** One character, or "none". */
  readonly quote?: string | undefined;
  /** Names of the columns of a file without a header line. */
  readonly header?: readonly string[] | undefined;
  /** Names that the header must hold. */
  readonly wanted?: readonly string[] | undefined;
}

export interface Told {
  readonly dialect: Dialect;
  readonly header: readonly string[];
  /** What stands above the header, or the rows: Excel's "sep=;", comments, a title. */
  readonly above: { readonly characters: number; readonly lines: number };
  readonly hasHeaderLine: boolean;
  /** Of the sample. */
  readonly rows: Records;
  /** In words: what should be known. */
  readonly remarks: readonly string[];
}

/** In the order of preference. */
const delimiters = [",", ";", "\t", "|", "::", "\x01", "blanks"];
const named: Readonly<Record<string, string>> = {
  "\\t": "\t",
  tab: "\t",
  " ": "blanks",
  blank: "blanks",
  blanks: "blanks",
  comma: ",",
  "\\x01": "\x01",
};
/** Enough to tell delimiters apart by. */
const GLANCE = 1 << 16;

/** `isWhole`: the sample is all that there is. Throws CSV_MALFORMED. */
export function dialectOf(sample: string, isWhole: boolean, format: Format): Told {
  const sep = /^"?sep=(.)"?[ \t]*(\r\n|\r|\n)/i.exec(sample);
  const above = sep ? { characters: sep[0].length, lines: 1 } : aboveHeader(sample, format);
  const text = sample.slice(above.characters);
  const quote = quoteOf(text, format.quote);
  const delimiter = delimiterOf(text, isWhole, quote, format, sep?.[1]);
  const parse = (dialect: Partial<Dialect>) =>
    parsed(text, isWhole, { delimiter, quote, isPadded: false, shape: null, ...dialect });

  const first = parse({});
  if (first.records.length === 0)
    throw new AppError("CSV_MALFORMED", {
      what:
        text.trim() === "" && isWhole
          ? "the file is empty"
          : "no line of the first MiB can be read: this is no file of rows",
    });
  const isPadded = delimiter !== "blanks" && hasPadding(first.records);
  const shape = shapeOf(parse({ isPadded }).records.slice(1), first.records[0]!.length);
  const { quotes } = parse({ isPadded, shape });
  // One broken quote alone, between commas, may be a file that was cut off.
  const areCharacters = format.quote === undefined && quotes.whole === 0 && quotes.broken > (delimiter === "," ? 1 : 0);
  const dialect = { delimiter, quote: areCharacters ? null : quote, isPadded };
  const { records } = parse(dialect);
  const isNamedTwice = format.header !== undefined && hasUserAndItem(records[0]!);
  const hasHeaderLine = format.header === undefined || isNamedTwice;
  const rows = hasHeaderLine ? records.slice(1) : records;
  const header = widened(format.header ?? namesIn(records[0]!), rows, format.header !== undefined, delimiter);
  return {
    dialect: { ...dialect, shape: shapeOf(rows, header.length) },
    header,
    above,
    hasHeaderLine,
    rows,
    remarks: [
      ...(above.lines > 0 && !sep
        ? [
            `${above.lines === 1 ? "a line" : `${above.lines} lines`} above the ` +
              `${hasHeaderLine ? "header" : "rows"} passed over`,
          ]
        : []),
      ...(header[0] === "" && header.length === records[0]!.length + 1
        ? ["the first column has no name: taken as names of rows, as R writes them"]
        : []),
      ...(areCharacters
        ? ["quotes are taken as characters, since they do not close (--quote '\"' says otherwise)"]
        : []),
      ...(isNamedTwice
        ? ["the first line holds names of columns and is passed over: --header names them instead"]
        : []),
    ],
  };
}

/** Names of columns; a "#" before the first makes a comment of the line for others. */
function namesIn(record: readonly string[]): string[] {
  const names = record.map((name) => name.trim());
  const [first = ""] = names;
  const bare = [first.replace(/^[#%]+\s*/, ""), ...names.slice(1)];
  return hasUserAndItem(bare) && !hasUserAndItem(names) ? bare : names;
}

/** Lines of a title or of comments are looked through for a header below them. */
const ABOVE = 50;

/**
 * Comments and titles before the line that names columns; nothing where no line does, or where what stands above it may
 * be rows.
 */
function aboveHeader(
  sample: string,
  { header, delimiter, wanted }: Format,
): { readonly characters: number; readonly lines: number } {
  const none = { characters: 0, lines: 0 };
  const split = (line: string, by: string) => {
    const cells = by === "blanks" ? line.trim().split(/[ \t]+/) : line.split(by);
    return cells.map((cell) => cell.trim().replace(/^(["'])(.*)\1$/, "$2"));
  };
  const tried = delimiter === undefined ? delimiters : [named[delimiter] ?? delimiter];
  const ends = /\r\n|\r|\n/g;
  let characters = 0;
  const before: string[] = [];
  for (let lines = 0; lines < ABOVE; lines++) {
    const end = ends.exec(sample);
    const line = sample.slice(characters, end?.index ?? sample.length);
    const found = tried.find((by) => {
      const cells = split(line, by);
      if (header !== undefined) return cells.length === header.length && !/^[#%]\s/.test(line);
      return wanted?.length ? wanted.every((name) => cells.includes(name)) : hasUserAndItem(namesIn(cells));
    });
    if (found !== undefined) {
      const width = split(line, found).length;
      const isNoRow = (text: string) =>
        /^[\s"']*[#%]/.test(text) ||
        (header === undefined && split(text, found).filter((cell) => cell !== "").length < Math.max(2, width));
      return before.every(isNoRow) ? { characters, lines } : none;
    }
    if (end === null) break;
    before.push(line);
    characters = ends.lastIndex;
  }
  return none;
}

/** A line of values where names were expected. */
export const looksLikeValues = (header: readonly string[]): boolean => header.some(isFigure);

const isFigure = (cell: string) => isNumeric(cell) || /^\s*\d{4}-\d\d-\d\d/.test(cell);

function quoteOf(text: string, said: string | undefined): string | null {
  if (said !== undefined) return said === "none" ? null : said;
  return /^'[^'\r\n]*'([,;\t|]'[^'\r\n]*')+[ \t]*(\r|\n|$)/.test(text) ? "'" : '"';
}

function delimiterOf(
  text: string,
  isWhole: boolean,
  quote: string | null,
  format: Format,
  sep: string | undefined,
): string {
  const said = format.delimiter ?? sep;
  if (said !== undefined) return named[said] ?? said;
  const glance = text.length > GLANCE && /[\r\n]/.test(text.slice(0, GLANCE)) ? text.slice(0, GLANCE) : text;
  const isComplete = isWhole && glance.length === text.length;
  const looks = delimiters.map((delimiter) => {
    const { records } = parsed(glance, isComplete, { delimiter, quote, isPadded: false, shape: null });
    const [first = [], ...rows] = records;
    const same = rows.filter(({ length }) => length === first.length || length === first.length + 1).length;
    const trimmed = first.map((name) => name.trim());
    const { header, wanted } = format;
    const hasWidth = header !== undefined && (rows.at(-1) ?? first).length === header.length;
    const isKnown =
      hasWidth || (wanted?.length ? wanted.every((name) => trimmed.includes(name)) : hasUserAndItem(namesIn(first)));
    const isEven = first.length > 1 && same >= 0.8 * rows.length;
    const numbers = rows.reduce((sum, row) => sum + row.filter(isFigure).length, 0) / Math.max(1, rows.length);
    const isExact = isEven && rows.filter(({ length }) => length === first.length).length >= 0.8 * rows.length;
    return { delimiter, order: [isKnown ? 1 : 0, isEven ? 1 : 0, isExact ? 1 : 0, Math.round(numbers), first.length] };
  });
  const better = (a: readonly number[], b: readonly number[]) => {
    const at = a.findIndex((value, k) => value !== b[k]);
    return at >= 0 && a[at]! > b[at]!;
  };
  return looks.reduce((best, look) => (better(look.order, best.order) ? look : best)).delimiter;
}

function parsed(text: string, isWhole: boolean, dialect: Dialect) {
  const reader = recordReader(dialect, () => undefined);
  const records = recordsIn(reader.read(text, isWhole));
  return { records, quotes: reader.quotes };
}

/** "u1, i1, 3": a blank behind every delimiter is none of the cells'. */
function hasPadding(records: Records): boolean {
  const cells = records.flatMap((record) => record.slice(1)).filter((cell) => cell !== "");
  return cells.length > 0 && cells.every((cell) => cell.startsWith(" ")) && records.length > 1;
}

/** Columns that hold numbers, but for a few. */
function shapeOf(rows: Records, width: number): Dialect["shape"] {
  const numeric = Array.from({ length: width }, (_, at) => at).filter((at) => {
    const cells = rows.map((row) => row[at] ?? "").filter((cell) => !isNothing(cell));
    return cells.length > 0 && cells.filter(isFigure).length >= 0.95 * cells.length;
  });
  return { width, numeric };
}

/**
 * Rows with one cell more than the header has names: R's names of rows come first and have none, where they count; an
 * empty cell at the end is a delimiter too many.
 */
function widened(header: readonly string[], rows: Records, isSaid: boolean, delimiter: string): readonly string[] {
  const widths = new Set(rows.map(({ length }) => length));
  const [width] = widths;
  if (widths.size !== 1 || width === header.length) return header;
  if (rows.every((row) => row.slice(header.length).every((cell) => cell === ""))) return header;
  if (isSaid)
    throw new AppError("CSV_MALFORMED", {
      what: `--header names ${header.length} columns, and the rows have ${width}`,
      columns: header.join(","),
    });
  // Between commas it may be a decimal comma that split a value, and the first cell a user.
  const areCounted = rows.every(([name], k) => delimiter !== "," || name === String(k + 1));
  return width === header.length + 1 && areCounted ? ["", ...header] : header;
}
