// What stands between the products of a hidden layer (docs/design/recvae.md#encoder): one pass over a user's numbers
// instead of a dozen.

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
 * Row `block` of a hidden layer behind its product: bias, skips, swish, LayerNorm. Rows are padded to a multiple of 4
 * floats (`bytes`), `width` of them count. In: `h` the product, `skips` the sum of the layers before (it grows by this
 * one). Out: `h`, and for the way back `normal`, `slope` (of swish) and `inverse` (of the deviation).
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
    // of padding: gain and shift are 0
    const out = f32x4.add(f32x4.mul(n, v128.load(gain + at)), v128.load(shift + at));
    v128.store(normal + row + at, n);
    v128.store(h + row + at, out);
    v128.store(skips + row + at, f32x4.add(v128.load(skips + row + at), out));
  }
}

/**
 * The way back of row `block`: from the gradient of h (`d`, to which `later`, what reaches it through the skips, is
 * added) to the gradient of the sum before swish, which takes the place of `d` and joins `later`. `dGain`, `dShift` and
 * `dBias` grow by the row's share: rows in order, in one thread.
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
