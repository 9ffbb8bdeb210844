// Messages as Kafka's record batches (version 2), one a partition, written byte for byte: kafkajs makes a dozen objects
// of each message for that, 10 µs an event. The layout is Kafka's "RecordBatch" and "Record". Pure: time is an
// argument.
import { crc32c } from "./crc32c.ts";
import type { Bundle } from "./outgoing.ts";
import { partitionOfBytes } from "./partitioner.ts";

/** The messages of one partition, in order. */
export interface Records {
  readonly partition: number;
  readonly count: number;
  /** One record behind the other, before they are packed. */
  readonly bytes: Buffer;
}

/** By whom a batch is written, so that one that comes twice is known. */
export interface Producer {
  readonly id: bigint;
  readonly epoch: number;
  /** Of the batch's first message, in its partition. */
  readonly sequence: number;
}

/** Most bytes of a record beside its key and its value: five varints of five bytes and two single ones. */
const MOST_BESIDE = 27;
const HEADER = 61;
/** Where the checksum begins to count. */
const CHECKED = 21;

/** Each partition's; the key decides which. */
export function recordsOf({ bytes, count, places }: Bundle, partitions: number): Records[] {
  const writers: (Writer | undefined)[] = new Array(partitions).fill(undefined);
  for (let k = 0; k < 4 * count; k += 4) {
    const partition = partitionOfBytes(bytes, places[k]!, places[k + 1]!, partitions);
    writers[partition] ??= { partition, count: 0, at: 0, bytes: Buffer.allocUnsafe(1 << 16) };
    append(writers[partition], bytes, places, k);
  }
  return writers.flatMap((each) => (each ? { ...each, bytes: each.bytes.subarray(0, each.at) } : []));
}

interface Writer {
  readonly partition: number;
  count: number;
  at: number;
  bytes: Buffer;
}

function append(writer: Writer, from: Uint8Array, places: Int32Array, k: number): void {
  const keyLength = places[k + 1]! - places[k]!;
  const valueLength = places[k + 3]! - places[k + 2]!;
  const most = keyLength + valueLength + MOST_BESIDE;
  if (writer.at + most > writer.bytes.length) {
    const larger = Buffer.allocUnsafe(2 * Math.max(writer.bytes.length, most));
    writer.bytes.copy(larger, 0, 0, writer.at);
    writer.bytes = larger;
  }
  const { bytes, count } = writer;
  const lengths = sizeOf(count) + sizeOf(keyLength) + sizeOf(valueLength);
  let at = varint(bytes, writer.at, 3 + lengths + keyLength + valueLength);
  bytes[at++] = 0; // attributes
  bytes[at++] = 0; // since the batch's time
  at = varint(bytes, at, count);
  at = varint(bytes, at, keyLength);
  at = copied(bytes, at, from, places[k]!, places[k + 1]!);
  at = varint(bytes, at, valueLength);
  at = copied(bytes, at, from, places[k + 2]!, places[k + 3]!);
  bytes[at++] = 0; // headers
  writer.at = at;
  writer.count++;
}

/** Below this a call costs more than its bytes. */
const SHORT = 200;

/** Where the copy ends. */
function copied(into: Buffer, at: number, from: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length > SHORT) into.set(from.subarray(start, end), at);
  else for (let k = 0; k < length; k++) into[at + k] = from[start + k]!;
  return at + length;
}

/** Zigzag, seven bits a byte, the lowest first; of numbers that are not negative. */
function varint(bytes: Buffer, at: number, value: number): number {
  let rest = value << 1;
  while (rest > 127) {
    bytes[at++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

const sizeOf = (value: number) =>
  value < 1 << 6 ? 1 : value < 1 << 13 ? 2 : value < 1 << 20 ? 3 : value < 1 << 27 ? 4 : 5;

/** `codec`: Kafka's number of what the records were packed with, 0 for nothing. `packed`: those, or as they are. */
export function batchOf(count: number, packed: Buffer, codec: number, producer: Producer, now: number): Buffer {
  const batch = Buffer.allocUnsafe(HEADER + packed.length);
  batch.writeBigInt64BE(0n, 0); // base offset, which Kafka gives
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt32BE(-1, 12); // leader epoch
  batch[16] = 2; // version
  batch.writeInt16BE(codec, CHECKED); // attributes
  batch.writeInt32BE(count - 1, 23);
  batch.writeBigInt64BE(BigInt(now), 27);
  batch.writeBigInt64BE(BigInt(now), 35);
  batch.writeBigInt64BE(producer.id, 43);
  batch.writeInt16BE(producer.epoch, 51);
  batch.writeInt32BE(producer.sequence, 53);
  batch.writeInt32BE(count, 57);
  packed.copy(batch, HEADER);
  batch.writeUInt32BE(crc32c(batch.subarray(CHECKED)), 17);
  return batch;
}
