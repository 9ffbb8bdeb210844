// A matrix in the kernels' memory whose rows are padded with zeros to whole fours of floats, so that no kernel has to
// look after a rest.
import type { KernelMemory } from "./memory.ts";

export interface Rows {
  readonly data: Float32Array;
  readonly count: number;
  /** Floats of a row that count, and floats from one row to the next. */
  readonly width: number;
  readonly stride: number;
}

export const strideOf = (width: number) => Math.ceil(width / 4) * 4;

/** Zeros. */
export function rows(memory: KernelMemory, count: number, width: number): Rows {
  const stride = strideOf(width);
  return { data: memory.zeros(count * stride), count, width, stride };
}

/** A copy of a matrix without padding, `[count x width]`. */
export function placeRows(memory: KernelMemory, values: Float32Array, width: number): Rows {
  const stride = strideOf(width);
  const count = values.length / width;
  if (stride === width) return { data: memory.place(values), count, width, stride };
  const placed = rows(memory, count, width);
  for (let row = 0; row < count; row++) placed.data.set(values.subarray(row * width, (row + 1) * width), row * stride);
  return placed;
}

/** A copy without padding, outside the kernels' memory. */
export function compact({ data, count, width, stride }: Rows): Float32Array {
  if (stride === width) return data.slice();
  const values = new Float32Array(count * width);
  for (let row = 0; row < count; row++) values.set(data.subarray(row * stride, row * stride + width), row * width);
  return values;
}
