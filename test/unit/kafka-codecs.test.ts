// Kafka's codecs: what one packs it unpacks, the frames of other clients are read, and damage is told.
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { codecs } from "../../shared/kafka/codecs.ts";
import { unpackedSize } from "../../shared/kafka/lz4-frame.ts";
import { blocksOf, framed } from "../../shared/kafka/xerial.ts";

const noise = Buffer.from(Array.from({ length: 200_000 }, (_, k) => Math.imul(k + 1, 2654435761) >>> 24));
const ROOM = 10e6;
const samples = { nothing: Buffer.alloc(0), "one byte": Buffer.from("x"), zeros: Buffer.alloc(3_000_000), noise };

describe.each(Object.entries(codecs))("%s", (name, { compress, decompress }) => {
  test.each(Object.entries(samples))("gives back %s", async (_, bytes) => {
    expect((await decompress(await compress(bytes), ROOM))?.equals(bytes)).toBe(true);
  });

  test("tells of damage", async () => {
    const packed = await compress(noise);
    await expect(decompress(packed.subarray(0, packed.length / 2), ROOM)).rejects.toThrowError(
      /^BATCH_CORRUPT: .*damaged/,
    );
    await expect(decompress(Buffer.from(`no ${name} at all, of any kind`), ROOM)).rejects.toThrowError(
      /^BATCH_CORRUPT/,
    );
  });
});

/** A megabyte that unpacks to gigabytes, or to as much as its codec can. */
const bombs: Readonly<Record<string, () => Buffer | Promise<Buffer>>> = {
  gzip: () => Buffer.concat(Array(1000).fill(gzipSync(Buffer.alloc(1 << 20)))),
  snappy: () => Buffer.concat([Buffer.from("ffffffff0f", "hex"), Buffer.alloc(1 << 20)]), // says 4 GB
  lz4: async () => lz4Of(Buffer.alloc(128 << 20)),
  // blocks of one byte that stands 128 kB long: 32 GB
  zstd: () =>
    Buffer.concat([Buffer.from("28b52ffd0058", "hex"), Buffer.alloc(1 << 20, Buffer.from("02001000", "hex"))]),
};
const lz4Of = (bytes: Buffer) => codecs.lz4.compress(bytes);

test.each(Object.entries(bombs))(
  "a bomb of %s took memory until the process died: it is never unpacked",
  async (name, make) => {
    const bomb = await make();
    const before = process.memoryUsage().rss;
    expect(await codecs[name as keyof typeof codecs].decompress(bomb, ROOM)).toBeUndefined();
    expect(process.memoryUsage().rss - before).toBeLessThan(60e6);
  },
);

test.each([
  "28b52ffde000000000000100000100", // one segment of 2^40 bytes
  "28b52ffda0ffffffff010000", // of 2^32 - 1, in four bytes
])("a batch of zstd that claims to be huge is not unpacked: %s", async (frame) => {
  expect(await codecs.zstd.decompress(Buffer.from(frame, "hex"), ROOM)).toBeUndefined();
});

describe("what lz4 unpacks to, counted", () => {
  test("property: is what it unpacks to", async () => {
    const runs = fc.array(fc.tuple(fc.integer({ min: 1, max: 5000 }), fc.uint8Array({ minLength: 1, maxLength: 30 })));
    await fc.assert(
      fc.asyncProperty(runs, async (all) => {
        const bytes = Buffer.concat(all.map(([length, pattern]) => Buffer.alloc(length, pattern)));
        expect(unpackedSize(await lz4Of(bytes))).toBe(bytes.length);
      }),
      { seed: 6, numRuns: 100 },
    );
  });

  test("of several megabytes, and of two frames", async () => {
    const packed = await Promise.all([lz4Of(samples.zeros), lz4Of(noise)]);
    expect(unpackedSize(Buffer.concat(packed))).toBe(samples.zeros.length + noise.length);
  });

  test("is told of one that is cut off, and of what is none", async () => {
    const packed = await lz4Of(noise);
    expect(() => unpackedSize(packed.subarray(0, -5))).toThrow();
    expect(() => unpackedSize(Buffer.from("none"))).toThrow(/no frame/);
  });
});

describe("snappy's frame", () => {
  const same = async (block: Buffer) => block;

  test("begins as Java's does, and holds blocks of 32 kB", async () => {
    const bytes = await framed(Buffer.alloc(40_000, 7), same);
    expect(bytes.subarray(0, 16).toString("hex")).toBe("82534e41505059000000000100000001");
    expect([bytes.readInt32BE(16), bytes.readInt32BE(20 + 32_768)]).toEqual([32_768, 40_000 - 32_768]);
    expect(Buffer.concat(blocksOf(bytes)).length).toBe(40_000);
  });

  test("need not be there", () => {
    expect(blocksOf(Buffer.from("plain"))).toEqual([Buffer.from("plain")]);
  });

  test.each([17, 19, 25])("that is cut off after %i bytes is told", async (length) => {
    const bytes = await framed(Buffer.from("0123456789"), same);
    expect(() => blocksOf(bytes.subarray(0, length))).toThrowError(/cut off/);
  });
});
