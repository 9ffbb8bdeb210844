// Whether a file of XLA's is whole: one that the power took while it was written is short, empty or zeros, and
// TensorFlow would refuse to compile what it stands for. Beside kept.ts.
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** Longest beginning of a field: a number of its kind, a number of its length. */
const HEAD = 20;
const [VARINT, BYTES] = [0, 2];

/** A protobuf message by its outermost fields alone: a few reads, however long the file is. */
export function isWhole(path: string): boolean {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const { size } = fstatSync(file);
    const head = Buffer.alloc(HEAD);
    let at = 0;
    while (at < size) {
      const next = afterField(head.subarray(0, readSync(file, head, 0, HEAD, at)));
      if (next === undefined) return false;
      at += next;
    }
    return at === size && size > 0;
  } catch {
    return false;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Length of the field that begins here; undefined where none does. */
function afterField(bytes: Buffer): number | undefined {
  const kind = varint(bytes, 0);
  if (!kind || kind.value >> 3 === 0) return undefined;
  const value = varint(bytes, kind.end);
  if (!value) return undefined;
  if ((kind.value & 7) === VARINT) return value.end;
  return (kind.value & 7) === BYTES ? value.end + value.value : undefined;
}

function varint(bytes: Buffer, from: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let k = from; k < bytes.length && k - from < 10; k++) {
    value += (bytes[k]! & 0x7f) * 2 ** (7 * (k - from));
    if (bytes[k]! < 0x80) return { value, end: k + 1 };
  }
  return undefined;
}
