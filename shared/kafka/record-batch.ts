// Messages as Kafka's record batches (version 2), one a partition, written byte for byte: kafkajs makes a dozen objects
// of each message for that, 10 µs an event. The layout is Kafka's "RecordBatch" and "Record". Pure: time is an
// argument.
import { crc32c } from "./crc32c.ts";
import { type Bundle, viewOf } from "./outgoing.ts";
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
  const from = { bytes, view: viewOf(bytes) };
  const guess = Math.ceil((1.25 * (bytes.length + MOST_BESIDE * count)) / partitions);
  for (let k = 0; k < 4 * count; k += 4) {
    const partition = partitionOfBytes(bytes, places[k]!, places[k + 1]!, partitions);
    writers[partition] ??= { partition, count: 0, at: 0, ...room(guess) };
    append(writers[partition], from, places, k);
  }
  return writers.flatMap((each) => (each ? { ...each, bytes: Buffer.from(each.bytes.buffer, 0, each.at) } : []));
}

/** Bytes, and the same by four. */
interface Room {
  bytes: Uint8Array;
  view: DataView;
}

interface Writer extends Room {
  readonly partition: number;
  count: number;
  at: number;
}

function room(size: number): Room {
  const bytes = Buffer.allocUnsafeSlow(size);
  return { bytes, view: viewOf(bytes) };
}

function append(writer: Writer, from: Room, places: Int32Array, k: number): void {
  const keyLength = places[k + 1]! - places[k]!;
  const valueLength = places[k + 3]! - places[k + 2]!;
  const most = keyLength + valueLength + MOST_BESIDE;
  if (writer.at + most > writer.bytes.length) {
    const larger = room(2 * Math.max(writer.bytes.length, most));
    larger.bytes.set(writer.bytes.subarray(0, writer.at));
    Object.assign(writer, larger);
  }
  const { bytes, count } = writer;
  const lengths = sizeOf(count) + sizeOf(keyLength) + sizeOf(valueLength);
  let at = varint(bytes, writer.at, 3 + lengths + keyLength + valueLength);
  bytes[at++] = 0; // attributes
  bytes[at++] = 0; // since the batch's time
  at = varint(bytes, at, count);
  at = varint(bytes, at, keyLength);
  at = copied(writer, at, from, places[k]!, places[k + 1]!);
  at = varint(bytes, at, valueLength);
  at = copied(writer, at, from, places[k + 2]!, places[k + 3]!);
  bytes[at++] = 0; // headers
  writer.at = at;
  writer.count++;
}

/** Where the copy ends. By four bytes: a call that copies costs more than most messages. */
function copied(into: Room, at: number, from: Room, start: number, end: number): number {
  const shift = at - start;
  let k = start;
  if (end - start > SHORT) {
    into.bytes.set(from.bytes.subarray(start, end), at);
    return end + shift;
  }
  for (; k + 4 <= end; k += 4) into.view.setInt32(k + shift, from.view.getInt32(k));
  for (; k < end; k++) into.bytes[k + shift] = from.bytes[k]!;
  return end + shift;
}
const SHORT = 500;

/** Zigzag, seven bits a byte, the lowest first; of numbers that are not negative. */
function varint(bytes: Uint8Array, at: number, value: number): number {
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
