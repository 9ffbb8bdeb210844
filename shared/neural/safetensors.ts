// Weights to safetensors bytes and back, piece by piece, under the names and shapes of the authors' PyTorch state_dict.
// Pure: files are shared/checkpoints/files.ts.
// Layout: length of the header (u64, little endian), JSON header {name: {dtype, shape, data_offsets}}, float32 data
// without gaps.
import { AppError } from "../errors/errors.ts";
import {
  embeddingName,
  findNonFinite,
  type Group,
  groups,
  shapesOf,
  soleEmbedding,
  type Tensor,
  type Weights,
} from "./parameters.ts";
import type { Recipe } from "./recipe.ts";

const headerLimit = 100 << 20; // the limit of the safetensors format
/** What is written or read at a time: no call of the file system takes 2 GiB. */
const PIECE_BYTES = 16 << 20;

/** PyTorch keeps W1 as [H, I]; in memory it is [I, H]. */
const isTurned = (name: string) => name === embeddingName || name === soleEmbedding;
const shapeInFile = (name: string, shape: readonly number[]) => (isTurned(name) ? [...shape].reverse() : [...shape]);

/**
 * The file's bytes, piece by piece: a model of any size passes through little memory. A piece is at least one row of W1
 * long.
 */
export function* encodeSafetensors(weights: Weights, pieceBytes = PIECE_BYTES): Generator<Uint8Array> {
  let end = 0;
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  for (const [name, { shape, data }] of Object.entries(weights)) {
    const from = end;
    end += data.byteLength;
    header[name] = { dtype: "F32", shape: shapeInFile(name, shape), data_offsets: [from, end] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(json.length / 8) * 8; // padded with spaces, so that the data is aligned
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  yield bytes;
  for (const [name, tensor] of Object.entries(weights)) {
    if (!isTurned(name)) {
      yield* piecesOf(tensor.data, pieceBytes);
      continue;
    }
    const [rows, columns] = tensor.shape as [number, number];
    const atOnce = Math.max(1, Math.floor(pieceBytes / (4 * rows)));
    for (let from = 0; from < columns; from += atOnce)
      yield bytesOf(transposed(tensor, from, Math.min(columns, from + atOnce)).data);
  }
}

/** Views of an array's bytes. */
function* piecesOf(data: Float32Array, pieceBytes: number): Generator<Uint8Array> {
  const floats = Math.max(1, Math.floor(pieceBytes / 4));
  for (let from = 0; from < data.length; from += floats) yield bytesOf(data.subarray(from, from + floats));
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) => new Uint8Array(buffer, byteOffset, byteLength);

/** Fills the array with the file's next bytes. */
export type ReadOn = (into: Uint8Array) => Promise<void>;
/** Memory for so many floats. */
export type Room = (floats: number) => Float32Array;
const ownRoom: Room = (floats) => new Float32Array(floats);

/**
 * A file of `size` bytes, read from its start, piece by piece. Nothing is allocated for a tensor before all lengths fit
 * each other and the size. Throws AppError CHECKPOINT_CORRUPT with the reason: header, offsets, shape, length. Reads
 * F32 alone.
 */
export async function decodeSafetensors(
  size: number,
  readOn: ReadOn,
  {
    pieceBytes = PIECE_BYTES,
    room = ownRoom,
  }: { readonly pieceBytes?: number | undefined; readonly room?: Room | undefined } = {},
): Promise<Weights> {
  if (size < 8) throw corrupt(`a file of ${size} bytes holds no header`);
  const first = new Uint8Array(8);
  await readOn(first);
  const length = Number(new DataView(first.buffer).getBigUint64(0, true));
  if (length > headerLimit || 8 + length > size) throw corrupt(`the header says ${length} bytes, the file has ${size}`);
  const json = new Uint8Array(length);
  await readOn(json);
  const weights: Weights = {};
  for (const { name, shape, from, to } of layoutOf(headerOf(json), size - 8 - length)) {
    const tensor: Tensor = { shape, data: room((to - from) / 4) };
    for (const piece of piecesOf(tensor.data, pieceBytes)) await readOn(piece);
    weights[name] = isTurned(name) && shape.length === 2 ? transposed(tensor) : tensor;
  }
  return weights;
}

function headerOf(json: Uint8Array): Record<string, unknown> {
  try {
    const header: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json));
    if (typeof header === "object" && header !== null && !Array.isArray(header))
      return header as Record<string, unknown>;
  } catch (error) {
    throw corrupt("the header is not JSON", { cause: error });
  }
  throw corrupt("the header is not an object");
}

interface Entry {
  readonly name: string;
  readonly shape: number[];
  /** Bytes after the header. */
  readonly from: number;
  readonly to: number;
}

/** The tensors in the order in which they lie, which covers all of `size` bytes without gaps. */
function layoutOf(header: Record<string, unknown>, size: number): Entry[] {
  const entries = Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, entry]) => entryOf(name, entry));
  const beyond = entries.find(({ to }) => to > size);
  if (beyond) throw corrupt(`tensor ${beyond.name} ends at byte ${beyond.to} of ${size}: the file is truncated`);
  entries.sort((a, b) => a.from - b.from || a.to - b.to);
  let covered = 0;
  for (const { name, from, to } of entries) {
    if (from !== covered)
      throw corrupt(`tensor ${name} begins at byte ${from}, where those before it end at ${covered}`);
    covered = to;
  }
  if (covered !== size) throw corrupt(`the tensors cover ${covered} of ${size} bytes`);
  return entries;
}

function entryOf(name: string, entry: unknown): Entry {
  const {
    dtype,
    shape,
    data_offsets: offsets,
  } = (entry ?? {}) as { dtype?: unknown; shape?: unknown; data_offsets?: unknown };
  const isCount = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
  if (dtype !== "F32") throw corrupt(`tensor ${name} has the type ${String(dtype)}, not F32`);
  if (!Array.isArray(shape) || !shape.every(isCount)) throw corrupt(`tensor ${name} has no valid shape`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    throw corrupt(`tensor ${name} has no valid offsets`);
  const [from, to] = offsets as [number, number];
  const expected = shape.reduce((a, b) => a * b, 4);
  if (to - from !== expected)
    throw corrupt(`tensor ${name} of shape [${shape}] needs ${expected} bytes and has ${to - from}`);
  return { name, shape, from, to };
}

/**
 * Throws CHECKPOINT_CORRUPT when a tensor of the groups is missing or has another shape than the configuration asks
 * for.
 */
export function checkShapes(weights: Weights, config: Recipe, parts: readonly Group[] = groups): void {
  mustHave(
    weights,
    parts.flatMap((group) => shapesOf(group, config)),
  );
}

/**
 * Throws CHECKPOINT_CORRUPT when one of the tensors is missing or has another shape. Shapes are told as in the file.
 */
export function mustHave(weights: Weights, tensors: readonly [name: string, shape: readonly number[]][]): void {
  for (const [name, expected] of tensors) {
    const found = weights[name]?.shape;
    if (!found) throw corrupt(`tensor ${name} is missing`);
    if (found.length !== expected.length || found.some((n, k) => n !== expected[k])) {
      const [inFile, wanted] = [shapeInFile(name, found), shapeInFile(name, expected)];
      throw corrupt(`tensor ${name} has the shape [${inFile}] where the other sizes ask for [${wanted}]`);
    }
  }
}

/** Throws CHECKPOINT_CORRUPT when a tensor holds a NaN or an infinity: whatever it scored would be one. */
export function checkFinite(weights: Weights): void {
  const poisoned = findNonFinite(weights);
  if (poisoned !== undefined) throw corrupt(`tensor ${poisoned} holds a NaN or an infinity`);
}

const corrupt = (what: string, options?: ErrorOptions) => new AppError("CHECKPOINT_CORRUPT", { what }, options);

/** Columns `from` to `to`, as rows. Block by block: row by row would miss the cache at every step. */
function transposed({ shape, data }: Tensor, from = 0, to = shape[1]!): Tensor {
  const [rows, columns] = shape as [number, number];
  const turned = new Float32Array((to - from) * rows);
  const block = 32;
  for (let top = 0; top < rows; top += block) {
    const bottom = Math.min(rows, top + block);
    for (let left = from; left < to; left += block) {
      const right = Math.min(to, left + block);
      for (let r = top; r < bottom; r++)
        for (let c = left; c < right; c++) turned[(c - from) * rows + r] = data[r * columns + c]!;
    }
  }
  return { shape: [to - from, rows], data: turned };
}
