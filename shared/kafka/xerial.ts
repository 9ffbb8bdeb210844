// The frame that Java's Kafka clients put around snappy: a magic, then blocks, each with its length before it. Other
// clients send snappy without a frame. Pure: the blocks are packed by whoever is given.

const MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
/** The magic, the version, and the oldest version that reads it: 1 and 1. */
const HEADER = Buffer.concat([MAGIC, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])]);
/** Bytes of a block before it is packed, as Java's writer has them. */
const BLOCK = 32 << 10;

export type Convert = (block: Buffer) => Promise<Buffer>;

export async function framed(bytes: Buffer, pack: Convert): Promise<Buffer> {
  const pieces: Buffer[] = [HEADER];
  for (let at = 0; at < bytes.length; at += BLOCK) {
    const block = await pack(bytes.subarray(at, at + BLOCK));
    const length = Buffer.alloc(4);
    length.writeInt32BE(block.length);
    pieces.push(length, block);
  }
  return Buffer.concat(pieces);
}

/** The packed blocks of a frame, or the one that has none. Throws where one is cut off. */
export function blocksOf(bytes: Buffer): Buffer[] {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return [bytes];
  const blocks: Buffer[] = [];
  for (let at = HEADER.length; at < bytes.length; ) {
    const length = at + 4 <= bytes.length ? bytes.readInt32BE(at) : -1;
    if (length < 0 || at + 4 + length > bytes.length) throw new Error("a block of snappy is cut off");
    blocks.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return blocks;
}

/** What a block says that it unpacks to: seven bits a byte, the lowest first. Throws where it says nothing. */
export function unpackedSize(block: Buffer): number {
  let size = 0;
  for (let k = 0; k < 5; k++) {
    const byte = block.readUInt8(k);
    size += (byte & 0x7f) * 2 ** (7 * k);
    if (byte < 0x80) return size;
  }
  throw new Error("a block of snappy has no length");
}
