// The draws of NumPy's legacy generator (RandomState): Mersenne Twister 19937, and permutation and choice as NumPy
// makes them of it. Pure.
// Source: Matsumoto and Nishimura's mt19937ar; numpy/random/mtrand and legacy distributions, frozen by NEP 19.

const N = 624;
const M = 397;

export interface LegacyRandom {
  /** The next 32 bits, 0 to 2^32 - 1. */
  word(): number;
  /** Uniform on 0..max, both included; max below 2^32. No draw for 0. */
  interval(max: number): number;
  /** RandomState.permutation(n): 0..n-1 shuffled. */
  permutation(n: number): Int32Array;
  /** RandomState.choice(n, size, replace=False): the first `size` of permutation(n). */
  choice(n: number, size: number): Int32Array;
}

/** RandomState(seed) for a whole number of 32 bits: init_genrand, not init_by_array. */
export function legacyRandom(seed: number): LegacyRandom {
  const state = new Uint32Array(N);
  state[0] = seed;
  for (let k = 1; k < N; k++) {
    const last = state[k - 1]!;
    state[k] = Math.imul(1812433253, last ^ (last >>> 30)) + k;
  }
  let at = N;

  const word = () => {
    if (at === N) {
      twist(state);
      at = 0;
    }
    let y = state[at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
  const interval = (max: number) => {
    if (max === 0) return 0;
    const mask = 0xffffffff >>> Math.clz32(max); // the next power of two, less one
    let value = (word() & mask) >>> 0;
    while (value > max) value = (word() & mask) >>> 0;
    return value;
  };
  const permutation = (n: number) => {
    const order = Int32Array.from({ length: n }, (_, k) => k);
    for (let k = n - 1; k > 0; k--) {
      const other = interval(k);
      const value = order[k]!;
      order[k] = order[other]!;
      order[other] = value;
    }
    return order;
  };
  return { word, interval, permutation, choice: (n, size) => permutation(n).subarray(0, size) };
}

function twist(state: Uint32Array): void {
  for (let k = 0; k < N; k++) {
    const y = (state[k]! & 0x80000000) | (state[(k + 1) % N]! & 0x7fffffff);
    state[k] = state[(k + M) % N]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
  }
}
