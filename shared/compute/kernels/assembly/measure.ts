// How large a step of Adam was, read from its moments: the mean of squares before and after tells the gradient, both
// moments together the way of the weights.

const eps: f32 = 1e-8;

/** Floats that one block of `measure` covers. */
export const measureBlock: i32 = 65536;

/**
 * Sum of `v` over block `block` of a tensor of `length` floats, and, where `m` is given (not 0), of the squares of what
 * Adam moved the weights by; both to `sums`.
 */
export function measure(block: i32, m: usize, v: usize, length: i32, rate: f32, correction: f32, sums: usize): void {
  const first = block * measureBlock;
  const end = (<usize>min(first + measureBlock, length)) << 2;
  let squares: f64 = 0;
  let way: f64 = 0;
  let at = (<usize>first) << 2;
  while (at + 16 <= end) {
    // so few in float32 that nothing of note is lost
    const stop = min(at + 4096, end);
    let someSquares = f32x4.splat(0);
    let someWay = f32x4.splat(0);
    for (; at + 16 <= stop; at += 16) {
      const square = v128.load(v + at);
      someSquares = f32x4.add(someSquares, square);
      if (m === 0) continue;
      const deviation = f32x4.add(f32x4.mul(f32x4.sqrt(square), f32x4.splat(correction)), f32x4.splat(eps));
      const moved = f32x4.div(f32x4.mul(f32x4.splat(rate), v128.load(m + at)), deviation);
      someWay = f32x4.add(someWay, f32x4.mul(moved, moved));
    }
    squares += lanes(someSquares);
    way += lanes(someWay);
  }
  for (; at < end; at += 4) {
    const square = load<f32>(v + at);
    squares += square;
    if (m === 0) continue;
    const moved = (rate * load<f32>(m + at)) / (sqrt(square) * correction + eps);
    way += <f64>moved * <f64>moved;
  }
  const to = sums + ((<usize>block) << 4);
  store<f64>(to, squares);
  store<f64>(to + 8, way);
}

function lanes(four: v128): f64 {
  return (
    <f64>f32x4.extract_lane(four, 0) +
    <f64>f32x4.extract_lane(four, 1) +
    <f64>f32x4.extract_lane(four, 2) +
    <f64>f32x4.extract_lane(four, 3)
  );
}
