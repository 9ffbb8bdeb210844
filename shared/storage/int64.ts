// 64-bit columns without a BigInt a row: numbers are taken apart into two halves of 32 bits, which is 20 times faster.
// Little-endian, as Arrow is.

const half = 2 ** 32;

/** Whole numbers up to 2^53 as Arrow's Int64. */
export function int64(values: Float64Array, length: number): BigInt64Array<ArrayBuffer> {
  const halves = new Uint32Array(2 * length);
  for (let k = 0; k < length; k++) {
    const high = Math.floor(values[k]! / half);
    halves[2 * k] = values[k]! - high * half;
    halves[2 * k + 1] = high;
  }
  return new BigInt64Array(halves.buffer);
}

/** ms to microseconds; exact to the year 9999, where the product is beyond 2^53. */
export function microsOf(values: Float64Array, length: number): BigInt64Array<ArrayBuffer> {
  const halves = new Uint32Array(2 * length);
  for (let k = 0; k < length; k++) {
    const high = Math.floor(values[k]! / half);
    const low = (values[k]! - high * half) * 1000;
    const carry = Math.floor(low / half);
    halves[2 * k] = low - carry * half;
    halves[2 * k + 1] = high * 1000 + carry;
  }
  return new BigInt64Array(halves.buffer);
}

export function toNumbers(values: BigInt64Array): Float64Array {
  const low = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
  const high = new Int32Array(values.buffer, values.byteOffset, values.length * 2);
  const numbers = new Float64Array(values.length);
  for (let k = 0; k < numbers.length; k++) numbers[k] = high[2 * k + 1]! * half + low[2 * k]!;
  return numbers;
}

/** Microseconds to whole ms. */
export function fromMicros(values: BigInt64Array): Float64Array {
  const numbers = toNumbers(values);
  for (let k = 0; k < numbers.length; k++) numbers[k] = Math.round(numbers[k]! / 1000);
  return numbers;
}
