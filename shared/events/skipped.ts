// Rows of a file that are no events: counted, and the first of them told.

/** `place`: the number of the row, or of its line in the file. */
export type Skip = (place: number, problem: string) => void;

/** Bad rows that are told one by one. */
const TOLD = 5;

/** Counts rows that are passed over, and tells of the first. `place` names what their numbers count. */
export function skippedRows(say: (text: string) => void, place: "line" | "row"): { readonly count: number; readonly skip: Skip } {
  let count = 0;
  return {
    get count() {
      return count;
    },
    skip: (at, problem) => {
      count++;
      if (count <= TOLD) say(`${place} ${at} skipped: ${problem}`);
      if (count === TOLD) say(`further bad ${place}s are only counted`);
    },
  };
}
