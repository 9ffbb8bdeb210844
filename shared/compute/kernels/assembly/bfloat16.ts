// Float32 to bfloat16, its upper half, and back: half the bytes on the wire. Rounds to nearest, ties to even; a NaN
// stays one.

/** Numbers that one block covers. */
export const halfBlock: i32 = 16384;

function halvesOf(x: v128): v128 {
  const odd = v128.and(i32x4.shr_u(x, 16), i32x4.splat(1));
  const rounded = i32x4.shr_u(i32x4.add(i32x4.add(x, i32x4.splat(0x7fff)), odd), 16);
  const quiet = v128.or(i32x4.shr_u(x, 16), i32x4.splat(0x40)); // rounding could carry a NaN over to 0
  return v128.bitselect(quiet, rounded, f32x4.ne(x, x));
}

/** Block `block` of `length` numbers; room for whole eights on both sides. */
export function toHalves(block: i32, to: usize, from: usize, length: i32): void {
  const end = min((block + 1) * halfBlock, length);
  for (let k = block * halfBlock; k < end; k += 8) {
    const place = from + ((<usize>k) << 2);
    v128.store(
      to + ((<usize>k) << 1),
      i16x8.narrow_i32x4_u(halvesOf(v128.load(place)), halvesOf(v128.load(place, 16))),
    );
  }
}

function halfOf(bits: u32): u16 {
  if ((bits & 0x7fffffff) > 0x7f800000) return <u16>((bits >> 16) | 0x40);
  return <u16>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

/** Rows that one block of `gatherHalves` gathers. */
export const gatherBlock: i32 = 64;

/** Rows `index` of the table, `width` floats each, as halves one after another. */
export function gatherHalves(block: i32, to: usize, table: usize, index: usize, count: i32, width: i32): void {
  const last = min((block + 1) * gatherBlock, count);
  const byEights = width & ~7;
  for (let row = block * gatherBlock; row < last; row++) {
    const from = table + <usize>load<u32>(index + ((<usize>row) << 2)) * ((<usize>width) << 2);
    const into = to + <usize>row * ((<usize>width) << 1);
    for (let k = 0; k < byEights; k += 8) {
      const place = from + ((<usize>k) << 2);
      v128.store(
        into + ((<usize>k) << 1),
        i16x8.narrow_i32x4_u(halvesOf(v128.load(place)), halvesOf(v128.load(place, 16))),
      );
    }
    for (let k = byEights; k < width; k++)
      store<u16>(into + ((<usize>k) << 1), halfOf(load<u32>(from + ((<usize>k) << 2))));
  }
}

/** The way back, which is exact. */
export function fromHalves(block: i32, to: usize, from: usize, length: i32): void {
  const end = min((block + 1) * halfBlock, length);
  for (let k = block * halfBlock; k < end; k += 8) {
    const halves = v128.load(from + ((<usize>k) << 1));
    const place = to + ((<usize>k) << 2);
    v128.store(place, i32x4.shl(i32x4.extend_low_i16x8_u(halves), 16));
    v128.store(place, i32x4.shl(i32x4.extend_high_i16x8_u(halves), 16), 16);
  }
}
