// The first layer as an embedding bag: a user's row times W1 is a weighted sum of a few embedding rows. Here the weights of that sum; the sum is a kernel's.

/** Value of each item of a user's row after L2 norm and dropout, in that order: 1/sqrt(n), kept items times 1/(1-rate), dropped ones 0. */
export function normalisedRow(row: Int32Array, keep?: Uint8Array, rate = 0): Float32Array {
  const value = 1 / Math.sqrt(row.length) / (keep ? 1 - rate : 1);
  const values = new Float32Array(row.length).fill(value);
  if (keep) for (let k = 0; k < row.length; k++) if (keep[k] === 0) values[k] = 0;
  return values;
}
