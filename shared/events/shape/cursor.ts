// Reads what a user has written of a map, character by character; what does not fit is told with its position. Pure.
import { AppError } from "../../errors/errors.ts";

export interface Cursor {
  readonly text: string;
  /** The next character. */
  at: number;
  /** What the text is, for messages: `--map`. */
  readonly what: string;
}

export const cursorOf = (text: string, what: string): Cursor => ({ text, at: 0, what });

/** Throws MAP_MALFORMED; positions are counted from 1. */
export function refuse(cursor: Cursor, problem: string, at = cursor.at): never {
  const { text, what } = cursor;
  const shown = at < text.length ? `"${text.slice(at, at + 20)}"` : "the end";
  throw new AppError("MAP_MALFORMED", { what: `${what} "${text}", position ${at + 1}, at ${shown}: ${problem}` });
}

export const isAtEnd = ({ text, at }: Cursor): boolean => at >= text.length;

export function skipBlanks(cursor: Cursor): void {
  while (/\s/.test(cursor.text[cursor.at] ?? "x")) cursor.at++;
}

/** Whether these characters come next; then it stands behind them. */
export function takes(cursor: Cursor, characters: string): boolean {
  if (!cursor.text.startsWith(characters, cursor.at)) return false;
  cursor.at += characters.length;
  return true;
}

/** What a sticky expression matches here. */
export function match(cursor: Cursor, expression: RegExp): string | undefined {
  expression.lastIndex = cursor.at;
  const [found] = expression.exec(cursor.text) ?? [];
  if (found !== undefined) cursor.at += found.length;
  return found;
}

const escapes: Readonly<Record<string, string>> = {
  ...{ b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" },
  ...{ "/": "/", "\\": "\\", "'": "'", '"': '"' },
};

/** The text between the quotes that stand here, single or double, with JSON's escapes. */
export function quoted(cursor: Cursor): string {
  const from = cursor.at;
  const quote = cursor.text[cursor.at++];
  let found = "";
  for (;;) {
    const character = cursor.text[cursor.at++];
    if (character === undefined) refuse(cursor, "the quote is not closed", from);
    if (character === quote) return found;
    if (character !== "\\") {
      found += character;
      continue;
    }
    const escaped = cursor.text[cursor.at++] ?? "";
    const code = escaped === "u" ? match(cursor, /[0-9a-f]{4}/iy) : undefined;
    if (code !== undefined) found += String.fromCharCode(Number.parseInt(code, 16));
    else if (Object.hasOwn(escapes, escaped)) found += escapes[escaped];
    else refuse(cursor, "no such escape", cursor.at - 2);
  }
}

/** A number as JSON writes it; undefined where none stands here. */
export function number(cursor: Cursor): number | undefined {
  const text = match(cursor, /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.])/iy);
  return text === undefined ? undefined : Number(text);
}
