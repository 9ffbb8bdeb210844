// Sums of whole tensors: what local steps need before and after Adam.

/** Floats that one block of `add` and `subtract` covers. */
export const addBlock: i32 = 16384;

/** Block `block` of to += scale * from, both of `length` floats. */
export function add(block: i32, to: usize, from: usize, length: i32, scale: f32): void {
  const end = endOf(block, length);
  let at = startOf(block);
  for (; at + 16 <= end; at += 16)
    v128.store(to + at, f32x4.add(v128.load(to + at), f32x4.mul(f32x4.splat(scale), v128.load(from + at))));
  for (; at < end; at += 4) store<f32>(to + at, load<f32>(to + at) + scale * load<f32>(from + at));
}

/** Block `block` of to = from - to, both of `length` floats. */
export function subtract(block: i32, to: usize, from: usize, length: i32): void {
  const end = endOf(block, length);
  let at = startOf(block);
  for (; at + 16 <= end; at += 16) v128.store(to + at, f32x4.sub(v128.load(from + at), v128.load(to + at)));
  for (; at < end; at += 4) store<f32>(to + at, load<f32>(from + at) - load<f32>(to + at));
}

function startOf(block: i32): usize {
  return (<usize>(block * addBlock)) << 2;
}

function endOf(block: i32, length: i32): usize {
  return (<usize>min((block + 1) * addBlock, length)) << 2;
}
