// The codecs of Kafka's batches. Each library is loaded with the first batch that wants it: snappy and lz4-napi are
// Rust's own codecs as prebuilt binaries, @bokuweb/zstd-wasm is zstd itself as WebAssembly (Node has one of its own
// only since 22.15, and fzstd, which reads our files, writes none and is slower).
import { promisify } from "node:util";
import zlib from "node:zlib";
import { z } from "zod";
import { AppError } from "../errors/errors.ts";
import { unpackedSize as lz4Size } from "./lz4-frame.ts";
import { blocksOf, framed, unpackedSize as snappySize } from "./xerial.ts";

/** By Kafka's numbers. */
export const compressions = ["none", "gzip", "snappy", "lz4", "zstd"] as const;
export type Compression = (typeof compressions)[number];

/** The flag of whoever writes. */
export const compressionFlag = () =>
  z
    .enum(compressions)
    .optional()
    .describe("how batches are packed (default: `compression.type` of --kafka-config, else none)");

export interface Codec {
  compress(bytes: Buffer): Promise<Buffer>;
  /** Undefined where that takes more than `most` bytes, which are never taken from the process's memory then. */
  decompress(bytes: Buffer, most: number): Promise<Buffer | undefined>;
}

const damaged = (what: string, cause?: unknown) => new AppError("BATCH_CORRUPT", { what }, { cause });

const deflate = promisify(zlib.gzip);
const inflate = promisify(zlib.gunzip) as (bytes: Buffer, options: zlib.ZlibOptions) => Promise<Buffer>;

const gzip: Codec = {
  compress: (bytes) => deflate(bytes),
  decompress: (bytes, most) =>
    inflate(bytes, { maxOutputLength: most }).catch((error) => {
      if (error.code === "ERR_BUFFER_TOO_LARGE") return undefined;
      throw damaged("a batch of gzip is damaged", error);
    }),
};

const snappy: Codec = {
  compress: async (bytes) => {
    const { compress } = await loaded("snappy", import("snappy"));
    return framed(bytes, (block) => compress(block));
  },
  decompress: async (bytes, most) => {
    const { uncompress } = await loaded("snappy", import("snappy"));
    try {
      const blocks = blocksOf(bytes);
      // the library would believe any size
      if (blocks.reduce((sum, block) => sum + snappySize(block), 0) > most) return undefined;
      const unpacked: Buffer[] = [];
      for (const block of blocks) unpacked.push((await uncompress(block, { asBuffer: true })) as Buffer);
      return unpacked.length === 1 ? unpacked[0] : Buffer.concat(unpacked);
    } catch (error) {
      throw damaged("a batch of snappy is damaged", error);
    }
  },
};

/** Bytes that one of lz4 can stand for, at most. */
const MOST_LZ4 = 255;

const lz4: Codec = {
  compress: async (bytes) => (await loaded("lz4-napi", import("lz4-napi"))).compressFrame(bytes),
  decompress: async (bytes, most) => {
    const { decompressFrame } = await loaded("lz4-napi", import("lz4-napi"));
    try {
      if (MOST_LZ4 * bytes.length > most && lz4Size(bytes) > most) return undefined;
      return await decompressFrame(bytes);
    } catch (error) {
      throw damaged("a batch of lz4 is damaged", error);
    }
  },
};

const LEVEL = 3;
/** Of what is unpacked to its packed size: a first guess, since Java's writer does not say how much it packs. */
const GUESS = 16;
/** zstd's own number for "does not fit". */
const TOO_SMALL = /-70$/;

const zstd: Codec = {
  compress: async (bytes) => {
    const { compress } = await openZstd();
    return asBuffer(compress(bytes, LEVEL));
  },
  decompress: async (bytes, most) => {
    const { decompress } = await openZstd();
    if ((claimed(bytes) ?? 0) > most) return undefined; // the library would believe any size
    for (let room = Math.max(1 << 16, GUESS * bytes.length); ; room *= 4) {
      const fits = Math.min(room, most);
      const unpacked = attempt(() => decompress(bytes, { defaultHeapSize: fits }));
      if (unpacked) return asBuffer(unpacked);
      if (fits === most) return undefined;
    }
  },
};

/** Undefined where there was too little room. */
function attempt(decompress: () => Uint8Array): Uint8Array | undefined {
  try {
    return decompress();
  } catch (error) {
    if (TOO_SMALL.test((error as Error).message)) return undefined;
    throw damaged("a batch of zstd is damaged", error);
  }
}

/** The size that a frame's header tells, where it tells one (RFC 8878, 3.1.1.1). */
function claimed(frame: Buffer): number | undefined {
  const flags = frame[4] ?? 0;
  const isSingle = (flags & 0x20) !== 0;
  const at = 5 + (isSingle ? 0 : 1) + [0, 1, 2, 4][flags & 3]!;
  const size = flags >> 6;
  if (size < 2 || frame.length < at + 2 ** size) return undefined;
  return size === 2 ? frame.readUInt32LE(at) : Number(frame.readBigUInt64LE(at));
}

let opened: Promise<typeof import("@bokuweb/zstd-wasm")> | undefined;
function openZstd() {
  opened ??= loaded("@bokuweb/zstd-wasm", import("@bokuweb/zstd-wasm")).then(async (library) => {
    await library.init();
    return library;
  });
  return opened;
}

const asBuffer = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A prebuilt binary may be missing: another system's packages, or a system that there is none for. */
async function loaded<T>(name: string, loading: Promise<T>): Promise<T> {
  try {
    return await loading;
  } catch (error) {
    const what = `the library ${name}, which this topic's compression needs, cannot be loaded`;
    throw new AppError("SETUP_MISSING", { what }, { cause: error });
  }
}

export const codecs = { gzip, snappy, lz4, zstd } satisfies Record<Exclude<Compression, "none">, Codec>;
