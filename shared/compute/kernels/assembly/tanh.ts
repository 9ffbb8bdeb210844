// What stands behind the product of a plain layer: bias, then tanh. No bit of a row depends on what stands beside it,
// which no library promises of its own tanh.

/**
 * tanh of four numbers, to a few units in the last place (the rational function of Eigen's fast one); beyond +-7.9 it
 * is as at +-7.9, 1 in float32.
 */
function tanh4(x: v128): v128 {
  // in this order a NaN stays one
  x = f32x4.pmax(f32x4.pmin(x, f32x4.splat(7.905311107635498)), f32x4.splat(-7.905311107635498));
  const square = f32x4.mul(x, x);
  let p = f32x4.splat(-2.76076847742355e-16);
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(2.00018790482477e-13));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(-8.60467152213735e-11));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(5.12229709037114e-8));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(1.48572235717979e-5));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(6.37261928875436e-4));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(4.89352455891786e-3));
  let q = f32x4.splat(1.19825839466702e-6);
  q = f32x4.add(f32x4.mul(q, square), f32x4.splat(1.18534705686654e-4));
  q = f32x4.add(f32x4.mul(q, square), f32x4.splat(2.268434632439e-3));
  q = f32x4.add(f32x4.mul(q, square), f32x4.splat(4.89352518554385e-3));
  return f32x4.div(f32x4.mul(p, x), q);
}

/**
 * Row `block` of `h`, a product, becomes tanh(h + bias). Rows are padded with zeros to `bytes`, a multiple of 16; of
 * padding tanh is 0.
 */
export function tanh(block: i32, h: usize, bias: usize, bytes: usize): void {
  const row = h + <usize>block * bytes;
  for (let at: usize = 0; at < bytes; at += 16)
    v128.store(row + at, tanh4(f32x4.add(v128.load(row + at), v128.load(bias + at))));
}
