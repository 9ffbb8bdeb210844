// A copy of tensors that is written to disk while the run goes on: memory that a thread can read, taken once and used
// again. Below checkpointing.ts.
import { joined } from "../../../shared/compute/pieces.ts";
import type { Tensor, Weights } from "../../../shared/neural/parameters.ts";

/**
 * What has outgrown its memory gets so much more: the old one stays until both threads have collected it, and room that
 * nothing was written to takes none of the machine's.
 */
const HEADROOM = 4;
/** Bytes that are made ready at a time: a few milliseconds. */
const AT_ONCE = 16 << 20;

export interface SpareCopy {
  /** Copies tensors. The copy before it must not be used any more. */
  copy(tensors: Weights): Weights;
  /**
   * Before the first copy: the memory that it will need is asked of the machine bit by bit, where the copy would wait
   * for all of it at once.
   */
  ready(tensors: Weights): Generator<void, void>;
}

export function spareCopy(): SpareCopy {
  const held = new Map<string, SharedArrayBuffer>();
  const memoryFor = (name: string, bytes: number): SharedArrayBuffer => {
    const before = held.get(name);
    if (before && before.byteLength >= bytes) return before;
    const memory = new SharedArrayBuffer(before ? Math.ceil((bytes * HEADROOM) / 4) * 4 : bytes);
    held.set(name, memory);
    return memory;
  };
  const sizeOf = ({ shape }: Tensor) => shape.reduce((a, b) => a * b, 1);
  return {
    copy: (tensors) =>
      Object.fromEntries(
        Object.entries(tensors).map(([name, tensor]) => {
          const length = sizeOf(tensor);
          const copy = new Float32Array(memoryFor(name, 4 * length), 0, length);
          return [name, { shape: tensor.shape, data: joined(copy, tensor.pieces ?? [tensor.data]) }];
        }),
      ),
    *ready(tensors) {
      let bytes = 0;
      for (const [name, tensor] of Object.entries(tensors)) {
        const memory = new Uint8Array(memoryFor(name, 4 * sizeOf(tensor)));
        for (let from = 0; from < memory.length; from += AT_ONCE) {
          memory.fill(0, from, from + AT_ONCE);
          bytes += Math.min(AT_ONCE, memory.length - from);
          if (bytes < AT_ONCE) continue;
          bytes = 0;
          yield;
        }
      }
    },
  };
}
