// Tensors on the wire: raw little-endian float32 or int32, in the order in which the message's header lists them. Below frames.ts.
import { z } from "zod";

/** A tensor as it travels; `data` is not copied until it is cut into frames. */
export interface WireTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

/** What the header says of each tensor, so that the receiver can check sizes before it looks at a byte. */
export const described = z.object({
  name: z.string().min(1).max(64),
  type: z.enum(["f32", "i32"]),
  shape: z
    .array(
      z
        .number()
        .int()
        .min(0)
        .max(2 ** 31),
    )
    .max(4),
});
export type Described = z.output<typeof described>;

export function describeTensor({ name, shape, data }: WireTensor): Described {
  if (sizeOf(shape) !== data.length) throw new Error(`tensor ${name}: shape [${shape}] does not hold ${data.length} numbers`);
  return { name, type: data instanceof Float32Array ? "f32" : "i32", shape: [...shape] };
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Views of the tensors in `bytes` from `offset` (a multiple of 4) on; undefined when they do not fill it exactly. */
export function viewTensors(bytes: Uint8Array, offset: number, list: readonly Described[]): Map<string, WireTensor> | undefined {
  const tensors = new Map<string, WireTensor>();
  let at = offset;
  for (const { name, type, shape } of list) {
    const length = sizeOf(shape);
    if (at + 4 * length > bytes.byteLength || tensors.has(name)) return undefined;
    const start = bytes.byteOffset + at;
    const data = type === "f32" ? new Float32Array(bytes.buffer, start, length) : new Int32Array(bytes.buffer, start, length);
    tensors.set(name, { name, shape, data });
    at += 4 * length;
  }
  return at === bytes.byteLength ? tensors : undefined;
}
