// Rows of a file that are no events: counted by what is wrong with them, and the first of them told.
import type { ProblemKind } from "./columns.ts";

/** `place`: the number of the row, or of its line in the file. */
export type Skip = (place: number, problem: string, kind: ProblemKind) => void;

export interface Skipped {
  readonly count: number;
  /** Of each kind: how many, and the first. */
  readonly kinds: ReadonlyMap<
    ProblemKind,
    { readonly count: number; readonly place: number; readonly problem: string }
  >;
  readonly skip: Skip;
}

/** Bad rows that are told one by one. */
const TOLD = 5;

/** Counts rows that are passed over, and tells of the first. `place` names what their numbers count. */
export function skippedRows(say: (text: string) => void, place: "line" | "row"): Skipped {
  let count = 0;
  const kinds = new Map<ProblemKind, { count: number; place: number; problem: string }>();
  return {
    get count() {
      return count;
    },
    kinds,
    skip: (at, problem, kind) => {
      count++;
      const seen = kinds.get(kind);
      if (seen) seen.count++;
      else kinds.set(kind, { count: 1, place: at, problem });
      if (count <= TOLD) say(`${place} ${at} skipped: ${problem}`);
      if (count === TOLD) say(`further bad ${place}s are only counted`);
    },
  };
}
