// Small symmetric positive definite systems in float64, solved in place: L L' = A by rows (Cholesky), of which only the
// lower half is read and written.

/** Replaces A, [size x size] by rows, by L. False when A is not positive definite to rounding. */
export function factorise(a: Float64Array, size: number): boolean {
  for (let i = 0; i < size; i++) {
    const row = i * size;
    let j = 0;
    for (; j + 1 < i; j += 2) twoEntries(a, row, j, size); // what is read of row i serves both
    for (; j <= i; j++) {
      const rest = a[row + j]! - product(a, row, j * size, j);
      if (i > j) a[row + j] = rest / a[j * size + j]!;
      else if (rest > a[row + i]! * 1e-14) a[row + i] = Math.sqrt(rest);
      else return false;
    }
  }
  return true;
}

/** Entries j and j + 1 of the row of L that begins at `row`. */
function twoEntries(a: Float64Array, row: number, j: number, size: number): void {
  const [first, second] = [j * size, (j + 1) * size];
  let [p, q, r, s] = [0, 0, 0, 0]; // several sums, which the processor adds side by side
  let k = 0;
  for (; k + 1 < j; k += 2) {
    const [x, y] = [a[row + k]!, a[row + k + 1]!];
    p += x * a[first + k]!;
    q += y * a[first + k + 1]!;
    r += x * a[second + k]!;
    s += y * a[second + k + 1]!;
  }
  if (k < j) {
    p += a[row + k]! * a[first + k]!;
    r += a[row + k]! * a[second + k]!;
  }
  const entry = (a[row + j]! - (p + q)) / a[first + j]!;
  a[row + j] = entry;
  a[row + j + 1] = (a[row + j + 1]! - (r + s) - entry * a[second + j]!) / a[second + j + 1]!;
}

/** Of the first `count` entries of two rows. */
function product(a: Float64Array, row: number, other: number, count: number): number {
  let sum = 0;
  for (let k = 0; k < count; k++) sum += a[row + k]! * a[other + k]!;
  return sum;
}

/** Replaces b by the solution of L L' x = b. */
export function solve(l: Float64Array, size: number, b: Float64Array): void {
  for (let i = 0; i < size; i++) {
    let rest = b[i]!;
    for (let k = 0; k < i; k++) rest -= l[i * size + k]! * b[k]!;
    b[i] = rest / l[i * size + i]!;
  }
  for (let i = size - 1; i >= 0; i--) {
    b[i]! /= l[i * size + i]!;
    for (let k = 0; k < i; k++) b[k]! -= l[i * size + k]! * b[i]!; // by rows of L, as it lies
  }
}
