// MurmurHash3 (x86, 32 bit) of text as UTF-8: buckets of the table and the split of users rest on it, so it must never
// change.
// Source: Appleby's MurmurHash3_x86_32, public domain; the vectors in the test come from the reference implementation.

const utf8 = new TextEncoder();
const BUCKETS = 256;

/** Unsigned 32-bit hash of the UTF-8 bytes of `text`. */
export function hash32(text: string, seed: number): number {
  for (let k = 0; k < text.length; k++) {
    if (text.charCodeAt(k) > 127) return hashUtf8(text, seed);
  }
  // ASCII: the characters are the bytes, so no array is made. This path runs once an event.
  const n = text.length;
  let h = seed | 0;
  let k = 0;
  for (; k + 4 <= n; k += 4) {
    h = mixBlock(
      h,
      text.charCodeAt(k) |
        (text.charCodeAt(k + 1) << 8) |
        (text.charCodeAt(k + 2) << 16) |
        (text.charCodeAt(k + 3) << 24),
    );
  }
  let tail = 0;
  for (let j = n - 1; j >= k; j--) tail = (tail << 8) | text.charCodeAt(j);
  return finish(h, tail, n);
}

function hashUtf8(text: string, seed: number): number {
  const bytes = utf8.encode(text);
  return hashBytes(bytes, 0, bytes.length, seed);
}

/** Unsigned 32-bit hash of the bytes from `start` to `end`: of text as UTF-8 the same as hash32. */
export function hashBytes(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let h = seed | 0;
  let k = start;
  for (; k + 4 <= end; k += 4)
    h = mixBlock(h, bytes[k]! | (bytes[k + 1]! << 8) | (bytes[k + 2]! << 16) | (bytes[k + 3]! << 24));
  let tail = 0;
  for (let j = end - 1; j >= k; j--) tail = (tail << 8) | bytes[j]!;
  return finish(h, tail, end - start);
}

const scramble = (block: number) => {
  const a = Math.imul(block, 0xcc9e2d51);
  return Math.imul((a << 15) | (a >>> 17), 0x1b873593);
};

function mixBlock(h: number, block: number): number {
  const a = h ^ scramble(block);
  return (Math.imul((a << 13) | (a >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(h: number, tail: number, length: number): number {
  let a = h ^ scramble(tail) ^ length;
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b);
  a = Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
  return (a ^ (a >>> 16)) >>> 0;
}

/** The `bucket` column of the events table: 0..255. */
export const bucketOf = (user: string): number => bucketOfHash(hash32(user, 0));

/** The same, where the user's hash with seed 0 is known. */
export const bucketOfHash = (hash: number): number => hash % BUCKETS;
