// What an lz4 frame unpacks to, counted without unpacking it: the library takes as much memory as a hostile one asks
// for. The layouts are lz4's "Frame Format" and "Block Format". Pure.

const MAGIC = 0x184d2204;
/** Flags of a frame's descriptor. */
const [BLOCK_CHECKSUMS, CONTENT_SIZE, CONTENT_CHECKSUM, DICTIONARY] = [0x10, 0x08, 0x04, 0x01];
/** Of a block's size: it is stored as it is. */
const STORED = 0x80000000;

/** Bytes. Throws where it is cut off, or of a kind that Kafka's clients do not write. */
export function unpackedSize(frames: Buffer): number {
  let size = 0;
  for (let at = 0; at < frames.length; ) {
    if (frames.readUInt32LE(at) !== MAGIC) throw new Error("this is no frame of lz4");
    const flags = frames.readUInt8(at + 4);
    at += 7 + (flags & CONTENT_SIZE ? 8 : 0) + (flags & DICTIONARY ? 4 : 0);
    for (let block = frames.readUInt32LE(at); block !== 0; block = frames.readUInt32LE(at)) {
      const length = block & ~STORED;
      size += block >= STORED ? length : unpackedBlock(frames.subarray(at + 4, at + 4 + length));
      at += 4 + length + (flags & BLOCK_CHECKSUMS ? 4 : 0);
    }
    at += 4 + (flags & CONTENT_CHECKSUM ? 4 : 0);
  }
  return size;
}

/** Sequences: so many bytes as they are, then so many that stood before. The last has only the first half. */
function unpackedBlock(block: Buffer): number {
  let at = 0;
  let size = 0;
  /** What does not fit four bits goes on in bytes of which each but the last is 255. */
  const whole = (nibble: number): number => {
    let sum = nibble;
    if (nibble === 15)
      for (let more = 255; more === 255 && at < block.length; sum += more) {
        more = block[at]!;
        at++;
      }
    return sum;
  };
  while (at < block.length) {
    const token = block[at]!;
    at++;
    const literals = whole(token >> 4);
    at += literals;
    size += literals;
    if (at >= block.length) break;
    at += 2;
    size += 4 + whole(token & 15);
  }
  return size;
}
