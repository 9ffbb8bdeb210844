// The embedding bag: weighted sums of rows, and a step of the rows that stood in them.
import { moveFour, moveOne } from "./adam";
import { gatherBlock } from "./bfloat16";

let thread: i32 = 0;

/** Which thread this instance belongs to, from 0. */
export function belongTo(number: i32): void {
  thread = number;
}

/** Rows that one block of `adamOfBags` moves. */
export const rowBlock: i32 = 32;

/** to += a * from, `bytes` long. */
function addScaled(to: usize, from: usize, a: f32, bytes: usize): void {
  let at: usize = 0;
  for (; at + 16 <= bytes; at += 16)
    v128.store(to + at, f32x4.add(v128.load(to + at), f32x4.mul(f32x4.splat(a), v128.load(from + at))));
  for (; at < bytes; at += 4) store<f32>(to + at, load<f32>(to + at) + a * load<f32>(from + at));
}

/** to += a*A + b*B + c*C + d*D, added one after the other: a quarter of the loads and stores of `to`, the same bits. */
function addFourScaled(
  to: usize,
  A: usize,
  B: usize,
  C: usize,
  D: usize,
  a: f32,
  b: f32,
  c: f32,
  d: f32,
  bytes: usize,
): void {
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

/** to += sum over k in [from, end) of values[k] * table[index[k]], rows of `bytes`, added one after the other. */
function addRows(to: usize, table: usize, index: usize, values: usize, from: i32, end: i32, bytes: usize): void {
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

function sumOfRows(to: usize, table: usize, index: usize, values: usize, from: i32, end: i32, bytes: usize): void {
  memory.fill(to, 0, bytes);
  addRows(to, table, index, values, from, end, bytes);
}

/**
 * Adds to the bag of user `block` the weighted sum of its rows of the table. `ends` says where each user's entries end.
 */
export function bag(
  block: i32,
  bags: usize,
  table: usize,
  index: usize,
  values: usize,
  ends: usize,
  bytes: usize,
): void {
  const from = block === 0 ? 0 : load<i32>(ends + ((<usize>block - 1) << 2));
  addRows(bags + <usize>block * bytes, table, index, values, from, load<i32>(ends + ((<usize>block) << 2)), bytes);
}

/**
 * Moves the rows of block `block` of the table. A row's gradient is the weighted sum of the gradients of the bags that
 * it stands in (`users`, `values`, up to `ends` of each row), and of `decay` times the row itself; it is made in
 * `scratch` (a row for each thread) and used at once: the gradient of the whole table is never written. The moments of
 * row k are row `places`[k] of `m` and `v`; row k where there are no places (0).
 */
export function adamOfBags(
  block: i32,
  scratch: usize,
  table: usize,
  m: usize,
  v: usize,
  places: usize,
  dBags: usize,
  users: usize,
  values: usize,
  ends: usize,
  rows: i32,
  bytes: usize,
  rate: f32,
  correction: f32,
  decay: f32,
): void {
  const gradient = scratch + <usize>thread * ((bytes + 63) & ~63);
  const last = min((block + 1) * rowBlock, rows);
  for (let row = block * rowBlock; row < last; row++) {
    const from = row === 0 ? 0 : load<i32>(ends + ((<usize>row - 1) << 2));
    sumOfRows(gradient, dBags, users, values, from, load<i32>(ends + ((<usize>row) << 2)), bytes);
    if (decay !== 0) addScaled(gradient, table + <usize>row * bytes, decay, bytes);
    const place = <usize>(places === 0 ? row : load<u32>(places + ((<usize>row) << 2))) * bytes;
    moveRow(table + <usize>row * bytes, m + place, v + place, gradient, bytes, rate, correction);
  }
}

/** Adds rows one after another, each times its share, to rows `index` of the table; each of them stands there once. */
export function addRowsAt(
  block: i32,
  table: usize,
  rows: usize,
  index: usize,
  shares: usize,
  count: i32,
  bytes: usize,
): void {
  const last = min((block + 1) * gatherBlock, count);
  for (let row = block * gatherBlock; row < last; row++) {
    const place = (<usize>row) << 2;
    addScaled(
      table + <usize>load<u32>(index + place) * bytes,
      rows + <usize>row * bytes,
      load<f32>(shares + place),
      bytes,
    );
  }
}

function moveRow(w: usize, m: usize, v: usize, gradient: usize, bytes: usize, rate: f32, correction: f32): void {
  let at: usize = 0;
  for (; at + 16 <= bytes; at += 16) moveFour(w + at, m + at, v + at, v128.load(gradient + at), rate, correction);
  for (; at < bytes; at += 4) moveOne(w + at, m + at, v + at, load<f32>(gradient + at), rate, correction);
}
