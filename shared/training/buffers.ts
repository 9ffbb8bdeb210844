// Memory of messages, used again: a new array of megabytes for every message would have the collector run at every
// step.
import type { Allocate } from "./frames.ts";
import type { HalvesMemory } from "./numbers.ts";

/** Smaller ones are left to the collector. */
const SMALLEST = 64 * 1024;
/** Kept beyond what is in use. */
const MOST_FREE = 8;

/** Frames that are being sent. */
export class FrameBuffers {
  readonly #free: ArrayBuffer[] = [];

  readonly take: Allocate = (bytes) => {
    const at = this.#free.findIndex(({ byteLength }) => byteLength >= bytes && byteLength <= 2 * bytes);
    const [buffer] = at >= 0 ? this.#free.splice(at, 1) : [new ArrayBuffer(bytes)];
    return new Uint8Array(buffer!, 0, bytes);
  };

  /** When the socket has taken it. */
  readonly giveBack = ({ buffer }: Uint8Array): void => {
    if (buffer.byteLength >= SMALLEST && this.#free.length < MOST_FREE) this.#free.push(buffer as ArrayBuffer);
  };
}

/** Received messages of one kind: each overwrites the one before. */
export function reused(): Allocate {
  let buffer = new ArrayBuffer(0);
  return (bytes) => {
    if (buffer.byteLength < bytes) buffer = new ArrayBuffer(bytes);
    return new Uint8Array(buffer, 0, bytes);
  };
}

/** Halves of each tensor: each overwrites those of its name before. */
export function halvesReused(): HalvesMemory {
  const held = new Map<string, Uint16Array>();
  return (name, length) => {
    const before = held.get(name);
    const halves = before && before.length >= length ? before : new Uint16Array(length);
    held.set(name, halves);
    return halves.subarray(0, length);
  };
}
