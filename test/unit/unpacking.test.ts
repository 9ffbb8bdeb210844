// What a fetch unpacks to is bounded, whatever its batches are packed to.
import { expect, test } from "vitest";
import { openUnpacking } from "../../shared/kafka/unpacking.ts";

const packed = (bytes: number) => Buffer.alloc(bytes);
const unpack = async (bytes: Buffer) => Buffer.alloc(bytes.length * 1000);

test("highly packed batches filled the memory: a fetch is cut off where the next one would go beyond its bound", async () => {
  const { begin, bounded } = openUnpacking();
  const decompress = bounded(unpack);
  begin(25_000);
  expect([(await decompress(packed(10))).length, (await decompress(packed(10))).length]).toEqual([10_000, 10_000]);
  await expect(decompress(packed(10))).rejects.toMatchObject({ name: "KafkaJSPartialMessageError" });
  begin(25_000);
  expect((await decompress(packed(10))).length).toBe(10_000);
});

test("the first batch of a fetch is always taken, or reading would stand still", async () => {
  const { begin, bounded } = openUnpacking();
  begin(1000);
  expect((await bounded(unpack)(packed(50))).length).toBe(50_000);
  await expect(bounded(unpack)(packed(1))).rejects.toMatchObject({ name: "KafkaJSPartialMessageError" });
});
