// Small symmetric positive definite systems in float64, solved in place: L L' = A by rows (Cholesky), of which only the lower half is read and written.

/** Replaces A, [size x size] by rows, by L. False when A is not positive definite to rounding. */
export function factorise(a: Float64Array, size: number): boolean {
  for (let i = 0; i < size; i++) {
    const row = i * size;
    for (let j = 0; j <= i; j++) {
      const other = j * size;
      let [even, odd] = [0, 0]; // two sums, which the processor adds side by side
      let k = 0;
      for (; k + 1 < j; k += 2) {
        even += a[row + k]! * a[other + k]!;
        odd += a[row + k + 1]! * a[other + k + 1]!;
      }
      if (k < j) even += a[row + k]! * a[other + k]!;
      const rest = a[row + j]! - (even + odd);
      if (i > j) a[row + j] = rest / a[other + j]!;
      else if (rest > a[row + i]! * 1e-14) a[row + i] = Math.sqrt(rest);
      else return false;
    }
  }
  return true;
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
