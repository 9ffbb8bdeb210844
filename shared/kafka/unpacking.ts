// Bounds what one fetch unpacks to. Kafka bounds what it sends, and a megabyte of it may stand for gigabytes. Of
// several batches the rest is cut off, as Kafka cuts a fetch off at its bound: whoever decodes takes what it has, and
// asks for the rest again. A single batch that unpacks to more than there is room for is never unpacked: messages
// without content stand for its own, one for each, known by the memory that they lie in. Pure.
import { AppError } from "../errors/errors.ts";
import { packedIn } from "./record-header.ts";

/** The name that kafkajs's decoder knows the end of a fetch by that was cut off within a batch. */
const CUT_OFF = "KafkaJSPartialMessageError";
/** Bytes that a message takes when it is decoded, beside its own. */
const OF_MESSAGE = 300;

/** And that it counts for at least, of a fetch: a megabyte of empty ones is 140,000 objects. */
const LEAST_OF_MESSAGE = 100;

/** Bytes, unpacked. */
export interface Room {
  /** Of a fetch, about: its first batch is always taken, or nothing would go on. */
  readonly fetch: number;
  /** Of a single batch. */
  readonly batch: number;
}

type Packed = ReturnType<typeof packedIn>;
type Decompress = (bytes: Buffer, most: number) => Promise<Buffer | undefined>;

export interface Unpacking {
  /** A fetch begins. */
  begin(room: Room): void;
  bounded(codec: string, decompress: Decompress): (bytes: Buffer) => Promise<Buffer>;
  /** Why this message's batch was not unpacked; undefined where it was. */
  whyNot(value: Uint8Array | null): string | undefined;
}

export function openUnpacking(): Unpacking {
  let room: Room = { fetch: Number.POSITIVE_INFINITY, batch: 256 << 20 };
  let unpacked = 0;
  /** What the batch before unpacked to, of each of its bytes. */
  let ratio = 1;
  const reasons = new WeakMap<ArrayBufferLike, string>();
  let isAny = false;

  async function unpack(codec: string, decompress: Decompress, bytes: Buffer, packed: Packed): Promise<Buffer> {
    const isMany = OF_MESSAGE * (packed?.count ?? 0) > room.batch;
    const all = isMany ? undefined : await decompress(bytes, room.batch);
    if (all) return all;
    const most = Math.floor(room.batch / (isMany ? OF_MESSAGE : 1e6)).toLocaleString("en");
    const limit = `${most} ${isMany ? "messages" : "MB"}`;
    const why = `batch of ${codec} unpacks to more than the ${limit} that the memory allows`;
    if (!packed) throw new AppError("BATCH_CORRUPT", { what: `a ${why}` });
    const empty = packed.content();
    reasons.set(empty.buffer, `its ${why}`);
    isAny = true;
    return empty;
  }

  return {
    begin: (next) => {
      room = next;
      unpacked = 0;
    },
    bounded: (codec, decompress) => async (bytes) => {
      if (unpacked > 0 && unpacked + ratio * bytes.length > room.fetch)
        throw Object.assign(new Error("the rest of the fetch is left for the next one"), { name: CUT_OFF });
      const packed = packedIn(bytes);
      const all = await unpack(codec, decompress, bytes, packed);
      const weight = Math.max(all.length, LEAST_OF_MESSAGE * (packed?.count ?? 0));
      unpacked += weight;
      ratio = weight / Math.max(1, bytes.length);
      return all;
    },
    whyNot: (value) => (isAny && value !== null ? reasons.get(value.buffer) : undefined),
  };
}
