// Adam, as PyTorch computes it: dense, eps outside the root after bias correction (docs/design/recvae.md#schedule); and
// whether a gradient may be applied.

const beta1: f32 = 0.9;
const rest1: f32 = 0.1; // not 1 - beta1: in float32 that is off by 2e-7 of itself, and 1 - beta2 by 1e-5
const beta2: f32 = 0.999;
const rest2: f32 = 0.001;
const eps: f32 = 1e-8;
/**
 * Below this a moment is 0: nothing is left of it in any weight, and the numbers under 1e-38 that it would decay to are
 * a hundred times slower.
 */
const nothing: f32 = 1e-36;

/** Floats that one block of `adam` moves. */
export const adamBlock: i32 = 16384;

export function moveFour(w: usize, m: usize, v: usize, g: v128, rate: f32, correction: f32): void {
  const floor = f32x4.splat(nothing);
  let mean = f32x4.add(f32x4.mul(f32x4.splat(beta1), v128.load(m)), f32x4.mul(f32x4.splat(rest1), g));
  let square = f32x4.add(f32x4.mul(f32x4.splat(beta2), v128.load(v)), f32x4.mul(f32x4.splat(rest2), f32x4.mul(g, g)));
  mean = v128.and(mean, f32x4.ge(f32x4.abs(mean), floor));
  square = v128.and(square, f32x4.ge(square, floor));
  v128.store(m, mean);
  v128.store(v, square);
  const deviation = f32x4.add(f32x4.mul(f32x4.sqrt(square), f32x4.splat(correction)), f32x4.splat(eps));
  v128.store(w, f32x4.sub(v128.load(w), f32x4.div(f32x4.mul(f32x4.splat(rate), mean), deviation)));
}

export function moveOne(w: usize, m: usize, v: usize, g: f32, rate: f32, correction: f32): void {
  let mean: f32 = beta1 * load<f32>(m) + rest1 * g;
  let square: f32 = beta2 * load<f32>(v) + rest2 * (g * g);
  if (!(abs(mean) >= nothing)) mean = 0;
  if (!(square >= nothing)) square = 0;
  store<f32>(m, mean);
  store<f32>(v, square);
  store<f32>(w, load<f32>(w) - (rate * mean) / (sqrt(square) * correction + eps));
}

/**
 * Moves block `block` of a tensor of `length` floats; its gradient is the sum of `parts` ones, `stride` bytes apart,
 * added in this order, and of `decay` times the weight itself.
 */
export function adam(
  block: i32,
  w: usize,
  m: usize,
  v: usize,
  gradients: usize,
  stride: usize,
  parts: i32,
  length: i32,
  rate: f32,
  correction: f32,
  decay: f32,
): void {
  const first = block * adamBlock;
  const end = (<usize>min(first + adamBlock, length)) << 2;
  let at = (<usize>first) << 2;
  for (; at + 16 <= end; at += 16) {
    let g = v128.load(gradients + at);
    for (let part = 1; part < parts; part++) g = f32x4.add(g, v128.load(gradients + <usize>part * stride + at));
    if (decay !== 0) g = f32x4.add(g, f32x4.mul(f32x4.splat(decay), v128.load(w + at)));
    moveFour(w + at, m + at, v + at, g, rate, correction);
  }
  for (; at < end; at += 4) {
    let g = load<f32>(gradients + at);
    for (let part = 1; part < parts; part++) g += load<f32>(gradients + <usize>part * stride + at);
    if (decay !== 0) g += decay * load<f32>(w + at);
    moveOne(w + at, m + at, v + at, g, rate, correction);
  }
}

/** Whether none of `length` floats is a NaN or an infinity: x * 0 is 0 for every finite x and NaN otherwise. */
export function finite(from: usize, length: i32): bool {
  const end = (<usize>length) << 2;
  const zero = f32x4.splat(0);
  let poison = zero;
  let at: usize = 0;
  for (; at + 16 <= end; at += 16) poison = f32x4.add(poison, f32x4.mul(v128.load(from + at), zero));
  let rest: f32 = 0;
  for (; at < end; at += 4) rest += load<f32>(from + at) * 0;
  return i32x4.all_true(f32x4.eq(poison, zero)) && rest === 0;
}
