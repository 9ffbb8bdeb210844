// Columns in order of score: what the ranking losses count ranks with. Equal scores stand in order of column, as in
// every list of ours.

const DIGIT = 11; // bits: three digits make a float32, and a count for each value of one fits the cache
const values = 2 ** DIGIT;

/**
 * All columns, the highest score first, [I]. By digits, since comparisons take ten times as long at 20,000 items. A NaN
 * stands before or behind all numbers, so ranks stay whole.
 */
export function descending(scores_I: Float32Array): Int32Array {
  let keys_I: Uint32Array = keysOf(scores_I);
  let columns_I: Int32Array = new Int32Array(keys_I.length).map((_, column) => column);
  let otherKeys_I: Uint32Array = new Uint32Array(keys_I.length);
  let otherColumns_I: Int32Array = new Int32Array(keys_I.length);
  for (let shift = 0; shift < 32; shift += DIGIT) {
    const place = startsOf(keys_I, shift);
    for (let k = 0; k < keys_I.length; k++) {
      const key = keys_I[k]!;
      const at = place[(key >>> shift) & (values - 1)]!++;
      otherKeys_I[at] = key;
      otherColumns_I[at] = columns_I[k]!;
    }
    [keys_I, otherKeys_I] = [otherKeys_I, keys_I];
    [columns_I, otherColumns_I] = [otherColumns_I, columns_I];
  }
  return columns_I;
}

/**
 * Whole numbers that ascend where the scores descend: a float's bits order like the float once those of the positive
 * ones are turned round.
 */
function keysOf(scores_I: Float32Array): Uint32Array {
  const bits_I = new Uint32Array(new Float32Array(scores_I).buffer);
  for (let column = 0; column < bits_I.length; column++) {
    const bits = bits_I[column]!;
    bits_I[column] = scores_I[column] === 0 ? 0x7fffffff : bits >>> 31 ? bits : 0x7fffffff - bits; // 0 and -0 are equal
  }
  return bits_I;
}

/** Where the keys of each value of a digit begin once they are sorted by it. */
function startsOf(keys_I: Uint32Array, shift: number): Uint32Array {
  const starts = new Uint32Array(values);
  for (let k = 0; k < keys_I.length; k++) starts[(keys_I[k]! >>> shift) & (values - 1)]!++;
  let sum = 0;
  for (let value = 0; value < values; value++) {
    const count = starts[value]!;
    starts[value] = sum;
    sum += count;
  }
  return starts;
}
