// Which tensors may travel as bfloat16: weights, their gradients, and how far they moved. Sums, posteriors and metrics
// stay float32: they are few, and checked or kept.
import type { Expected } from "./expected.ts";
import type { Described, WireTensor } from "./tensors.ts";

/** f32: as they are. bf16: rounded to their upper half, half the bytes. */
export const wires = ["f32", "bf16"] as const;
export type Wire = (typeof wires)[number];

/** Rows of the first layer are weights too; they travel by this name. */
export const rowsName = "rows";

export function typeOf(name: string, wire: Wire): Described["type"] {
  const isWeight = name === rowsName || /^(encoder|decoder)\./.test(name);
  return isWeight ? wire : "f32";
}

/** What must come where tensors of these shapes are to travel so. */
export function asExpected(
  shapes: readonly (readonly [name: string, shape: readonly number[]])[],
  wire: Wire,
): Expected[] {
  return shapes.map(([name, shape]) => [name, shape, typeOf(name, wire)]);
}

/** What turns numbers to halves and back: the kernels do. */
export interface Halving {
  toHalves(values: Float32Array, into?: Uint16Array): Uint16Array;
  fromHalves(halves: Uint16Array, into: Float32Array): void;
}

/** The tensor as it travels. */
export function asSent(
  tensor: WireTensor,
  wire: Wire,
  { toHalves }: Pick<Halving, "toHalves">,
  into?: HalvesMemory,
): WireTensor {
  const { name, shape, data } = tensor;
  if (!(data instanceof Float32Array) || typeOf(name, wire) !== "bf16") return tensor;
  return { name, shape, data: toHalves(data, into?.(name, data.length)) };
}

/** Memory for a tensor's halves. */
export type HalvesMemory = (name: string, length: number) => Uint16Array;
