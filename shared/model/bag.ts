// The first layer as an embedding bag: a user's row times W1 is a sum of a few embedding rows. Runs beside the weights, in the server, on plain typed arrays.

/** Value of each item of a user's row after L2 norm and dropout, in that order: 1/sqrt(n), kept items times 1/(1-rate), dropped ones 0. */
export function normalisedRow(row: Int32Array, keep?: Uint8Array, rate = 0): Float32Array {
  const value = 1 / Math.sqrt(row.length) / (keep ? 1 - rate : 1);
  const values = new Float32Array(row.length).fill(value);
  if (keep) for (let k = 0; k < row.length; k++) if (keep[k] === 0) values[k] = 0;
  return values;
}

/** Sum of the embedding rows of each user's items, weighted: `[B, H]`. No item, or none kept: zeros. */
export function bagForward(
  embedding_IH: Float32Array,
  hidden: number,
  rows: readonly Int32Array[],
  values: readonly Float32Array[],
): Float32Array {
  const bag_BH = new Float32Array(rows.length * hidden);
  rows.forEach((row, user) => {
    const sum = bag_BH.subarray(user * hidden, (user + 1) * hidden);
    const { columns, weights } = present(row, values[user]!);
    let k = 0;
    for (; k + 3 < columns.length; k += 4) addFour(sum, embedding_IH, hidden, columns, weights, k); // four at a time: a quarter of the loads and stores of `sum`
    for (; k < columns.length; k++) addScaled(sum, 0, embedding_IH, columns[k]! * hidden, weights[k]!, hidden);
  });
  return bag_BH;
}

/** Adds the gradient of the embedding that `d_BH`, the gradient of the bags, stands for. */
export function bagBackward(
  d_BH: Float32Array,
  rows: readonly Int32Array[],
  values: readonly Float32Array[],
  gradient_IH: Float32Array,
): void {
  const hidden = d_BH.length / rows.length;
  rows.forEach((row, user) => {
    const weights = values[user]!;
    for (let k = 0; k < row.length; k++) {
      if (weights[k] !== 0) addScaled(gradient_IH, row[k]! * hidden, d_BH, user * hidden, weights[k]!, hidden);
    }
  });
}

function present(row: Int32Array, values: Float32Array): { columns: Int32Array; weights: Float32Array } {
  const columns = new Int32Array(row.length);
  const weights = new Float32Array(row.length);
  let count = 0;
  for (let k = 0; k < row.length; k++) {
    if (values[k] === 0) continue;
    columns[count] = row[k]!;
    weights[count++] = values[k]!;
  }
  return { columns: columns.subarray(0, count), weights: weights.subarray(0, count) };
}

/** Four numbers a turn: half the time of a plain loop. */
function addScaled(to: Float32Array, toAt: number, from: Float32Array, fromAt: number, weight: number, length: number): void {
  let j = 0;
  for (; j + 3 < length; j += 4) {
    to[toAt + j]! += weight * from[fromAt + j]!;
    to[toAt + j + 1]! += weight * from[fromAt + j + 1]!;
    to[toAt + j + 2]! += weight * from[fromAt + j + 2]!;
    to[toAt + j + 3]! += weight * from[fromAt + j + 3]!;
  }
  for (; j < length; j++) to[toAt + j]! += weight * from[fromAt + j]!;
}

function addFour(sum: Float32Array, from: Float32Array, length: number, columns: Int32Array, weights: Float32Array, k: number): void {
  const a = columns[k]! * length;
  const b = columns[k + 1]! * length;
  const c = columns[k + 2]! * length;
  const d = columns[k + 3]! * length;
  const wa = weights[k]!;
  const wb = weights[k + 1]!;
  const wc = weights[k + 2]!;
  const wd = weights[k + 3]!;
  for (let j = 0; j < length; j++) sum[j]! += wa * from[a + j]! + wb * from[b + j]! + wc * from[c + j]! + wd * from[d + j]!;
}
