// Uniform numbers that are pure functions of their keys: a made-up stream can be computed from any event on. Beside
// shared/compute/draws.ts, whose draws are of training and keyed otherwise.

/** A uniform number in [0, 1) that is a pure function of its keys; `key` may exceed 32 bits. */
export const draw = (seed: number, purpose: number, key: number): number => at(begun(seed, purpose), key);

/** The same for many keys of one seed and purpose. */
export function drawer(seed: number, purpose: number): (key: number) => number {
  const from = begun(seed, purpose);
  return (key) => at(from, key);
}

const begun = (seed: number, purpose: number) => mix(Math.imul(seed, 0x9e3779b1) ^ Math.imul(purpose, 0x85ebca77));

function at(from: number, key: number): number {
  const low = mix(from ^ (key | 0));
  return (mix(low ^ Math.floor(key / 4294967296)) >>> 0) / 4294967296;
}

/** A full avalanche of 32 bits (lowbias32). */
function mix(x: number): number {
  let h = x;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) | 0;
}

/** The numbers below `n` in an order of the keys, by draws of a purpose. */
export function shuffled(seed: number, purpose: number, stream: number, n: number): Int32Array {
  const order = Int32Array.from({ length: n }, (_, k) => k);
  for (let k = n - 1; k > 0; k--) {
    const other = Math.floor(draw(seed, purpose, stream * 65536 + k) * (k + 1));
    [order[k], order[other]] = [order[other]!, order[k]!];
  }
  return order;
}
