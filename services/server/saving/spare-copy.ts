// A copy of tensors that is written to disk while the run goes on: memory that a thread can read, taken once and used
// again. Below checkpointing.ts.
import { joined } from "../../../shared/compute/pieces.ts";
import type { Weights } from "../../../shared/neural/parameters.ts";

/**
 * What has outgrown its memory gets so much more: the old one stays until both threads have collected it, and room that
 * nothing was written to takes none of the machine's.
 */
const HEADROOM = 4;

/** Copies tensors. The copy before it must not be used any more. */
export function spareCopy(): (tensors: Weights) => Weights {
  const held = new Map<string, SharedArrayBuffer>();
  const memoryFor = (name: string, bytes: number): SharedArrayBuffer => {
    const before = held.get(name);
    if (before && before.byteLength >= bytes) return before;
    const memory = new SharedArrayBuffer(before ? Math.ceil((bytes * HEADROOM) / 4) * 4 : bytes);
    held.set(name, memory);
    return memory;
  };
  return (tensors) =>
    Object.fromEntries(
      Object.entries(tensors).map(([name, tensor]) => {
        const length = tensor.shape.reduce((a, b) => a * b, 1);
        const copy = new Float32Array(memoryFor(name, 4 * length), 0, length);
        return [name, { shape: tensor.shape, data: joined(copy, tensor.pieces ?? [tensor.data]) }];
      }),
    );
}
