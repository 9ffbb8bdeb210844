// The inverse of a large symmetric positive definite matrix, by blocks: the sweep operator (Goodnight 1979) on blocks
// instead of numbers. tensorflow.ts gives it products in float64.
// Half of the matrix lies there, once: 20,000 rows take 1.6 GB beside the matrix itself, where TensorFlow's own kernel
// for the whole would take 14.

/** Matrices of float64 somewhere, by number. Whoever gets one frees it. */
export interface Doubles {
  /** A copy: the values may be changed afterwards. */
  from(values: Float32Array, rows: number, columns: number): number;
  /** Rounded to float32. */
  read(matrix: number): Float32Array;
  /** a·b, either transposed first. */
  product(a: number, b: number, transposeA?: boolean, transposeB?: boolean): number;
  difference(a: number, b: number): number;
  inverse(a: number): number;
  negative(a: number): number;
  free(matrix: number): void;
}

/** What is added to the diagonal: a number, or one for each row. */
export type Ridge = number | Float64Array;

/**
 * Puts the inverse of matrix + D in the matrix's place, [size, size] by rows; D is diagonal, `ridge` in all places or
 * in each its own. `block`: rows that are eliminated at once. Yields the share that is done between products, so that a
 * process can breathe.
 */
export function* invert(
  doubles: Doubles,
  matrix: Float32Array,
  size: number,
  block: number,
  ridge: Ridge,
): Generator<number, void> {
  const blocks = splitUpper(doubles, matrix, size, block);
  if (ridge !== 0) addToDiagonal(doubles, blocks, size, block, ridge);
  for (let k = 0; k < blocks.length; k++) yield* sweep(doubles, blocks, k);
  joinNegative(doubles, blocks, matrix, size, block);
}

/** Block (i, j) for j >= i; the rest follows from symmetry. */
type Upper = number[][];

/**
 * Eliminates block row k: afterwards it holds what the inverse needs, and the others the Schur complement. All swept is
 * minus the inverse.
 */
function* sweep(
  { product, difference, inverse, negative, free }: Doubles,
  blocks: Upper,
  k: number,
): Generator<number, void> {
  const replace = (i: number, j: number, by: number) => {
    free(blocks[i]![j]!);
    blocks[i]![j] = by;
  };
  const inverse_kk = inverse(blocks[k]![k]!);
  /** inverse_kk times row k; what lies left of the diagonal is the transpose of column k. */
  const row = blocks.map((_, j) => {
    if (j === k) return -1;
    return j > k ? product(inverse_kk, blocks[k]![j]!) : product(inverse_kk, blocks[j]![k]!, false, true);
  });
  for (let i = 0; i < blocks.length; i++) {
    if (i === k) continue;
    for (let j = i; j < blocks.length; j++) {
      if (j === k) continue;
      const change = i < k ? product(blocks[i]![k]!, row[j]!) : product(blocks[k]![i]!, row[j]!, true);
      replace(i, j, difference(blocks[i]![j]!, change));
      free(change);
    }
    yield (k * blocks.length + i + 1) / blocks.length ** 2;
  }
  row.forEach((swept, j) => {
    if (j > k) replace(k, j, swept);
    if (j >= k) return;
    replace(j, k, product(blocks[j]![k]!, inverse_kk));
    free(swept);
  });
  replace(k, k, negative(inverse_kk));
  free(inverse_kk);
}

function splitUpper({ from }: Doubles, matrix: Float32Array, size: number, block: number): Upper {
  const starts = startsOf(size, block);
  const scratch = new Float32Array(Math.min(block, size) ** 2);
  return starts.map((top, i) => {
    const rows = Math.min(block, size - top);
    const upper: number[] = [];
    for (let j = i; j < starts.length; j++) {
      const left = starts[j]!;
      const columns = Math.min(block, size - left);
      const values = scratch.subarray(0, rows * columns);
      for (let r = 0; r < rows; r++) {
        const start = (top + r) * size + left;
        values.set(matrix.subarray(start, start + columns), r * columns);
      }
      upper[j] = from(values, rows, columns);
    }
    return upper;
  });
}

/**
 * In two pieces of float32, which together are as good as float64: beside large counts a small ridge rounded alone
 * would be another ridge.
 */
function addToDiagonal(
  { from, difference, free }: Doubles,
  blocks: Upper,
  size: number,
  block: number,
  ridge: Ridge,
): void {
  const valueAt = (row: number) => (typeof ridge === "number" ? ridge : ridge[row]!);
  const first = (row: number) => Math.fround(valueAt(row));
  const rest = (row: number) => Math.fround(valueAt(row) - first(row));
  startsOf(size, block).forEach((top, k) => {
    const rows = Math.min(block, size - top);
    for (const piece of [first, rest]) {
      const values = new Float32Array(rows * rows);
      for (let r = 0; r < rows; r++) values[r * (rows + 1)] = -piece(top + r);
      const minus = from(values, rows, rows);
      const before = blocks[k]![k]!;
      blocks[k]![k] = difference(before, minus);
      free(before);
      free(minus);
    }
  });
}

/** Both halves of the matrix from minus the blocks, which are freed. */
function joinNegative({ read, free }: Doubles, blocks: Upper, matrix: Float32Array, size: number, block: number): void {
  const starts = startsOf(size, block);
  blocks.forEach((upper, i) => {
    for (let j = i; j < blocks.length; j++) {
      const values = read(upper[j]!);
      free(upper[j]!);
      const [top, left] = [starts[i]!, starts[j]!];
      const [rows, columns] = [Math.min(block, size - top), Math.min(block, size - left)];
      for (let r = 0; r < rows; r++)
        for (let c = 0; c < columns; c++) matrix[(top + r) * size + left + c] = -values[r * columns + c]!;
      // The other half by its own rows: the block stays in the cache, the matrix does not.
      for (let c = 0; c < columns; c++)
        for (let r = 0; r < rows; r++) matrix[(left + c) * size + top + r] = -values[r * columns + c]!;
    }
  });
}

const startsOf = (size: number, block: number) => Array.from({ length: Math.ceil(size / block) }, (_, k) => k * block);
