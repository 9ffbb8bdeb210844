// Bounds what one fetch unpacks to. Kafka bounds what it sends, and a message of 900 kB may be packed into one: a fetch
// of a megabyte was a gigabyte of messages. Whoever decodes is told that the rest was cut off, as Kafka cuts it off at
// the bound of a fetch: it takes what it has, and asks for the rest again. Pure.

/** The name that kafkajs's decoder knows the end of a fetch by that was cut off within a batch. */
const CUT_OFF = "KafkaJSPartialMessageError";

export interface Unpacking {
  /** A fetch begins, of so many bytes unpacked, about: the first batch is always taken, or nothing would go on. */
  begin(most: number): void;
  bounded(decompress: (bytes: Buffer) => Promise<Buffer>): (bytes: Buffer) => Promise<Buffer>;
}

export function openUnpacking(): Unpacking {
  let room = Number.POSITIVE_INFINITY;
  let unpacked = 0;
  /** What the batch before unpacked to, of each of its bytes. */
  let ratio = 1;
  return {
    begin: (most) => {
      room = most;
      unpacked = 0;
    },
    bounded: (decompress) => async (bytes) => {
      if (unpacked > 0 && unpacked + ratio * bytes.length > room)
        throw Object.assign(new Error("the rest of the fetch is left for the next one"), { name: CUT_OFF });
      const all = await decompress(bytes);
      unpacked += all.length;
      ratio = all.length / Math.max(1, bytes.length);
      return all;
    },
  };
}
