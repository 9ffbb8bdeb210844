// zstd frame by frame and block by block, as a stream in bounded memory. fzstd decodes the blocks; where frames begin,
// what they want remembered and whether their checksum holds is looked at here, since it looks at none of it.
import { Decompress } from "fzstd";
import type { Bytes } from "./kinds.ts";
import { xxh64 } from "./xxh64.ts";

/** What zstd itself unpacks without being told to. */
const LARGEST_WINDOW = 128 << 20;
const MAGIC = 0xfd2fb528;
const RUN = 1;

/** Throws an Error whose message says what is wrong with the bytes. */
export async function* unzstandard(packed: Bytes): Bytes {
  const { take, isOver } = taker(packed);
  while (!(await isOver())) {
    const start = await take(4);
    const magic = start.readUInt32LE();
    if (magic !== MAGIC && (magic & 0xfffffff0) >>> 0 !== 0x184d2a50)
      throw new Error("what stands behind the last frame is no zstd");
    if (magic === MAGIC) yield* frame(start);
    else
      for (let left = (await take(4)).readUInt32LE(); left > 0; left -= (await take(Math.min(left, 1 << 16))).length);
  }

  async function* frame(start: Buffer): Bytes {
    const flags = (await take(1))[0]!;
    const isSingle = (flags & 0x20) !== 0;
    const dictionary = [0, 1, 2, 4][flags & 3]!;
    const size = [isSingle ? 1 : 0, 2, 4, 8][flags >> 6]!;
    const header = await take((isSingle ? 0 : 1) + dictionary + size);
    if (windowOf(header, isSingle, dictionary, size) > LARGEST_WINDOW)
      throw new Error("zstd with a window of more than 128 MiB: pack it without --long or --ultra");
    let pieces: Uint8Array[] = [];
    const stream = new Decompress((piece) => {
      if (piece.length > 0) pieces.push(piece);
    });
    const hash = xxh64();
    const push = (bytes: Uint8Array, last = false) => {
      pieces = [];
      stream.push(bytes, last);
      for (const piece of pieces) hash.add(piece);
      return pieces;
    };
    yield* push(Buffer.concat([start, Buffer.of(flags), header]));
    for (let isLast = false; !isLast; ) {
      const head = await take(3);
      const block = head.readUIntLE(0, 3);
      isLast = (block & 1) === 1;
      const content = await take(((block >> 1) & 3) === RUN ? 1 : block >> 3);
      yield* push(Buffer.concat([head, content]));
    }
    const hasChecksum = (flags & 4) !== 0;
    const checksum = await take(hasChecksum ? 4 : 0);
    yield* push(checksum, true);
    if (hasChecksum && checksum.readUInt32LE() !== hash.lower())
      throw new Error("the checksum does not match: it is damaged");
  }
}

/** Bytes that a frame wants remembered. */
function windowOf(header: Buffer, isSingle: boolean, dictionary: number, size: number): number {
  if (!isSingle) return 2 ** (10 + (header[0]! >> 3));
  return size === 8 ? Number(header.readBigUInt64LE(dictionary)) : size === 4 ? header.readUInt32LE(dictionary) : 0;
}

/** Bytes by number, from pieces of any size. */
function taker(packed: Bytes) {
  const input = packed[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  async function more(): Promise<boolean> {
    const { done, value } = await input.next();
    if (done) return false;
    rest = rest.length === 0 ? Buffer.from(value.buffer, value.byteOffset, value.length) : Buffer.concat([rest, value]);
    return true;
  }
  return {
    take: async (count: number): Promise<Buffer> => {
      while (rest.length < count) if (!(await more())) throw new Error("unexpected end of file");
      const taken = rest.subarray(0, count);
      rest = rest.subarray(count);
      return taken;
    },
    isOver: async (): Promise<boolean> => {
      while (rest.length === 0) if (!(await more())) return true;
      return false;
    },
  };
}
