// Messages as Kafka's record batches (version 2), one a partition, written byte for byte: kafkajs makes a dozen objects
// of each message for that, 10 µs an event. The layout is Kafka's "RecordBatch" and "Record". Pure: time is an
// argument.
import { crc32c } from "./crc32c.ts";
import { partitionOfBytes } from "./partitioner.ts";

export interface Outgoing {
  readonly key: string;
  readonly value: string | Buffer;
}

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
export function recordsOf(messages: readonly Outgoing[], partitions: number): Records[] {
  const writers: (Writer | undefined)[] = new Array(partitions).fill(undefined);
  for (const { key, value } of messages) {
    const keyLength = keyBytes(key);
    const partition = partitionOfBytes(keyRoom, keyLength, partitions);
    writers[partition] ??= { partition, count: 0, at: 0, bytes: Buffer.allocUnsafe(1 << 16) };
    append(writers[partition], keyLength, value);
  }
  return writers.flatMap((each) => (each ? { ...each, bytes: each.bytes.subarray(0, each.at) } : []));
}

interface Writer {
  readonly partition: number;
  count: number;
  at: number;
  bytes: Buffer;
}

/** A key's UTF-8, until its partition is known. */
let keyRoom = Buffer.allocUnsafe(1 << 12);

function append(writer: Writer, keyLength: number, value: string | Buffer): void {
  const most = 3 * value.length + keyLength + MOST_BESIDE;
  if (writer.at + most > writer.bytes.length) {
    const larger = Buffer.allocUnsafe(2 * Math.max(writer.bytes.length, most));
    writer.bytes.copy(larger, 0, 0, writer.at);
    writer.bytes = larger;
  }
  const { bytes } = writer;
  let at = beginning(writer, keyLength, value.length);
  const end = at + (typeof value === "string" ? bytes.write(value, at) : value.copy(bytes, at));
  if (end === at + value.length) at = end;
  else {
    // not all of it is ASCII, so it is longer than was said
    at = beginning(writer, keyLength, end - at);
    at += bytes.write(value as string, at);
  }
  bytes[at++] = 0; // headers
  writer.at = at;
  writer.count++;
}

/** All that stands before a record's value; where that goes. */
function beginning({ bytes, at: start, count }: Writer, keyLength: number, valueLength: number): number {
  const lengths = sizeOf(count) + sizeOf(keyLength) + sizeOf(valueLength);
  let at = varint(bytes, start, 3 + lengths + keyLength + valueLength);
  bytes[at++] = 0; // attributes
  bytes[at++] = 0; // since the batch's time
  at = varint(bytes, at, count);
  at = varint(bytes, at, keyLength);
  for (let k = 0; k < keyLength; k++) bytes[at + k] = keyRoom[k]!;
  return varint(bytes, at + keyLength, valueLength);
}

function keyBytes(key: string): number {
  if (keyRoom.length < 3 * key.length) keyRoom = Buffer.allocUnsafe(4 * key.length);
  return keyRoom.write(key);
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
