// Text of JSON to records of cells: an object a line, or objects one after the other, in an array or not, however they
// are laid out. Pure.
import { AppError } from "../errors/errors.ts";
import type { Skip } from "../events/skipped.ts";
import { LONGEST } from "./records.ts";
import { type Batch, batchOf } from "./row-batch.ts";

export type Layout = "lines" | "array";

/** By the beginning of the text; undefined where it is no JSON. */
export function layoutOf(sample: string): Layout | undefined {
  const text = sample.trimStart();
  if (/^\[\s*(\{|\]|$)/.test(text)) return "array";
  if (!/^\{\s*("|\}|$)/.test(text)) return undefined;
  return objectOf(text.split(/\r\n|\r|\n/, 1)[0]!) ? "lines" : "array";
}

/** Names of all fields in a sample, in the order in which they come. */
export function fieldsOf(sample: string, layout: Layout, isWhole: boolean): string[] {
  return [
    ...new Set(
      piecesOf(layout)
        .read(sample, isWhole)
        .flatMap(({ text }) => Object.keys(objectOf(text) ?? {})),
    ),
  ];
}

/** Names that objects make up are kept to this number. */
const NAMES = 10_000;

/**
 * Cells of `wanted` alone, at their places in `fields`. `isMissed`: a field that is none of them is not to be passed
 * over.
 */
export function objectReader(
  layout: Layout,
  fields: readonly string[],
  wanted: readonly number[],
  skip: Skip,
  isMissed: (name: string) => boolean = () => false,
) {
  const pieces = piecesOf(layout);
  const seen = new Set(fields);
  const isLate = (name: string) => {
    if (seen.has(name)) return false;
    if (isMissed(name)) return true;
    if (seen.size < NAMES) seen.add(name);
    return false;
  };
  return {
    read: (text: string, last: boolean): Batch => {
      const records: string[][] = [];
      const lines: number[] = [];
      for (const { text: piece, line } of pieces.read(text, last)) {
        const object = objectOf(piece);
        if (!object) {
          skip(line, "the line is no JSON object", "JSON");
          continue;
        }
        const late = Object.keys(object).find(isLate);
        if (late !== undefined) {
          skip(line, `"${late}" stands in no object of the file's first MiB: bring one that has it to the top`, "JSON");
          continue;
        }
        const cells = fields.map(() => "");
        const odd = wanted.find((at) => {
          const cell = cellOf(object[fields[at]!], fields[at]!, piece);
          cells[at] = cell ?? "";
          return cell === undefined;
        });
        if (odd !== undefined) {
          skip(line, `"${fields[odd]}" is no text, number or truth, or has digits that are lost`, "JSON");
          continue;
        }
        records.push(cells);
        lines.push(line);
      }
      return batchOf(records, lines);
    },
  };
}

type Json = Readonly<Record<string, unknown>>;

function objectOf(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
  } catch {
    const without = withoutNaN(text);
    return without === text ? undefined : objectOf(without);
  }
}

/** Python writes NaN, which is no JSON, where there is no number. */
const withoutNaN = (text: string) =>
  text.includes("NaN") ? text.replace(/("(?:[^"\\]|\\.)*")|\bNaN\b/g, (_, quoted?: string) => quoted ?? "null") : text;

/** Undefined where a value can be no cell. MongoDB writes {"$date": ...} and {"$numberLong": ...}. */
function cellOf(value: unknown, name: string, text: string): string | undefined {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  if (typeof value === "number")
    return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? String(value) : digitsOf(name, text);
  if (typeof value === "boolean") return String(value);
  const [only, ...more] = Object.entries(value as object);
  return only?.[0].startsWith("$") && more.length === 0 ? cellOf(only[1], only[0], text) : undefined;
}

/** JSON.parse rounds whole numbers beyond 2^53: their digits stand in the text. */
function digitsOf(name: string, text: string): string | undefined {
  const pattern = new RegExp(
    `${JSON.stringify(name).replace(/[.*+?^$()|[\]{}]/g, "\\$&")}\\s*:\\s*(-?\\d+)(?![\\d.eE])`,
    "g",
  );
  const [found, ...more] = text.matchAll(pattern);
  return more.length === 0 ? found?.[1] : undefined;
}

interface Piece {
  readonly text: string;
  readonly line: number;
}

interface Pieces {
  read(text: string, last: boolean): Piece[];
}

const piecesOf = (layout: Layout): Pieces => (layout === "lines" ? linePieces() : objectPieces());

function linePieces(): Pieces {
  let waiting: string[] = [];
  let length = 0;
  let line = 1;
  return {
    read: (text, last) => {
      waiting.push(text);
      length += text.length;
      if (!last && !text.includes("\n") && !text.includes("\r")) {
        if (length > LONGEST) throw tooLong(line);
        return [];
      }
      const all = waiting.join("");
      const lines = all.split(/\r\n|\n|\r(?!$)/);
      const rest = last ? "" : lines.pop()!;
      waiting = rest === "" ? [] : [rest];
      length = rest.length;
      const pieces = lines.map((each, k) => ({ text: each, line: line + k }));
      line += lines.length;
      return pieces.filter((piece) => piece.text.trim() !== "");
    },
  };
}

const [QUOTE, BACKSLASH, OPEN, CLOSE] = [34, 92, 123, 125];

function objectPieces(): Pieces {
  let rest: string[] = [];
  let length = 0;
  let depth = 0;
  let isString = false;
  let isEscaped = false;
  let line = 1;
  let begun = 1;
  let array: "none" | "open" | "closed" = "none";

  function between(code: number, character: string) {
    if (character === "[" && array === "none") array = "open";
    else if (character === "]" && array === "open") array = "closed";
    else if (!(character === "," || code <= 32) || (array === "closed" && character === ","))
      throw new AppError("CSV_MALFORMED", {
        what: `JSON: line ${line} holds ${JSON.stringify(character)} where an object begins`,
      });
  }

  return {
    read: (text, last) => {
      const pieces: Piece[] = [];
      let start = depth > 0 ? 0 : -1;
      for (let at = 0; at < text.length; at++) {
        const code = text.charCodeAt(at);
        if (code === 10) line++;
        if (isEscaped) isEscaped = false;
        else if (isString) {
          if (code === BACKSLASH) isEscaped = true;
          else if (code === QUOTE) isString = false;
        } else if (depth > 0 && code === QUOTE) isString = true;
        else if (code === OPEN) {
          if (depth++ === 0) {
            start = at;
            begun = line;
          }
        } else if (depth > 0 && code === CLOSE) {
          if (--depth > 0) continue;
          pieces.push({ text: rest.join("") + text.slice(start, at + 1), line: begun });
          rest = [];
          length = 0;
          start = -1;
        } else if (depth === 0) between(code, text[at]!);
      }
      if (start >= 0) {
        rest.push(text.slice(start));
        length += text.length - start;
      }
      if (length > LONGEST) throw tooLong(begun);
      if (last && (depth > 0 || array === "open"))
        throw new AppError("FILE_UNREADABLE", {
          what: `JSON: what begins at line ${depth > 0 ? begun : 1} is not closed: the file is cut off`,
        });
      return pieces;
    },
  };
}

const tooLong = (line: number) =>
  new AppError("CSV_MALFORMED", { what: `JSON: the object at line ${line} is longer than 16 MiB` });
