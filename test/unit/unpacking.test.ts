// What a fetch unpacks to is bounded, whatever its batches are packed to.
import { expect, test } from "vitest";
import { batchOf } from "../../shared/kafka/record-batch.ts";
import { openUnpacking } from "../../shared/kafka/unpacking.ts";

const producer = { id: 1n, epoch: 0, sequence: 0 };
/** What kafkajs hands to a codec: so many bytes behind the header of a batch of so many messages. */
const packed = (bytes: number, messages = 1) => batchOf(messages, Buffer.alloc(bytes), 1, producer, 0).subarray(-bytes);
const unpack = async (bytes: Buffer, most: number) =>
  1000 * bytes.length > most ? undefined : Buffer.alloc(bytes.length * 1000);

test("highly packed batches filled the memory: a fetch is cut off where the next one would go beyond its bound", async () => {
  const { begin, bounded } = openUnpacking();
  const decompress = bounded("gzip", unpack);
  const room = { fetch: 25_000, batch: 1e9 };
  begin(room);
  expect([(await decompress(packed(10))).length, (await decompress(packed(10))).length]).toEqual([10_000, 10_000]);
  await expect(decompress(packed(10))).rejects.toMatchObject({ name: "KafkaJSPartialMessageError" });
  begin(room);
  expect((await decompress(packed(10))).length).toBe(10_000);
});

test("empty messages filled the memory: a fetch of many counts each of them for 100 bytes", async () => {
  const { begin, bounded } = openUnpacking();
  const decompress = bounded("zstd", unpack);
  begin({ fetch: 250_000, batch: 1e9 });
  for (const _ of [1, 2]) expect((await decompress(packed(10, 1000))).length).toBe(10_000);
  await expect(decompress(packed(10, 1000))).rejects.toMatchObject({ name: "KafkaJSPartialMessageError" });
});

test("the first batch of a fetch is always taken, or reading would stand still", async () => {
  const { begin, bounded } = openUnpacking();
  begin({ fetch: 1000, batch: 1e9 });
  expect((await bounded("gzip", unpack)(packed(50))).length).toBe(50_000);
  await expect(bounded("gzip", unpack)(packed(1))).rejects.toMatchObject({ name: "KafkaJSPartialMessageError" });
});

test("of a batch that unpacks to more than there is room for stand as many messages without content, known by their memory", async () => {
  const { begin, bounded, whyNot } = openUnpacking();
  begin({ fetch: 1e9, batch: 100_000 });
  const instead = await bounded("zstd", unpack)(packed(101, 200));
  let messages = 0;
  for (let at = 0; at < instead.length; at += 1 + instead[at]! / 2) messages++; // each begins with its length
  expect(messages).toBe(200);
  expect(whyNot(instead.subarray(3, 3))).toBe("its batch of zstd unpacks to more than the 0 MB that the memory allows");
  expect([null, Buffer.from("v"), await bounded("zstd", unpack)(packed(100))].map(whyNot)).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test("more messages than there is room for are not unpacked either, however small they are", async () => {
  const { begin, bounded, whyNot } = openUnpacking();
  begin({ fetch: 1e9, batch: 3e6 });
  expect(whyNot(await bounded("lz4", unpack)(packed(10, 10_000)))).toBeUndefined();
  expect(whyNot(await bounded("lz4", unpack)(packed(10, 10_001)))).toMatch(/more than the 10,000 messages/);
});

test("what is packed in the form before Kafka 0.11 is read, up to the same bound", async () => {
  const { begin, bounded } = openUnpacking();
  begin({ fetch: 1e9, batch: 100_000 });
  for (const start of [0, 80]) {
    const old = (bytes: number) => Buffer.from(new ArrayBuffer(start + bytes), start);
    expect((await bounded("gzip", unpack)(old(100))).length).toBe(100_000);
    await expect(bounded("gzip", unpack)(old(101))).rejects.toThrowError(/^BATCH_CORRUPT: a batch of gzip unpacks to/);
  }
});
