// Random draws that are keyed, not streamed: Philox 4x32-10 (Salmon et al. 2011). Who computes a part of a step, and
// when, changes no draw.

export const purposes = { dropout: 1, noise: 2, permutation: 3, uniform: 4, choice: 5, normal: 6 } as const;

/** High 32 bits of the product of two unsigned 32-bit numbers, as int32. */
function high(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = (Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)) | 0;
  const carry = (Math.imul(aLow, bHigh) + (middle & 0xffff)) | 0;
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (carry >>> 16)) | 0;
}

/** One block: four counter words and two key words in, four random words into `out` from `at`. */
export function philox(
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  k0: number,
  k1: number,
  out: Uint32Array,
  at: number,
): void {
  for (let round = 0; round < 10; round++) {
    const high0 = high(0xd2511f53, c0);
    const low0 = Math.imul(0xd2511f53, c0);
    const high1 = high(0xcd9e8d57, c2);
    const low1 = Math.imul(0xcd9e8d57, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  out[at] = c0;
  out[at + 1] = c1;
  out[at + 2] = c2;
  out[at + 3] = c3;
}

/** At least `count` words (rounded up to whole blocks) of the draw named by purpose, step and stream. */
function words(seed: number, purpose: number, step: number, stream: number, count: number): Uint32Array {
  const blocks = Math.ceil(count / 4);
  const out = new Uint32Array(blocks * 4);
  const keyHigh = Math.floor(seed / 2 ** 32);
  for (let block = 0; block < blocks; block++) philox(block, stream, step, purpose, seed, keyHigh, out, block * 4);
  return out;
}

/** Which of a user's `count` items dropout keeps in this step: 1 kept, 0 dropped with probability `rate`. */
export function keepMask(seed: number, step: number, user: number, count: number, rate: number): Uint8Array {
  const drawn = words(seed, purposes.dropout, step, user, count);
  const threshold = rate * 2 ** 32;
  const mask = new Uint8Array(count);
  for (let k = 0; k < count; k++) mask[k] = drawn[k]! >= threshold ? 1 : 0;
  return mask;
}

/** Standard normal draws of a user in a step, by Box and Muller in float64. */
export function gaussian(seed: number, step: number, user: number, count: number): Float32Array {
  const drawn = words(seed, purposes.noise, step, user, count + 1);
  const out = new Float32Array(count);
  for (let k = 0; k < count; k += 2) {
    const [first, second] = boxMuller(drawn[k]!, drawn[k + 1]!);
    out[k] = first;
    if (k + 1 < count) out[k + 1] = second;
  }
  return out;
}

/** Two standard normal numbers of two words. */
function boxMuller(a: number, b: number): [number, number] {
  const radius = Math.sqrt(-2 * Math.log((a + 0.5) / 2 ** 32)); // the half keeps 0 out of the logarithm
  const angle = (2 * Math.PI * b) / 2 ** 32;
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

/** The draws of some users in a step, `[users, count]`. */
export function noiseOf(seed: number, step: number, users: Int32Array, count: number): Float32Array {
  const noise_BL = new Float32Array(users.length * count);
  users.forEach((user, k) => {
    noise_BL.set(gaussian(seed, step, user, count), k * count);
  });
  return noise_BL;
}

/**
 * 0..n-1 in an order that `seed` and `stream` decide (Fisher and Yates; 53 bits a draw, so the bias is below 1e-9 at
 * any size).
 */
export function permutation(seed: number, stream: number, n: number): Uint32Array {
  const drawn = words(seed, purposes.permutation, 0, stream, 2 * n);
  const order = Uint32Array.from({ length: n }, (_, k) => k);
  for (let k = n - 1; k > 0; k--) {
    const fraction = ((drawn[2 * k]! >>> 5) * 2 ** 26 + (drawn[2 * k + 1]! >>> 6)) / 2 ** 53;
    const other = Math.floor(fraction * (k + 1));
    const held = order[k]!;
    order[k] = order[other]!;
    order[other] = held;
  }
  return order;
}

/** Fills `out` with draws from U(-bound, bound), block by block: a model's first values may be billions of bytes. */
export function uniform(seed: number, stream: number, bound: number, out: Float32Array): Float32Array {
  const block = new Uint32Array(4);
  const keyHigh = Math.floor(seed / 2 ** 32);
  for (let at = 0; at < out.length; at += 4) {
    philox(at / 4, stream, 0, purposes.uniform, seed, keyHigh, block, 0);
    const count = Math.min(4, out.length - at);
    for (let k = 0; k < count; k++) out[at + k] = ((block[k]! + 0.5) / 2 ** 31 - 1) * bound;
  }
  return out;
}

/** Normal draws of the given deviation, drawn again where they lie beyond twice of it; `stream` names the draw. */
export function truncatedNormal(seed: number, stream: number, deviation: number, out: Float32Array): Float32Array {
  const keyHigh = Math.floor(seed / 2 ** 32);
  const block = new Uint32Array(4);
  for (let k = 0; k < out.length; k++) {
    let drawn: number | undefined;
    for (let attempt = 0; drawn === undefined; attempt++) {
      philox(k, stream, attempt, purposes.normal, seed, keyHigh, block, 0);
      drawn = [...boxMuller(block[0]!, block[1]!), ...boxMuller(block[2]!, block[3]!)].find(
        (each) => Math.abs(each) <= 2,
      );
    }
    out[k] = drawn * deviation;
  }
  return out;
}

/** `count` draws of 0..n-1 with replacement. Below 2^-32 * n of bias. */
export function choices(seed: number, stream: number, n: number, count: number): Uint32Array {
  return words(seed, purposes.choice, 0, stream, count)
    .subarray(0, count)
    .map((word) => Math.floor((word * n) / 2 ** 32));
}
