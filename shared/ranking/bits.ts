// A bit for each column: which are listed and which are not. 2.5 KB at ML-20M size, so that one is made for each list.

export type Bits = Uint32Array;

export const noBits = (columns: number): Bits => new Uint32Array((columns + 31) >>> 5);

/** What lies outside changes nothing. */
export function setBits(bits: Bits, columns: ArrayLike<number>): void {
  for (let k = 0; k < columns.length; k++) bits[columns[k]! >>> 5]! |= 1 << (columns[k]! & 31);
}

export const hasBit = (bits: Bits, column: number): boolean => ((bits[column >>> 5]! >>> (column & 31)) & 1) === 1;

/** The others' columns as well as those that are there. In place. */
export function join(bits: Bits, others: Bits): void {
  for (let k = 0; k < bits.length; k++) bits[k]! |= others[k]!;
}

/** All columns but those that are there. In place. */
export function invert(bits: Bits): void {
  for (let k = 0; k < bits.length; k++) bits[k] = ~bits[k]!;
}

/** Whether any of the first columns is not there. */
export function hasGap(bits: Bits, columns: number): boolean {
  for (let column = 0; column < columns; column++) {
    if ((column & 31) === 0 && bits[column >>> 5] === 0xffffffff) column += 31;
    else if (!hasBit(bits, column)) return true;
  }
  return false;
}
