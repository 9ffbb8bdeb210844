// The report as a document: sections of paragraphs, tables and figures, from which markdown.ts and html.ts make their
// files. Pure.

/** A word with emphasis where it is the best of its column. */
export interface Cell {
  readonly text: string;
  readonly isStrong?: boolean;
}

export interface Table {
  readonly kind: "table";
  /** Said to whoever cannot see it. */
  readonly caption: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** Columns of words, which begin at the left; the others are figures. The first one always is. */
  readonly words: readonly number[];
}

export type Block =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "list"; readonly items: readonly string[] }
  | Table
  /** `name` as figures.ts has it; `caption` says what it shows, for whoever cannot see it too. */
  | { readonly kind: "figure"; readonly name: FigureName; readonly caption: string };

export type FigureName = "results" | "learning" | "time" | "stability";

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly blocks: readonly Block[];
}

export interface Document {
  readonly title: string;
  /** One sentence each. */
  readonly lead: readonly string[];
  readonly sections: readonly Section[];
}

export const text = (text: string): Block => ({ kind: "text", text });
export const list = (items: readonly string[]): Block[] => (items.length > 0 ? [{ kind: "list", items }] : []);
export const cell = (text: string, isStrong = false): Cell => (isStrong ? { text, isStrong } : { text });
