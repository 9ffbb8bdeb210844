// bzip2 as a stream of blocks. unbzip2-stream's own stream decodes all that it was given before anybody reads: 45 bytes
// of a bomb are 46 MB. Its decoder takes one block at a time.
import bitsOf from "unbzip2-stream/lib/bit_iterator.js";
import decoder from "unbzip2-stream/lib/bzip2.js";
import type { Bytes } from "./kinds.ts";

const UNIT = 100_000;
/** A block is hardly ever larger packed than not. */
const SLACK = 25_000;

export async function* bunzipped(packed: Bytes): Bytes {
  const input = packed[Symbol.asyncIterator]();
  const queue: Uint8Array[] = [];
  let queued = 0;
  let isOver = false;
  const fill = async (wanted: number) => {
    while (!isOver && queued < wanted) {
      const { done, value } = await input.next();
      isOver = done === true;
      if (value !== undefined && value.length > 0) {
        queue.push(value);
        queued += value.length;
      }
    }
  };
  await fill(1);
  const bits = bitsOf(() => {
    const next = queue.shift();
    if (next === undefined) throw new Error("unexpected end of file");
    return next;
  });
  let taken = 0;
  let size = 0;
  let checksum = 0;
  for (;;) {
    queued -= bits.bytesRead - taken;
    taken = bits.bytesRead;
    await fill(SLACK + size * UNIT);
    if (queued <= 0) break;
    if (size === 0) {
      size = decoder.header(bits);
      checksum = 0;
      continue;
    }
    const block = growing(size * UNIT);
    const next = decoder.decompress(bits, block.push, new Int32Array(size * UNIT), size * UNIT, checksum);
    if (next === null) size = 0;
    else {
      checksum = next;
      yield block.bytes();
    }
  }
  if (size !== 0) throw new Error("unexpected end of file");
}

function growing(capacity: number) {
  let bytes = new Uint8Array(capacity);
  let length = 0;
  return {
    push: (byte: number) => {
      if (length === bytes.length) {
        const old = bytes;
        bytes = new Uint8Array(2 * old.length);
        bytes.set(old);
      }
      bytes[length++] = byte;
    },
    bytes: () => bytes.subarray(0, length),
  };
}
