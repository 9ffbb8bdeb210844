// A fingerprint of rows, whose state can be kept and gone on with: whether a file still begins with the rows that were
// sent from it. Against accidents, not against malice. Pure.

export interface Print {
  add(cell: string): void;
  /** The same cell as its characters. */
  addUnits(units: ArrayLike<number>, from: number, to: number): void;
  state(): readonly [number, number];
}

/** Two hashes of 32 bits (FNV-1a, and Java's), of all characters and of where each cell ends. */
export function fingerprint(from: readonly [number, number] = [0x811c9dc5 | 0, 17]): Print {
  let [a, b] = from;
  return {
    addUnits: (units, start, end) => {
      let [first, second] = [a, b];
      for (let at = start; at < end; at++) {
        const code = units[at]!;
        first = Math.imul(first ^ code, 0x01000193);
        second = (Math.imul(second, 31) + code) | 0;
      }
      a = Math.imul(first ^ 0x1f, 0x01000193);
      b = (Math.imul(second, 31) + 0x1f) | 0;
    },
    add: (cell) => {
      for (let k = 0; k < cell.length; k++) {
        const code = cell.charCodeAt(k);
        a = Math.imul(a ^ code, 0x01000193);
        b = (Math.imul(b, 31) + code) | 0;
      }
      a = Math.imul(a ^ 0x1f, 0x01000193);
      b = (Math.imul(b, 31) + 0x1f) | 0;
    },
    state: () => [a, b],
  };
}
