// Weights to safetensors bytes and back, under the names and shapes of the authors' PyTorch state_dict. Pure: files are shared/checkpoint/checkpoints.ts.
// Layout: length of the header (u64, little endian), JSON header {name: {dtype, shape, data_offsets}}, float32 data without gaps.
import { AppError } from "../runtime/errors.ts";
import type { ModelConfig } from "./config.ts";
import { embeddingName, findNonFinite, type Group, shapesOf, type Tensor, type Weights, groups } from "./parameters.ts";

const headerLimit = 100 << 20; // the limit of the safetensors format

/** PyTorch keeps W1 as [H, I]; in memory it is [I, H]. */
const isTurned = (name: string) => name === embeddingName;
const shapeInFile = (name: string, shape: readonly number[]) => (isTurned(name) ? [...shape].reverse() : [...shape]);

export function encodeSafetensors(weights: Weights): Uint8Array {
  let end = 0;
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  for (const [name, { shape, data }] of Object.entries(weights)) {
    const from = end;
    end += data.byteLength;
    header[name] = { dtype: "F32", shape: shapeInFile(name, shape), data_offsets: [from, end] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(json.length / 8) * 8; // padded with spaces, so that the data is aligned
  const bytes = new Uint8Array(8 + length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.fill(0x20, 8, 8 + length).set(json, 8);
  let at = 8 + length;
  for (const [name, tensor] of Object.entries(weights)) {
    const data = isTurned(name) ? transposed(tensor).data : tensor.data;
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/** Throws AppError CHECKPOINT_CORRUPT with the reason: header, offsets, shape, length. Reads F32 alone. */
export function decodeSafetensors(bytes: Uint8Array): Weights {
  const header = headerOf(bytes);
  const start = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const size = bytes.length - start;
  const weights: Weights = {};
  let covered = 0;
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const { shape, from, to } = entryOf(name, entry);
    if (to > size) throw corrupt(`tensor ${name} ends at byte ${to} of ${size}: the file is truncated`);
    covered += to - from;
    const copy = bytes.slice(start + from, start + to); // aligned, and free of the file's buffer
    const tensor: Tensor = { shape, data: new Float32Array(copy.buffer, copy.byteOffset, (to - from) / 4) };
    weights[name] = isTurned(name) && shape.length === 2 ? transposed(tensor) : tensor;
  }
  if (covered !== size) throw corrupt(`the tensors cover ${covered} of ${size} bytes`);
  return weights;
}

function headerOf(bytes: Uint8Array): Record<string, unknown> {
  if (bytes.length < 8) throw corrupt(`a file of ${bytes.length} bytes holds no header`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > headerLimit || 8 + length > bytes.length) throw corrupt(`the header says ${length} bytes, the file has ${bytes.length}`);
  try {
    const header: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + length)));
    if (typeof header === "object" && header !== null && !Array.isArray(header)) return header as Record<string, unknown>;
  } catch (error) {
    throw corrupt("the header is not JSON", { cause: error });
  }
  throw corrupt("the header is not an object");
}

function entryOf(name: string, entry: unknown): { shape: number[]; from: number; to: number } {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as { dtype?: unknown; shape?: unknown; data_offsets?: unknown };
  const isCount = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
  if (dtype !== "F32") throw corrupt(`tensor ${name} has the type ${String(dtype)}, not F32`);
  if (!Array.isArray(shape) || !shape.every(isCount)) throw corrupt(`tensor ${name} has no valid shape`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) throw corrupt(`tensor ${name} has no valid offsets`);
  const [from, to] = offsets as [number, number];
  const expected = shape.reduce((a, b) => a * b, 4);
  if (to - from !== expected) throw corrupt(`tensor ${name} of shape [${shape}] needs ${expected} bytes and has ${to - from}`);
  return { shape, from, to };
}

/** Throws CHECKPOINT_CORRUPT when a tensor of the groups is missing or has another shape than the configuration asks for. Shapes are told as in the file. */
export function checkShapes(weights: Weights, config: ModelConfig, parts: readonly Group[] = groups): void {
  for (const [name, expected] of parts.flatMap((group) => shapesOf(group, config))) {
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

/** Block by block: row by row would miss the cache at every step. */
function transposed({ shape, data }: Tensor): Tensor {
  const [rows, columns] = shape as [number, number];
  const turned = new Float32Array(data.length);
  const block = 32;
  for (let top = 0; top < rows; top += block) {
    const bottom = Math.min(rows, top + block);
    for (let left = 0; left < columns; left += block) {
      const right = Math.min(columns, left + block);
      for (let r = top; r < bottom; r++) for (let c = left; c < right; c++) turned[c * rows + r] = data[r * columns + c]!;
    }
  }
  return { shape: [columns, rows], data: turned };
}
