// Text to records of cells, piece by piece: any line end, quotes that quote and quotes that are characters, records of
// bounded length. What is no record is told, with its line. Pure.
import { AppError } from "../errors/errors.ts";
import { doubled } from "../events/longer.ts";
import type { Skip } from "../events/skipped.ts";
import { isNothing, isNumeric } from "./cells.ts";
import { type Batch, batchOf } from "./row-batch.ts";

export interface Dialect {
  /** Or "blanks": any number of them. */
  readonly delimiter: string;
  /** Null: quotes are characters like any other. */
  readonly quote: string | null;
  /** Blanks around cells belong to none of them. */
  readonly isPadded: boolean;
  /** Of a row of the file, and which of its columns hold numbers: what a line within quotes must not look like. */
  readonly shape: { readonly width: number; readonly numeric: readonly number[] } | null;
}

export interface RecordReader {
  /** What is whole by now. `last`: nothing follows. Throws CSV_MALFORMED for a record beyond all bounds. */
  read(text: string, last: boolean): Batch;
  /** Cells that were quoted as they should be, and those that were not. */
  readonly quotes: { readonly whole: number; readonly broken: number };
  /** Lines that are behind it. */
  readonly line: number;
}

/** Characters of a record, quoted lines and all: what is longer is no row of events. */
export const LONGEST = 1 << 24;

const RETURN = 13;
const NEWLINE = 10;

interface Found {
  readonly cells: string[];
  readonly end: number;
}

/** `first`: the line at which the text begins. */
export function recordReader({ delimiter, quote, isPadded, shape }: Dialect, skip: Skip, first = 1): RecordReader {
  const split = splitterOf(delimiter, isPadded);
  const isPlain = delimiter !== "blanks" && !isPadded;
  const firstOfDelimiter = delimiter.charCodeAt(0);
  let rest = "";
  let waiting: string[] = [];
  let waitingLength = 0;
  let wanted = 0;
  let line = first;
  const quotes = { whole: 0, broken: 0 };
  /** Whether any line of the text at hand ends with it: else it is looked for in vain, to the end, again and again. */
  let hasReturn = false;

  function parse(text: string, last: boolean): Batch {
    const known = new Map<number, readonly string[]>();
    let places: Int32Array = new Int32Array(16 + (text.length >> 3));
    const lines: number[] = [];
    let at = 0;
    hasReturn = text.includes("\r");
    let newline = -2;
    let ret = hasReturn ? -2 : -1;
    let mark = -2;
    while (at < text.length) {
      if (newline !== -1 && newline < at) newline = text.indexOf("\n", at);
      if (ret !== -1 && ret < at) ret = text.indexOf("\r", at);
      const end = newline < 0 ? ret : ret < 0 || newline < ret ? newline : ret;
      const isWhole = end >= 0 && !(end === text.length - 1 && text.charCodeAt(end) === RETURN && !last);
      if (!isWhole && !last) break;
      const stop = end < 0 ? text.length : end;
      if (stop === at) {
        at = behindBlankLines(text, at, last);
        continue;
      }
      if (quote !== null && mark !== -1 && mark < at) mark = text.indexOf(quote, at);
      if (quote === null || mark < 0 || mark >= stop) {
        if (isSurelyRecord(text.charCodeAt(at)) || isRecord(split(text.slice(at, stop)))) push(at, stop);
        line++;
        at = behind(text, stop);
        continue;
      }
      let found = quoted(text, at, stop, last);
      if (typeof found === "string" && found !== "more" && text.slice(at, stop).includes(`\\${quote}`)) {
        const escaped = quoted(text, at, stop, last, true);
        if (typeof escaped === "object") quotes.broken--;
        if (typeof escaped === "object" || escaped === "more") found = escaped;
      }
      if (found === "more") break;
      if (typeof found === "string") {
        skip(line, found, "quotes");
        line++;
        at = behind(text, stop);
        continue;
      }
      if (isRecord(found.cells)) {
        known.set(lines.length, found.cells);
        push(-1, -1);
      }
      line += linesIn(text, at, found.end);
      at = behind(text, found.end);
    }
    rest = text.slice(at);
    if (rest.length > LONGEST) throw tooLong(line, rest);
    return {
      length: lines.length,
      cells: lastKept((k) => known.get(k) ?? split(text.slice(places[2 * k], places[2 * k + 1]))),
      lines,
      plain: isPlain ? { text, delimiter, places } : null,
    };

    function push(start: number, stop: number) {
      const at = 2 * lines.length;
      if (at + 2 > places.length) places = doubled(places, at + 2);
      places[at] = start;
      places[at + 1] = stop;
      lines.push(line);
    }
  }

  /** By how a line begins, without a look at its cells. */
  const isSurelyRecord = (code: number) => code > 32 && code < 127 && code !== firstOfDelimiter;

  /** A gigabyte of them takes a second: each alone would be looked for. */
  function behindBlankLines(text: string, from: number, last: boolean): number {
    for (let at = from; ; line++) {
      const code = text.charCodeAt(at);
      const isHalf = code === RETURN && at === text.length - 1 && !last;
      if (!isLineEnd(code) || isHalf) return at;
      at = behind(text, at);
    }
  }

  /**
   * A record with a quote in its first line, "more" where its end is still to come, or why it is none. `isEscaped`: a
   * backslash takes a quote for a character, as MySQL and Spark write it.
   */
  function quoted(text: string, from: number, lineStop: number, last: boolean, isEscaped = false): Found | string {
    const cells: string[] = [];
    const width = delimiter === "blanks" ? 1 : delimiter.length;
    let at = from;
    let stop = lineStop;
    for (;;) {
      if (isPadded || delimiter === "blanks")
        while (at < stop && isBlank(text.charCodeAt(at)) && !text.startsWith(delimiter, at)) at++;
      if (text.startsWith(quote!, at)) {
        const close = isEscaped ? closingEscaped(text, at + 1) : closing(text, at + 1);
        if (close < 0 && !last) return "more";
        let next = close + 1;
        if (isPadded) while (isBlank(text.charCodeAt(next)) && !text.startsWith(delimiter, next)) next++;
        if (!last && (next === text.length || (next === text.length - 1 && text.charCodeAt(next) === RETURN)))
          return "more";
        const goesOn = close >= 0 && startsDelimiter(text, next);
        const ends = close >= 0 && (next === text.length || isLineEnd(text.charCodeAt(next)));
        if (!goesOn && !ends) {
          if (!isEscaped) quotes.broken++;
          const where = `column ${cells.length + 1} opens a quote`;
          const why =
            close < 0 ? "that is never closed" : `and behind the closing one stands ${JSON.stringify(text[close + 1])}`;
          return `${where} ${why} (--quote none takes quotes as characters)`;
        }
        const content = text.slice(at + 1, close);
        cells.push(isEscaped ? content.replace(/\\(["'\\])/g, "$1") : content.replaceAll(quote! + quote!, quote!));
        quotes.whole++;
        if (ends) return whole(text, from, lineStop, { cells, end: next });
        if (close > stop) stop = lineEnd(text, next);
        if (stop < 0 && !last) return "more";
        if (stop < 0) stop = text.length;
        at = next + width;
      } else {
        const next = nextDelimiter(text, at, stop);
        const cell = text.slice(at, next);
        cells.push(isPadded ? cell.trim() : cell);
        if (next === stop) return whole(text, from, lineStop, { cells, end: stop });
        at = next + width;
      }
    }
  }

  /** A quote that is a character may meet another one lines later, with rows between them. */
  function whole(text: string, from: number, lineStop: number, found: Found): Found | string {
    if (found.end <= lineStop || shape === null) return found;
    const [first = "", ...others] = text.slice(from, found.end).split(/\r\n|\r|\n/);
    const final = others.pop() ?? "";
    if (!others.some(isRow) && !(isRow(first) && isRow(final))) return found;
    quotes.broken++;
    return (
      "a quote opens that is closed lines later, with what looks like rows between (--quote none takes quotes " +
      "as characters)"
    );
  }

  function isRow(text: string): boolean {
    const cells = split(text);
    const isFigure = (at: number) => isNumeric(cells[at]!) || /^\d{4}-\d\d/.test(cells[at]!);
    const { width, numeric } = shape!;
    return (
      cells.length === width &&
      numeric.every((at) => isFigure(at) || isNothing(cells[at]!)) &&
      (numeric.length === 0 || numeric.some(isFigure))
    );
  }

  function lineEnd(text: string, from: number): number {
    const newline = text.indexOf("\n", from);
    const ret = hasReturn ? text.indexOf("\r", from) : -1;
    return newline < 0 ? ret : ret < 0 || newline < ret ? newline : ret;
  }

  function linesIn(text: string, from: number, to: number): number {
    let count = 1;
    for (let at = lineEnd(text, from); at >= 0 && at < to; at = lineEnd(text, behind(text, at))) count++;
    return count;
  }

  function closing(text: string, from: number): number {
    for (let at = from; ; ) {
      const close = text.indexOf(quote!, at);
      if (close < 0 || !text.startsWith(quote!, close + 1)) return close;
      at = close + 2;
    }
  }

  function closingEscaped(text: string, from: number): number {
    for (let at = from; at < text.length; at++) {
      if (text[at] === "\\") at++;
      else if (text.startsWith(quote!, at)) return at;
    }
    return -1;
  }

  const startsDelimiter = (text: string, at: number) =>
    delimiter === "blanks" ? isBlank(text.charCodeAt(at)) : text.startsWith(delimiter, at);

  function nextDelimiter(text: string, from: number, stop: number): number {
    if (delimiter !== "blanks") {
      const next = text.indexOf(delimiter, from);
      return next < 0 || next > stop ? stop : next;
    }
    let at = from;
    while (at < stop && !isBlank(text.charCodeAt(at))) at++;
    return at;
  }

  return {
    read: (text, last) => {
      waiting.push(text);
      waitingLength += text.length;
      // twice as much as the last time: each character is looked at a few times, however long a record is
      if (waitingLength < wanted && !last) return batchOf([], []);
      const all = waiting.length === 1 ? text : waiting.join("");
      const batch = parse(all, last);
      waiting = rest === "" ? [] : [rest];
      waitingLength = rest.length;
      wanted = rest === all ? Math.min(2 * rest.length, LONGEST + 1) : 0;
      return batch;
    },
    quotes,
    get line() {
      return line;
    },
  };
}

function splitterOf(delimiter: string, isPadded: boolean): (line: string) => string[] {
  if (delimiter === "blanks") return (line) => line.trim().split(/[ \t]+/);
  return isPadded ? (line) => line.split(delimiter).map((cell) => cell.trim()) : (line) => line.split(delimiter);
}

/** Not blank, and not the end of a file for DOS. */
const isRecord = (cells: readonly string[]) =>
  !(cells.length === 1 && cells[0] === "\x1a") && cells.some((cell) => cell.trim() !== "");

/** What is asked for again and again is mostly what was asked for last. */
function lastKept<T>(find: (k: number) => T): (k: number) => T {
  let last = -1;
  let found: T;
  return (k) => {
    if (k !== last) found = find(k);
    last = k;
    return found;
  };
}

const isBlank = (code: number) => code === 32 || code === 9;
const isLineEnd = (code: number) => code === NEWLINE || code === RETURN;

/** Behind the line end that stands at `at`. */
const behind = (text: string, at: number) =>
  at + (text.charCodeAt(at) === RETURN && text.charCodeAt(at + 1) === NEWLINE ? 2 : 1);

function tooLong(line: number, text: string): AppError {
  const beginning = JSON.stringify(text.slice(0, 40));
  return new AppError("CSV_MALFORMED", {
    what:
      `line ${line} is longer than 16 MiB, or a quote in it is never closed (--quote none takes quotes as ` +
      "characters)",
    beginning,
  });
}
