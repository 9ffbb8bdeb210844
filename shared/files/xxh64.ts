// XXH64 with seed 0, of which zstd keeps the lower half as a frame's checksum: fzstd does not look at it. In halves of
// 32 bits, since BigInt is ten times slower. Pure.

/** Each number as its lower and its higher half. */
const [P1L, P1H] = [0x85ebca87 | 0, 0x9e3779b1 | 0];
const [P2L, P2H] = [0x27d4eb4f | 0, 0xc2b2ae3d | 0];
const [P3L, P3H] = [0x9e3779f9 | 0, 0x165667b1 | 0];
const [P4L, P4H] = [0xc2b2ae63 | 0, 0x85ebca77 | 0];
const [P5L, P5H] = [0x165667c5 | 0, 0x27d4eb2f | 0];
const STRIPE = 32;

/** The lower half is given back, the higher one stands here. */
let high = 0;

function times(al: number, ah: number, bl: number, bh: number): number {
  const b = bl >>> 0;
  const low = (al & 0xffff) * b;
  const mid = (al >>> 16) * b;
  const sum = low + (mid % 0x10000) * 0x10000;
  high = (Math.floor(sum / 0x100000000) + Math.floor(mid / 0x10000) + Math.imul(ah, bl) + Math.imul(al, bh)) | 0;
  return sum | 0;
}

function plus(al: number, ah: number, bl: number, bh: number): number {
  const low = (al + bl) | 0;
  high = (ah + bh + (low >>> 0 < al >>> 0 ? 1 : 0)) | 0;
  return low;
}

/** To the left, by fewer than 32. */
function rotated(l: number, h: number, by: number): number {
  high = (h << by) | (l >>> (32 - by));
  return (l << by) | (h >>> (32 - by));
}

function round(al: number, ah: number, inL: number, inH: number): number {
  let l = times(inL, inH, P2L, P2H);
  l = plus(al, ah, l, high);
  l = rotated(l, high, 31);
  return times(l, high, P1L, P1H);
}

export interface Xxh64 {
  add(bytes: Uint8Array): void;
  /** The lower 32 bits, as zstd writes them. */
  lower(): number;
}

export function xxh64(): Xxh64 {
  const seed = plus(P1L, P1H, P2L, P2H);
  const minus = plus(~P1L, ~P1H, 1, 0);
  const lanes = Int32Array.of(seed, 0, P2L, P2H, 0, 0, minus, 0);
  plus(P1L, P1H, P2L, P2H);
  lanes[1] = high;
  plus(~P1L, ~P1H, 1, 0);
  lanes[7] = high;
  const rest = Buffer.alloc(STRIPE);
  let kept = 0;
  let total = 0;

  function stripe(bytes: Buffer, at: number) {
    for (let lane = 0; lane < 8; lane += 2) {
      lanes[lane] = round(
        lanes[lane]!,
        lanes[lane + 1]!,
        bytes.readInt32LE(at + 4 * lane),
        bytes.readInt32LE(at + 4 * lane + 4),
      );
      lanes[lane + 1] = high;
    }
  }

  return {
    add: (piece) => {
      const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
      total += bytes.length;
      let at = 0;
      if (kept > 0) {
        at = bytes.copy(rest, kept);
        kept += at;
        if (kept < STRIPE) return;
        stripe(rest, 0);
      }
      for (; at + STRIPE <= bytes.length; at += STRIPE) stripe(bytes, at);
      kept = bytes.copy(rest, 0, at);
    },
    lower: () => {
      let [l, h] = [P5L, P5H];
      if (total >= STRIPE) {
        [l, h] = [0, 0];
        for (const [lane, by] of [1, 7, 12, 18].entries()) {
          const turned = rotated(lanes[2 * lane]!, lanes[2 * lane + 1]!, by);
          l = plus(l, h, turned, high);
          h = high;
        }
        for (let lane = 0; lane < 8; lane += 2) {
          const mixed = round(0, 0, lanes[lane]!, lanes[lane + 1]!);
          l = times(l ^ mixed, h ^ high, P1L, P1H);
          l = plus(l, high, P4L, P4H);
          h = high;
        }
      }
      l = plus(l, h, total | 0, Math.floor(total / 0x100000000));
      h = high;
      let at = 0;
      for (; at + 8 <= kept; at += 8) {
        const mixed = round(0, 0, rest.readInt32LE(at), rest.readInt32LE(at + 4));
        l = rotated(l ^ mixed, h ^ high, 27);
        l = times(l, high, P1L, P1H);
        l = plus(l, high, P4L, P4H);
        h = high;
      }
      if (at + 4 <= kept) {
        const mixed = times(rest.readInt32LE(at), 0, P1L, P1H);
        l = rotated(l ^ mixed, h ^ high, 23);
        l = times(l, high, P2L, P2H);
        l = plus(l, high, P3L, P3H);
        h = high;
        at += 4;
      }
      for (; at < kept; at++) {
        const mixed = times(rest[at]!, 0, P5L, P5H);
        l = rotated(l ^ mixed, h ^ high, 11);
        l = times(l, high, P1L, P1H);
        h = high;
      }
      l ^= h >>> 1; // 33 to the right
      l = times(l, h, P2L, P2H);
      h = high;
      [l, h] = [l ^ ((l >>> 29) | (h << 3)), h ^ (h >>> 29)];
      l = times(l, h, P3L, P3H);
      return (l ^ high) >>> 0; // 32 to the right
    },
  };
}
