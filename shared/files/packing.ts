// Packed bytes to what is in them, as a stream in bounded memory. What is damaged or cut off is an error, never an
// early end. zip.ts has archives.
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { bunzipped } from "./bzip2.ts";
import type { Bytes, Packing } from "./kinds.ts";
import { unzstandard } from "./zstd.ts";

/** Of what a stream gives at once. */
const PIECE = 1 << 18;

/** Throws an Error whose message says what is wrong with the bytes. */
export const unpacked: Record<Exclude<Packing, "zip">, (bytes: Bytes) => Bytes> = {
  gzip: gunzipped,
  bzip2: bunzipped,
  zstd: unzstandard,
};

/** Node goes on from member to member; what follows and is neither a member nor zeros is an error of zlib's. */
async function* gunzipped(bytes: Bytes): Bytes {
  const input = Readable.from(bytes, { objectMode: true, highWaterMark: 1 });
  try {
    // an error comes out of the loop
    yield* pipeline(input, createGunzip({ chunkSize: PIECE }), () => undefined) as AsyncIterable<Buffer>;
  } finally {
    input.destroy();
  }
}
