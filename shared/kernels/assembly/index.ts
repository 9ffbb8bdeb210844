// The parameter server's arithmetic, four floats at a time: AssemblyScript, built by the set-up, called by ../kernels.ts. Pointers are byte offsets into
// the shared memory. A kernel does one block of its work, so that several threads can share it; which thread does a block changes no number.

const beta1: f32 = 0.9;
const rest1: f32 = 0.1; // not 1 - beta1: in float32 that is off by 2e-7 of itself, and 1 - beta2 by 1e-5
const beta2: f32 = 0.999;
const rest2: f32 = 0.001;
const eps: f32 = 1e-8;
/** Below this a moment is 0: nothing is left of it in any weight, and the numbers under 1e-38 that it would decay to are a hundred times slower. */
const nothing: f32 = 1e-36;

let thread: i32 = 0;

/** Which thread this instance belongs to, from 0. */
export function belongTo(number: i32): void {
  thread = number;
}

/** Floats that one block of `adam` moves. */
export const adamBlock: i32 = 16384;
/** Rows that one block of `adamOfBags` moves. */
export const rowBlock: i32 = 32;

// ---- Adam, as PyTorch computes it: dense, no decay, eps outside the root after bias correction (spec/recvae.md 1.7) ----

function moveFour(w: usize, m: usize, v: usize, g: v128, rate: f32, correction: f32): void {
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

function moveOne(w: usize, m: usize, v: usize, g: f32, rate: f32, correction: f32): void {
  let mean: f32 = beta1 * load<f32>(m) + rest1 * g;
  let square: f32 = beta2 * load<f32>(v) + rest2 * (g * g);
  if (!(abs(mean) >= nothing)) mean = 0;
  if (!(square >= nothing)) square = 0;
  store<f32>(m, mean);
  store<f32>(v, square);
  store<f32>(w, load<f32>(w) - (rate * mean) / (sqrt(square) * correction + eps));
}

/** Moves block `block` of a tensor of `length` floats; its gradient is the sum of `parts` ones, `stride` bytes apart, added in this order. */
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
): void {
  const first = block * adamBlock;
  const end = (<usize>min(first + adamBlock, length)) << 2;
  let at = (<usize>first) << 2;
  for (; at + 16 <= end; at += 16) {
    let g = v128.load(gradients + at);
    for (let part = 1; part < parts; part++) g = f32x4.add(g, v128.load(gradients + <usize>part * stride + at));
    moveFour(w + at, m + at, v + at, g, rate, correction);
  }
  for (; at < end; at += 4) {
    let g = load<f32>(gradients + at);
    for (let part = 1; part < parts; part++) g += load<f32>(gradients + <usize>part * stride + at);
    moveOne(w + at, m + at, v + at, g, rate, correction);
  }
}

// ---- The embedding bag ----

/** to += a * from, `bytes` long. */
function addScaled(to: usize, from: usize, a: f32, bytes: usize): void {
  let at: usize = 0;
  for (; at + 16 <= bytes; at += 16) v128.store(to + at, f32x4.add(v128.load(to + at), f32x4.mul(f32x4.splat(a), v128.load(from + at))));
  for (; at < bytes; at += 4) store<f32>(to + at, load<f32>(to + at) + a * load<f32>(from + at));
}

/** to += a*A + b*B + c*C + d*D, added one after the other: a quarter of the loads and stores of `to`, the same bits. */
function addFourScaled(to: usize, A: usize, B: usize, C: usize, D: usize, a: f32, b: f32, c: f32, d: f32, bytes: usize): void {
  let at: usize = 0;
  for (; at + 16 <= bytes; at += 16) {
    let sum = f32x4.add(v128.load(to + at), f32x4.mul(f32x4.splat(a), v128.load(A + at)));
    sum = f32x4.add(sum, f32x4.mul(f32x4.splat(b), v128.load(B + at)));
    sum = f32x4.add(sum, f32x4.mul(f32x4.splat(c), v128.load(C + at)));
    v128.store(to + at, f32x4.add(sum, f32x4.mul(f32x4.splat(d), v128.load(D + at))));
  }
  for (; at < bytes; at += 4) {
    let sum = load<f32>(to + at) + a * load<f32>(A + at);
    sum += b * load<f32>(B + at);
    sum += c * load<f32>(C + at);
    store<f32>(to + at, sum + d * load<f32>(D + at));
  }
}

/** to = sum over k in [from, end) of values[k] * table[index[k]], rows of `bytes`. */
function sumOfRows(to: usize, table: usize, index: usize, values: usize, from: i32, end: i32, bytes: usize): void {
  memory.fill(to, 0, bytes);
  let k = (<usize>from) << 2;
  const last = (<usize>end) << 2;
  for (; k + 16 <= last; k += 16) {
    addFourScaled(
      to,
      table + <usize>load<u32>(index + k) * bytes,
      table + <usize>load<u32>(index + k, 4) * bytes,
      table + <usize>load<u32>(index + k, 8) * bytes,
      table + <usize>load<u32>(index + k, 12) * bytes,
      load<f32>(values + k),
      load<f32>(values + k, 4),
      load<f32>(values + k, 8),
      load<f32>(values + k, 12),
      bytes,
    );
  }
  for (; k < last; k += 4) addScaled(to, table + <usize>load<u32>(index + k) * bytes, load<f32>(values + k), bytes);
}

/** Bag of user `block`: the weighted sum of its rows of the table. `ends` says where each user's entries end. */
export function bag(block: i32, bags: usize, table: usize, index: usize, values: usize, ends: usize, bytes: usize): void {
  const from = block === 0 ? 0 : load<i32>(ends + ((<usize>block - 1) << 2));
  sumOfRows(bags + <usize>block * bytes, table, index, values, from, load<i32>(ends + ((<usize>block) << 2)), bytes);
}

/**
 * Moves the rows of block `block` of the table. A row's gradient is the weighted sum of the gradients of the bags that it stands in (`users`, `values`, up to
 * `ends` of each row); it is made in `scratch` (a row for each thread) and used at once: the gradient of the whole table is never written.
 */
export function adamOfBags(
  block: i32,
  scratch: usize,
  table: usize,
  m: usize,
  v: usize,
  dBags: usize,
  users: usize,
  values: usize,
  ends: usize,
  rows: i32,
  bytes: usize,
  rate: f32,
  correction: f32,
): void {
  const gradient = scratch + <usize>thread * ((bytes + 63) & ~63);
  const last = min((block + 1) * rowBlock, rows);
  for (let row = block * rowBlock; row < last; row++) {
    const from = row === 0 ? 0 : load<i32>(ends + ((<usize>row - 1) << 2));
    sumOfRows(gradient, dBags, users, values, from, load<i32>(ends + ((<usize>row) << 2)), bytes);
    const offset = <usize>row * bytes;
    let at: usize = 0;
    for (; at + 16 <= bytes; at += 16)
      moveFour(table + offset + at, m + offset + at, v + offset + at, v128.load(gradient + at), rate, correction);
    for (; at < bytes; at += 4) moveOne(table + offset + at, m + offset + at, v + offset + at, load<f32>(gradient + at), rate, correction);
  }
}

// ---- What may be applied ----

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

// ---- What stands between the products of a hidden layer (spec/recvae.md 1.1): one pass over a user's numbers instead of a dozen ----

/** e^x of four numbers, to 1 or 2 units in the last place (the polynomial of Cephes' expf); beyond +-87 as at +-87. */
function exp4(x: v128): v128 {
  x = f32x4.pmax(f32x4.pmin(x, f32x4.splat(87)), f32x4.splat(-87)); // in this order a NaN stays one
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(Mathf.LOG2E)));
  let r = f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375)));
  r = f32x4.sub(r, f32x4.mul(n, f32x4.splat(-2.1219444e-4)));
  let p = f32x4.splat(1.98756915e-4);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1));
  p = f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(p, r), r), r), f32x4.splat(1));
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23); // 2^n by its bits
  return f32x4.mul(p, power);
}

function sumOfLanes(x: v128): f32 {
  return f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3));
}

/**
 * Row `block` of a hidden layer behind its product: bias, skips, swish, LayerNorm. Rows are padded to a multiple of 4 floats (`bytes`), `width` of them
 * count. In: `h` the product, `skips` the sum of the layers before (it grows by this one). Out: `h`, and for the way back `normal`, `slope` (of swish) and
 * `inverse` (of the deviation).
 */
export function layer(
  block: i32,
  h: usize,
  skips: usize,
  bias: usize,
  gain: usize,
  shift: usize,
  normal: usize,
  slope: usize,
  inverse: usize,
  bytes: usize,
  width: i32,
  eps: f32,
): void {
  const row = <usize>block * bytes;
  const one = f32x4.splat(1);
  let sum = f32x4.splat(0);
  for (let at: usize = 0; at < bytes; at += 16) {
    const a = f32x4.add(f32x4.add(v128.load(h + row + at), v128.load(bias + at)), v128.load(skips + row + at));
    const sigmoid = f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(a))));
    const swish = f32x4.mul(a, sigmoid);
    v128.store(slope + row + at, f32x4.add(sigmoid, f32x4.mul(swish, f32x4.sub(one, sigmoid))));
    v128.store(normal + row + at, swish);
    sum = f32x4.add(sum, swish); // of padding: swish(0) = 0
  }
  const mean = f32x4.splat(sumOfLanes(sum) / <f32>width);
  let squares = f32x4.splat(0);
  const last = (<usize>width) << 2;
  let at: usize = 0;
  for (; at + 16 <= last; at += 16) {
    const centred = f32x4.sub(v128.load(normal + row + at), mean);
    squares = f32x4.add(squares, f32x4.mul(centred, centred));
  }
  let variance = sumOfLanes(squares);
  for (; at < last; at += 4) {
    const centred = load<f32>(normal + row + at) - f32x4.extract_lane(mean, 0);
    variance += centred * centred;
  }
  const scale: f32 = <f32>1 / sqrt<f32>(variance / <f32>width + eps);
  store<f32>(inverse + ((<usize>block) << 2), scale);
  for (at = 0; at < bytes; at += 16) {
    const n = f32x4.mul(f32x4.sub(v128.load(normal + row + at), mean), f32x4.splat(scale));
    const out = f32x4.add(f32x4.mul(n, v128.load(gain + at)), v128.load(shift + at)); // of padding: gain and shift are 0
    v128.store(normal + row + at, n);
    v128.store(h + row + at, out);
    v128.store(skips + row + at, f32x4.add(v128.load(skips + row + at), out));
  }
}

/**
 * The way back of row `block`: from the gradient of h (`d`, to which `later`, what reaches it through the skips, is added) to the gradient of the sum before
 * swish, which takes the place of `d` and joins `later`. `dGain`, `dShift` and `dBias` grow by the row's share: rows in order, in one thread.
 */
export function layerBackward(
  block: i32,
  d: usize,
  later: usize,
  gain: usize,
  normal: usize,
  slope: usize,
  inverse: usize,
  dGain: usize,
  dShift: usize,
  dBias: usize,
  bytes: usize,
  width: i32,
): void {
  const row = <usize>block * bytes;
  let sum = f32x4.splat(0);
  let product = f32x4.splat(0);
  for (let at: usize = 0; at < bytes; at += 16) {
    const dh = f32x4.add(v128.load(d + row + at), v128.load(later + row + at));
    const n = v128.load(normal + row + at);
    v128.store(d + row + at, dh);
    v128.store(dShift + at, f32x4.add(v128.load(dShift + at), dh));
    v128.store(dGain + at, f32x4.add(v128.load(dGain + at), f32x4.mul(dh, n)));
    const dn = f32x4.mul(dh, v128.load(gain + at)); // of padding: 0
    sum = f32x4.add(sum, dn);
    product = f32x4.add(product, f32x4.mul(dn, n));
  }
  const mean = f32x4.splat(sumOfLanes(sum) / <f32>width);
  const meanWithNormal = f32x4.splat(sumOfLanes(product) / <f32>width);
  const scale = v128.load32_splat(inverse + ((<usize>block) << 2));
  const last = (<usize>width) << 2;
  for (let at: usize = 0; at < bytes; at += 16) {
    const dn = f32x4.mul(v128.load(d + row + at), v128.load(gain + at));
    const centred = f32x4.sub(f32x4.sub(dn, mean), f32x4.mul(v128.load(normal + row + at), meanWithNormal));
    let dSum = f32x4.mul(f32x4.mul(centred, scale), v128.load(slope + row + at));
    if (at + 16 > last) dSum = v128.and(dSum, inside(<i32>(last - at) >> 2)); // padding stays 0
    v128.store(d + row + at, dSum);
    v128.store(later + row + at, f32x4.add(v128.load(later + row + at), dSum));
    v128.store(dBias + at, f32x4.add(v128.load(dBias + at), dSum));
  }
}

/** Ones in the first `count` lanes, zeros in the others. */
function inside(count: i32): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count));
}
