import fc from "fast-check";
import { expect, test } from "vitest";
import { FrameBuffers } from "../../shared/training/buffers.ts";
import { assembler, type Decoded, encode, FRAME_BYTES, MAX_PAYLOAD } from "../../shared/training/frames.ts";
import { fromServer, fromTrainer, read } from "../../shared/training/messages.ts";

const unlimited = () => Number.POSITIVE_INFINITY;

function roundTrip(frames: readonly Uint8Array[]): Decoded | undefined {
  const take = assembler(unlimited);
  let decoded: Decoded | undefined;
  for (const frame of frames) decoded = take(frame);
  return decoded;
}

const float32 = fc.float32Array({ maxLength: 300, noNaN: false });

test("a message comes out as it went in, numbers bit for bit", () => {
  fc.assert(
    fc.property(float32, fc.int32Array({ maxLength: 300 }), fc.string(), (floats, ints, text) => {
      const tensors = [
        { name: "floats", shape: [floats.length], data: floats },
        { name: "ints", shape: [1, ints.length], data: ints },
      ];
      const decoded = roundTrip(encode({ type: "any", text }, tensors))!;
      expect(decoded.head).toEqual({ type: "any", text });
      expect(new Uint8Array(decoded.tensors().get("floats")!.data.slice().buffer)).toEqual(
        new Uint8Array(floats.slice().buffer),
      );
      expect(decoded.tensors().get("ints")).toEqual({ name: "ints", shape: [1, ints.length], data: ints });
    }),
    { seed: 1337, numRuns: 100 },
  );
});

test("tensors lie one after another in the memory given, whatever frames they came in", () => {
  const data = new Float32Array((1.5 * FRAME_BYTES) / 4).map((_, k) => k);
  const room = new Uint8Array(2 * data.byteLength);
  const tensors = [
    { name: "few", shape: [2], data: Float32Array.of(1, 2) },
    { name: "many", shape: [data.length], data },
  ];
  const decoded = roundTrip(encode({ type: "big" }, tensors))!;
  expect(decoded.described.map(({ name }) => name)).toEqual(["few", "many"]);
  const received = decoded.tensors((bytes) => room.subarray(16, 16 + bytes));
  expect([...received.values()].map(({ data }) => [data.buffer === room.buffer, data.byteOffset])).toEqual([
    [true, 16],
    [true, 24],
  ]);
  expect(Buffer.from(room.buffer, 24, data.byteLength).equals(Buffer.from(data.buffer))).toBe(true);
});

test("memory of frames that were sent is used again, the others' is not", () => {
  const buffers = new FrameBuffers();
  const message = (first: number) =>
    encode({ type: "any" }, [{ name: "x", shape: [30_000], data: new Float32Array(30_000).fill(first) }], buffers.take);
  const [one] = message(1);
  const [two] = message(2);
  expect(two!.buffer).not.toBe(one!.buffer);
  buffers.giveBack(one!);
  const [three] = message(3);
  expect(three!.buffer).toBe(one!.buffer);
  expect(roundTrip([two!])!.tensors().get("x")!.data[0]).toBe(2);
  expect(roundTrip([three!])!.tensors().get("x")!.data[0]).toBe(3);
});

test("a large message travels in frames of at most 8 MiB, even from an unaligned buffer", () => {
  const data = new Float32Array((2.5 * FRAME_BYTES) / 4).map((_, k) => k);
  const frames = encode({ type: "big" }, [{ name: "data", shape: [data.length], data }]);
  expect(frames).toHaveLength(3);
  expect(Math.max(...frames.map((frame) => frame.byteLength))).toBeLessThanOrEqual(MAX_PAYLOAD);
  const shifted = frames.map((frame) => {
    const room = new Uint8Array(frame.byteLength + 1);
    room.set(frame, 1);
    return room.subarray(1);
  });
  const received = roundTrip(shifted)!.tensors().get("data")!.data;
  expect(
    Buffer.compare(Buffer.from(received.buffer, received.byteOffset, received.byteLength), Buffer.from(data.buffer)),
  ).toBe(0);
});

test("a message above 100 MiB comes out as it went in", () => {
  const data = new Float32Array((12.7 * FRAME_BYTES) / 4);
  for (let k = 0; k < data.length; k += 997) data[k] = k;
  const frames = encode({ type: "big" }, [{ name: "data", shape: [data.length], data }]);
  expect(frames).toHaveLength(13);
  const received = roundTrip(frames)!.tensors().get("data")!.data;
  expect(
    Buffer.compare(Buffer.from(received.buffer, received.byteOffset, received.byteLength), Buffer.from(data.buffer)),
  ).toBe(0);
});

test("what is sent does not change when the weights change afterwards", () => {
  const data = new Float32Array([1, 2]);
  const frames = encode({ type: "weights" }, [{ name: "data", shape: [2], data }]);
  data[0] = 9;
  expect([...roundTrip(frames)!.tensors().get("data")!.data]).toEqual([1, 2]);
});

test("damaged frames are refused with FRAME_MALFORMED, whatever is damaged", () => {
  const good = encode({ type: "ask" }, [{ name: "x", shape: [3], data: new Float32Array([1, 2, 3]) }])[0]!;
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), fc.nat(good.length), (at, flip, length) => {
      const bad = good.slice();
      bad[at] = bad[at]! ^ flip;
      const prefix = 24; // behind it, a flipped bit can be a valid message again: then it must only not crash
      const refused = (frame: Uint8Array) => {
        try {
          assembler(unlimited)(frame);
          return false;
        } catch (error) {
          expect(error).toMatchObject({ code: "FRAME_MALFORMED" });
          return true;
        }
      };
      expect(refused(bad) || at >= prefix).toBe(true);
      if (length < good.length) expect(refused(good.subarray(0, length))).toBe(true);
      expect(refused(new Uint8Array(good.length + 1))).toBe(true);
    }),
    { seed: 1337, numRuns: 500 },
  );
});

test("a message above the limit is refused at its first frame", () => {
  const frames = encode({ type: "big" }, [{ name: "data", shape: [100], data: new Float32Array(100) }]);
  expect(() => assembler(() => 100)(frames[0]!)).toThrow(/above the limit of 100/);
});

test("frames of one message cannot be reordered, left out or mixed with another's", () => {
  const data = new Float32Array((1.5 * FRAME_BYTES) / 4);
  const frames = encode({ type: "big" }, [{ name: "data", shape: [data.length], data }]);
  expect(() => assembler(unlimited)(frames[1]!)).toThrow(/out of order/);
  const take = assembler(unlimited);
  take(frames[0]!);
  expect(() => take(frames[0]!)).toThrow(/inside another/);
});

test("a peer of another protocol is told so", () => {
  const frame = encode({ type: "ask" })[0]!;
  frame[4] = 99;
  expect(() => assembler(unlimited)(frame)).toThrow(/protocol 99/);
});

test.each([
  ["no type", {}],
  ["an unknown type", { type: "steal" }],
  ["a negative step", { type: "contribution", step: -1, part: 0, phase: "encoder", reconstruction: 1, kl: 1 }],
  ["a loss that is text", { type: "contribution", step: 1, part: 0, phase: "encoder", reconstruction: "1", kl: 1 }],
  ["a name that is too long", { type: "hello", name: "n".repeat(300), engine: "wasm", threads: 1 }],
  ["a device that is too long", { type: "hello", name: "n", engine: "wasm", device: "d".repeat(300), threads: 1 }],
])("a message with %s is refused", (_, head) => {
  expect(() => read(fromTrainer, roundTrip(encode(head))!)).toThrow(/FRAME_MALFORMED/);
});

test("a trainer from before devices were told is taken, without one", () => {
  const old = { type: "hello", name: "n", engine: "wasm", threads: 1 } as const;
  expect(read(fromTrainer, roundTrip(encode(old))!)).toEqual(old);
  expect(read(fromTrainer, roundTrip(encode({ ...old, device: "CPU" }))!)).toEqual({ ...old, device: "CPU" });
});

test("messages of both directions pass their schema", () => {
  expect(read(fromTrainer, roundTrip(encode({ type: "ask" }))!)).toEqual({ type: "ask" });
  expect(read(fromServer, roundTrip(encode({ type: "late", step: 3, part: 1 }))!)).toEqual({
    type: "late",
    step: 3,
    part: 1,
  });
});
