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

export function bytesOf({ data }: WireTensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function bytesIn(list: readonly Described[]): number {
  return list.reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0);
}

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
      const data = type === "f32" ? new Float32Array(bytes.buffer, at, length) : new Int32Array(bytes.buffer, at, length);
      at += 4 * length;
      return [name, { name, shape, data }];
    }),
  );
}
