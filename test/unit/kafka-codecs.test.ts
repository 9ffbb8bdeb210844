// Kafka's codecs: what one packs it unpacks, the frames of other clients are read, and damage is told.
import { describe, expect, test } from "vitest";
import { codecs } from "../../shared/kafka/codecs.ts";
import { framed, unframed } from "../../shared/kafka/xerial.ts";

const noise = Buffer.from(Array.from({ length: 200_000 }, (_, k) => Math.imul(k + 1, 2654435761) >>> 24));
const samples = { nothing: Buffer.alloc(0), "one byte": Buffer.from("x"), zeros: Buffer.alloc(3_000_000), noise };

describe.each(Object.entries(codecs))("%s", (name, { compress, decompress }) => {
  test.each(Object.entries(samples))("gives back %s", async (_, bytes) => {
    expect((await decompress(await compress(bytes))).equals(bytes)).toBe(true);
  });

  test("tells of damage", async () => {
    const packed = await compress(noise);
    await expect(decompress(packed.subarray(0, packed.length / 2))).rejects.toThrowError(/^BATCH_CORRUPT: .*damaged/);
    await expect(decompress(Buffer.from(`no ${name} at all, of any kind`))).rejects.toThrowError(/^BATCH_CORRUPT/);
  });
});

test("a batch of zstd that claims to be huge is refused", async () => {
  const frame = Buffer.from("28b52ffde000000000000100000100", "hex"); // one segment of 2^40 bytes
  await expect(codecs.zstd.decompress(frame)).rejects.toThrowError(/^BATCH_CORRUPT: .*more than 256 MiB/);
});

describe("snappy's frame", () => {
  const same = async (block: Buffer) => block;

  test("begins as Java's does, and holds blocks of 32 kB", async () => {
    const bytes = await framed(Buffer.alloc(40_000, 7), same);
    expect(bytes.subarray(0, 16).toString("hex")).toBe("82534e41505059000000000100000001");
    expect([bytes.readInt32BE(16), bytes.readInt32BE(20 + 32_768)]).toEqual([32_768, 40_000 - 32_768]);
    expect((await unframed(bytes, same)).length).toBe(40_000);
  });

  test("need not be there", async () => {
    expect(await unframed(Buffer.from("plain"), same)).toEqual(Buffer.from("plain"));
  });

  test.each([17, 19, 25])("that is cut off after %i bytes is told", async (length) => {
    const bytes = await framed(Buffer.from("0123456789"), same);
    await expect(unframed(bytes.subarray(0, length), same)).rejects.toThrowError(/cut off/);
  });
});
