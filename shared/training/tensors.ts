// Tensors on the wire: raw little-endian float32, int32 or bfloat16, each padded to whole fours of bytes, in the order
// in which the message's header lists them. Below frames.ts.
import { z } from "zod";

/** A tensor as it travels; `data` is not copied until it is cut into frames. */
export interface WireTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Uint16Array: bfloat16. */
  readonly data: Float32Array | Int32Array | Uint16Array;
}

/** What the header says of each tensor, so that the receiver can check sizes before it looks at a byte. */
export const described = z.object({
  name: z.string().min(1).max(64),
  type: z.enum(["f32", "i32", "bf16"]),
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
  if (sizeOf(shape) !== data.length)
    throw new Error(`tensor ${name}: shape [${shape}] does not hold ${data.length} numbers`);
  return {
    name,
    type: data instanceof Float32Array ? "f32" : data instanceof Int32Array ? "i32" : "bf16",
    shape: [...shape],
  };
}

/** Its bytes, padding included, one piece after another. */
export function bytesOf({ data }: WireTensor): Uint8Array[] {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return bytes.byteLength % 4 === 0 ? [bytes] : [bytes, new Uint8Array(2)];
}

const arrays = { f32: Float32Array, i32: Int32Array, bf16: Uint16Array } as const;

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function bytesIn(list: readonly Described[]): number {
  return list.reduce((sum, { type, shape }) => sum + paddedBytes(type, sizeOf(shape)), 0);
}

const paddedBytes = (type: Described["type"], length: number) =>
  type === "bf16" ? Math.ceil(length / 2) * 4 : 4 * length;

/** Whether tensors of these shapes, each name once, take up so many bytes. */
export function fills(list: readonly Described[], bytes: number): boolean {
  const names = new Set(list.map(({ name }) => name));
  return names.size === list.length && bytesIn(list) === bytes;
}

/** Views of the tensors in `bytes`, which they fill and which begin at a multiple of 4. */
export function viewTensors(bytes: Uint8Array, list: readonly Described[]): Map<string, WireTensor> {
  let at = bytes.byteOffset;
  return new Map(
    list.map(({ name, type, shape }) => {
      const length = sizeOf(shape);
      const data = new arrays[type](bytes.buffer as ArrayBuffer, at, length);
      at += paddedBytes(type, length);
      return [name, { name, shape, data }];
    }),
  );
}
