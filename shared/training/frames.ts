// A message as bytes: magic, protocol, JSON header, tensors; cut into frames of at most 8 MiB and put together again.
// Between tensors.ts and the socket.
import { z } from "zod";
import { AppError } from "../errors/errors.ts";
import { bytesOf, type Described, described, describeTensor, fills, viewTensors, type WireTensor } from "./tensors.ts";

/** Raised when peers of two versions could misunderstand each other. */
const PROTOCOL = 3;
export const FRAME_BYTES = 8 * 2 ** 20;
/** What a socket must accept for one frame. */
export const MAX_PAYLOAD = FRAME_BYTES + 4096;

const MAGIC = 0x42495254; // "TRIB", little-endian
const PREFIX = 24; // of a frame: magic u32, protocol u32, index u32, count u32, bytes of the whole message f64
const HEADER_LIMIT = 1 << 20;

const header = z.looseObject({ tensors: z.array(described).max(256) });

/** Room for so many bytes; what it holds is overwritten. */
export type Allocate = (bytes: number) => Uint8Array;
const fresh: Allocate = (bytes) => new Uint8Array(bytes);

export interface Decoded {
  /** The JSON header without its tensors: messages.ts says what it may hold. */
  readonly head: Record<string, unknown>;
  /** What the tensors are, in their order; their sizes fit the message. */
  readonly described: readonly Described[];
  /**
   * Copies the tensors into one piece of memory, 4 bytes aligned, and nothing else: who does not want them pays
   * nothing. Call it before the next frame.
   */
  tensors(allocate?: Allocate): ReadonlyMap<string, WireTensor>;
}

/**
 * Copies the message into frames: weights may change while a socket still sends. The memory of a frame is free again
 * when it was sent.
 */
export function encode(head: object, tensors: readonly WireTensor[] = [], allocate: Allocate = fresh): Uint8Array[] {
  const json = new TextEncoder().encode(JSON.stringify({ ...head, tensors: tensors.map(describeTensor) }));
  const padded = 4 + Math.ceil(json.length / 4) * 4;
  const first = new Uint8Array(padded).fill(0x20);
  new DataView(first.buffer).setUint32(0, padded - 4, true);
  first.set(json, 4);
  return cut(allocate, [first, ...tensors.flatMap(bytesOf)]);
}

function cut(allocate: Allocate, pieces: readonly Uint8Array[]): Uint8Array[] {
  const total = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  const count = Math.ceil(total / FRAME_BYTES);
  const frames = Array.from({ length: count }, (_, index) => {
    const frame = allocate(PREFIX + Math.min(FRAME_BYTES, total - index * FRAME_BYTES));
    const view = new DataView(frame.buffer, frame.byteOffset);
    [MAGIC, PROTOCOL, index, count].forEach((value, k) => {
      view.setUint32(4 * k, value, true);
    });
    view.setFloat64(16, total, true);
    return frame;
  });
  let at = 0;
  for (const piece of pieces) {
    for (let done = 0; done < piece.byteLength; ) {
      const frame = frames[Math.floor(at / FRAME_BYTES)]!;
      const inside = at % FRAME_BYTES;
      const length = Math.min(piece.byteLength - done, FRAME_BYTES - inside);
      frame.set(piece.subarray(done, done + length), PREFIX + inside);
      done += length;
      at += length;
    }
  }
  return frames;
}

/**
 * Puts frames together; answers the message when its last frame arrives. Memory grows with what has come, not with what
 * was announced. Throws AppError FRAME_MALFORMED, and then must not be used again.
 */
export function assembler(limit: () => number): (frame: Uint8Array) => Decoded | undefined {
  let parts: Uint8Array[] = [];
  let expected = { count: 0, total: 0 };
  return (frame) => {
    if (frame.byteLength < PREFIX) throw malformed("a frame shorter than its prefix");
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    const [magic, protocol, index, count] = [0, 4, 8, 12].map((at) => view.getUint32(at, true)) as [
      number,
      number,
      number,
      number,
    ];
    const total = view.getFloat64(16, true);
    if (magic !== MAGIC) throw malformed("not a frame of this protocol");
    if (protocol !== PROTOCOL) throw malformed(`protocol ${protocol} where ${PROTOCOL} is spoken`);
    if (index === 0) {
      if (parts.length > 0) throw malformed("a message began inside another");
      if (!(total <= limit())) throw malformed(`a message of ${total} bytes, above the limit of ${limit()}`);
      expected = { count, total };
    }
    if (
      index !== parts.length ||
      count !== expected.count ||
      total !== expected.total ||
      count !== Math.ceil(total / FRAME_BYTES)
    )
      throw malformed(`frame ${index} of ${count} is out of order`);
    if (frame.byteLength - PREFIX !== Math.min(FRAME_BYTES, total - index * FRAME_BYTES))
      throw malformed(`frame ${index} has a wrong length`);
    parts.push(frame.subarray(PREFIX));
    if (parts.length < count) return undefined;
    const complete = parts;
    parts = [];
    return open(complete, total);
  };
}

function open(parts: readonly Uint8Array[], total: number): Decoded {
  const [first] = parts as [Uint8Array]; // the header's limit lies far below a frame's length
  if (total < 4) throw malformed("a message without a header");
  const length = new DataView(first.buffer, first.byteOffset).getUint32(0, true);
  if (length % 4 !== 0 || length > HEADER_LIMIT || 4 + length > total) throw malformed("a header of wrong length");
  const parsed = header.safeParse(parse(first.subarray(4, 4 + length)));
  if (!parsed.success) throw malformed(`a header that is none: ${z.prettifyError(parsed.error)}`);
  const { tensors: described, ...head } = parsed.data;
  const bytes = total - 4 - length;
  if (!fills(described, bytes)) throw malformed("tensors that do not fill the message");
  return {
    head,
    described,
    tensors: (allocate = fresh) => {
      const memory = allocate(bytes);
      let at = 0;
      parts.forEach((part, k) => {
        const piece = k === 0 ? part.subarray(4 + length) : part;
        memory.set(piece, at);
        at += piece.byteLength;
      });
      return viewTensors(memory, described);
    },
  };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

const malformed = (what: string) => new AppError("FRAME_MALFORMED", { what });
