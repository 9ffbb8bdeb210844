// Packed bytes to what is in them, as a stream in bounded memory. What is damaged or cut off is an error, never an early end. zip.ts has archives.
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { Decompress } from "fzstd";
import { bunzipped } from "./bzip2.ts";
import type { Packing } from "./kinds.ts";

export type Bytes = AsyncIterable<Uint8Array>;

/** Of what a stream gives at once. */
const PIECE = 1 << 18;
/** What zstd itself unpacks without being told to. */
const LARGEST_WINDOW = 128 << 20;
/** Blocks of four bytes can hold 128 KiB each. */
const SLICE = 1 << 11;

/** Throws an Error whose message says what is wrong with the bytes. */
export const unpacked: Record<Exclude<Packing, "zip">, (bytes: Bytes) => Bytes> = { gzip: gunzipped, bzip2: bunzipped, zstd: unzstandard };

/** Node goes on from member to member; what follows and is neither a member nor zeros is an error of zlib's. */
async function* gunzipped(bytes: Bytes): Bytes {
  const input = Readable.from(bytes, { objectMode: true, highWaterMark: 1 });
  try {
    yield* pipeline(input, createGunzip({ chunkSize: PIECE }), () => undefined) as AsyncIterable<Buffer>; // an error comes out of the loop
  } finally {
    input.destroy();
  }
}

async function* unzstandard(bytes: Bytes): Bytes {
  let pieces: Uint8Array[] = [];
  const stream = new Decompress((piece) => {
    if (piece.length > 0) pieces.push(piece);
  });
  let isFirst = true;
  for await (const chunk of bytes) {
    if (isFirst && windowOf(chunk) > LARGEST_WINDOW)
      throw new Error("zstd with a window of more than 128 MiB: pack it without --long or --ultra");
    isFirst = false;
    for (let at = 0; at < chunk.length; at += SLICE) {
      stream.push(chunk.subarray(at, at + SLICE));
      yield* pieces;
      pieces = [];
    }
  }
  stream.push(new Uint8Array(0), true); // throws where a frame is not whole
  yield* pieces;
}

/** Bytes that the frame wants remembered. 0 where another frame comes first. */
function windowOf(frame: Uint8Array): number {
  const flags = frame[4] ?? 0;
  const isFrame = frame[0] === 0x28 && frame.length >= 18;
  if (!isFrame) return 0;
  if ((flags & 0x20) === 0) return 2 ** (10 + (frame[5]! >> 3));
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const at = 5 + [0, 1, 2, 4][flags & 3]!;
  const size = flags >> 6;
  return size < 2 ? 0 : size === 2 ? view.getUint32(at, true) : Number(view.getBigUint64(at, true));
}
