// Cells of text as numbers, or as none: the ways in which files write "no value", truth, decimals and thousands. Pure.

/** "," where the file writes 4,5 for four and a half. */
export type Decimal = "." | ",";

const nothing = new Set([
  "",
  "\\N",
  "NULL",
  "null",
  "Null",
  "NA",
  "N/A",
  "n/a",
  "#N/A",
  "<NA>",
  "NaN",
  "nan",
  "-NaN",
  "-nan",
  "NAN",
  "None",
  "none",
  "nil",
  "NaT",
  "(null)",
  "#NULL!",
  "missing",
  "-",
  "--",
  ".",
  "?",
]);
/** Names of nobody: what a database or a library writes where an id is missing. "NA" is a name. */
const nobody = new Set(["", "\\N", "NULL", "null", "(null)", "<NA>", "NaN", "nan", "None"]);

/** Whether a cell that may be empty is. */
export const isNothing = (text: string): boolean => nothing.has(text) || nothing.has(text.trim());
export const isNobody = (text: string): boolean => nobody.has(text);

const plain = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const oneComma = /^[+-]?\d*,\d+([eE][+-]?\d+)?$/;
/** 1,234 is a thousand, or 1.234. */
const doubtful = /^[+-]?[1-9]\d{0,2},\d{3}$/;
const thousandsByComma = /^[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?$/;
const thousandsByPoint = /^[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d+)?$/;
/** 1 234,5 in French and Swiss ways. */
const thousandsByBlank = /^[+-]?[1-9]\d{0,2}([ \u00a0\u2009\u202f'’]\d{3})+([.,]\d+)?$/;

/** NaN where it is no number, or may be two. */
export function numberOf(cell: string, decimal: Decimal | null): number {
  const text = cell.trim();
  if (decimal === "," && thousandsByPoint.test(text)) return Number(text.replaceAll(".", "").replace(",", "."));
  if (plain.test(text)) return Number(text);
  if (thousandsByBlank.test(text)) return Number(text.replace(/[ \u00a0\u2009\u202f'’]/g, "").replace(",", "."));
  if (!text.includes(",") || (decimal === null && isDoubtful(text))) return Number.NaN;
  if (decimal !== "," && thousandsByComma.test(text)) return Number(text.replaceAll(",", ""));
  if (oneComma.test(text)) return Number(text.replace(",", "."));
  return thousandsByPoint.test(text) ? Number(text.replaceAll(".", "").replace(",", ".")) : Number.NaN;
}

export const isDoubtful = (text: string): boolean => doubtful.test(text.trim());

/**
 * How a column writes decimals: "," as soon as one of its cells can be read in no other way; null where no cell tells.
 */
export function decimalOf(cells: Iterable<string>): Decimal | null {
  for (const cell of cells) {
    const text = cell.trim();
    if (text.includes(",") && !isDoubtful(text) && !thousandsByComma.test(text) && !Number.isNaN(numberOf(text, ",")))
      return ",";
  }
  return null;
}

/** In English, in PostgreSQL's letters, and as Excel writes them in German and French. */
const truths: Readonly<Record<string, number>> = {
  ...{ true: 1, t: 1, yes: 1, y: 1, wahr: 1, vrai: 1 },
  ...{ false: 0, f: 0, no: 0, n: 0, falsch: 0, faux: 0 },
};

/** Null where there is none, NaN where it is no number. */
export function weightOf(cell: string, decimal: Decimal | null): number | null {
  const value = numberOf(cell, decimal);
  if (!Number.isNaN(value)) return value;
  return isNothing(cell) ? null : (truths[cell.trim().toLowerCase()] ?? Number.NaN);
}

/** What looks like a number in a place where a name would be a word: a row, then, and no header. */
export const isNumeric = (cell: string): boolean => !Number.isNaN(numberOf(cell, ","));
