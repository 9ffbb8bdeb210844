// Arrays that outgrow their memory. Pure.

/** The longer array, which begins with what the old one holds. */
export function longer<T extends Int32Array | Float64Array | Uint8Array>(old: T, fresh: T): T {
  fresh.set(old);
  return fresh;
}

/** Room for `length` at least, and twice as much as before: many small steps cost no more than a few. */
export const doubled = (old: Int32Array, length: number): Int32Array =>
  longer(old, new Int32Array(twice(old.length, length)));
export const doubledFloats = (old: Float64Array, length: number): Float64Array =>
  longer(old, new Float64Array(twice(old.length, length)));

const twice = (old: number, length: number) => Math.max(length, 2 * old);
