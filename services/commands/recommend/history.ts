// --items, the text of a history -> items: ids or titles, separated by commas, though a title may hold commas itself.
// Pure.
import { parse } from "csv-parse/sync";
import { AppError } from "../../../shared/errors/errors.ts";

interface Piece {
  readonly text: string;
  /** In quotes: it stands for itself and is joined with nothing. */
  readonly quoted: boolean;
}

/**
 * An item is an id, or one of `titles` (item -> title) word for word but for case. Where pieces between commas make a
 * title together, they are that title, the longest one first: `Piano, The (1993), Heat (1995)` is two films. Quotes as
 * in CSV keep a piece together and apart. What is neither comes back as it is. Throws AppError USAGE.
 */
export function itemsOf(text: string, titles: ReadonlyMap<string, string> = new Map(), flag = "items"): string[] {
  const pieces = piecesOf(text, flag);
  // of two films with one title the first
  const byTitle = new Map([...titles].reverse().map(([item, title]) => [plain(title), item]));
  const longest = Math.max(1, ...[...byTitle.keys()].map((title) => title.split(",").length));
  const items: string[] = [];
  for (let at = 0; at < pieces.length; ) {
    const { item, length } = titleAt(pieces.slice(at, at + longest), titles, byTitle);
    items.push(item);
    at += length;
  }
  return items;
}

/** The longest beginning of the pieces that is a title; else the first piece alone. */
function titleAt(pieces: readonly Piece[], titles: ReadonlyMap<string, string>, byTitle: ReadonlyMap<string, string>) {
  for (let length = pieces.length; length > 1; length--) {
    const run = pieces.slice(0, length);
    const item = run.some(({ quoted }) => quoted)
      ? undefined
      : byTitle.get(plain(run.map(({ text }) => text).join(",")));
    if (item !== undefined) return { item, length };
  }
  const { text } = pieces[0]!;
  return { item: titles.has(text) ? text : (byTitle.get(plain(text)) ?? text), length: 1 };
}

const plain = (title: string) =>
  title
    .trim()
    .toLowerCase()
    .replaceAll(/\s*,\s*/g, ",")
    .replaceAll(/\s+/g, " ");

/** One piece, whatever it holds. */
export const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;

function piecesOf(text: string, flag: string): Piece[] {
  try {
    const cast = (text: string, { quoting }: { quoting: boolean }): Piece => ({ text, quoted: quoting });
    const lines = parse(text, {
      trim: true,
      relax_quotes: true,
      relax_column_count: true,
      cast,
    }) as unknown as Piece[][];
    return lines.flat().filter((piece) => piece.text !== "");
  } catch (error) {
    throw new AppError("USAGE", { what: `--${flag}: ${(error as Error).message}` }, { cause: error });
  }
}
