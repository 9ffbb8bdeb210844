// Rows of a text, a piece of it at a time: cut into cells where somebody asks for them, and where each stands for those
// who can do without.

export type Records = readonly (readonly string[])[];

export interface Batch {
  readonly length: number;
  /** Of row `k`, cut when it is asked for. */
  cells(k: number): readonly string[];
  /** Where each begins in the file, from 1. */
  readonly lines: readonly number[];
  /** Null where its rows stand in no text, or blanks around cells are to be cut. */
  readonly plain: Plain | null;
}

/** Rows that are one line without a quote: nothing but cells and the delimiters between them. */
export interface Plain {
  readonly text: string;
  readonly delimiter: string;
  /** Two of each row: where it begins and ends in the text; -1 where it is not plain. */
  readonly places: Int32Array;
}

/** Rows whose cells are known. */
export const batchOf = (records: Records, lines: readonly number[]): Batch => ({
  length: records.length,
  cells: (k) => records[k]!,
  lines,
  plain: null,
});

/** The cells of all. */
export const recordsIn = ({ length, cells }: Batch): Records => Array.from({ length }, (_, k) => cells(k));

/** The rows of these numbers, in their order. */
export function rowsOf(batch: Batch, kept: readonly number[]): Batch {
  const { plain, lines, cells } = batch;
  return {
    length: kept.length,
    cells: (k) => cells(kept[k]!),
    lines: kept.map((k) => lines[k]!),
    plain: plain && {
      ...plain,
      places: Int32Array.from({ length: 2 * kept.length }, (_, at) => plain.places[2 * kept[at >> 1]! + (at & 1)]!),
    },
  };
}
