// The header of a record batch (version 2) as it stands before the packed messages that kafkajs hands to a codec, and
// messages that can stand for those where they are not unpacked. Pure.

const HEADER = 61;
/** Where in it: bytes behind the length itself, the version, the last message's offset behind the first, how many. */
const [LENGTH, VERSION, LAST, COUNT] = [8, 16, 23, 57];
/** Bytes of a message without content, at most: its length, and what is not its offset. */
const OF_MESSAGE = 12;

interface Packed {
  readonly count: number;
  /** As many records, the last at the last one's offset, each with a value of no bytes; in memory of their own. */
  content(): Buffer;
}

/** Undefined where no such header stands there: the batch is of the form before Kafka 0.11. */
export function packedIn(packed: Buffer): Packed | undefined {
  const start = packed.byteOffset - HEADER;
  const header = start < 0 ? undefined : Buffer.from(packed.buffer, start, HEADER);
  if (header?.[VERSION] !== 2 || header.readInt32BE(LENGTH) !== HEADER - LENGTH - 4 + packed.length) return undefined;
  const [count, last] = [header.readInt32BE(COUNT), header.readInt32BE(LAST)];
  return { count, content: () => contentless(count, last) };
}

function contentless(count: number, last: number): Buffer {
  const bytes = Buffer.from(new ArrayBuffer(OF_MESSAGE * count));
  let at = 0;
  for (let k = 0; k < count; k++) {
    const begun = at;
    at += 3; // its length, attributes, and the time since the batch's
    for (let rest = 2 * (k < count - 1 ? k : last); ; rest >>>= 7) {
      bytes[at++] = rest > 127 ? (rest & 127) | 128 : rest;
      if (rest <= 127) break;
    }
    bytes[at++] = 1; // no key
    at += 2; // a value of no bytes, no headers
    bytes[begun] = 2 * (at - begun - 1);
  }
  return bytes.subarray(0, at);
}
