// Memory of messages, used again: a new array of megabytes for every message would have the collector run at every step.
import type { Allocate } from "./frames.ts";

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
