// A text column as dictionary and numbers: each different word once, as UTF-8 side by side. Users and items repeat, and
// strings are what costs.

/** `data` holds word k at offsets[k] to offsets[k + 1]. */
export interface Words {
  readonly size: number;
  readonly data: Uint8Array;
  readonly offsets: Int32Array;
}

export interface Text {
  readonly words: Words;
  /** Row k is word numbers[k]. May be longer than the rows in use. */
  readonly numbers: Int32Array;
}

const utf8 = new TextEncoder();

/** The column of these strings; its words stand in order of first appearance. */
export function textOf(strings: readonly string[]): Text {
  const numberOf = new Map<string, number>();
  const numbers = Int32Array.from(strings, (word) => {
    const number = numberOf.get(word) ?? numberOf.size;
    numberOf.set(word, number);
    return number;
  });
  return { numbers, words: encodeWords([...numberOf.keys()]) };
}

function encodeWords(words: readonly string[]): Words {
  const encoded = words.map((word) => utf8.encode(word));
  const offsets = new Int32Array(words.length + 1);
  for (const [k, bytes] of encoded.entries()) offsets[k + 1] = offsets[k]! + bytes.length;
  const data = new Uint8Array(offsets[words.length]!);
  for (const [k, bytes] of encoded.entries()) data.set(bytes, offsets[k]);
  return { size: words.length, data, offsets };
}

/** Every word as a string. */
export function stringsOf({ size, data, offsets }: Words): string[] {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: size }, (_, k) => bytes.toString("utf8", offsets[k], offsets[k + 1]));
}

/** Below, above or 0: words a and b by their bytes, the order that readers of the table compare text by. */
export function compareWords({ data, offsets }: Words, a: number, b: number): number {
  let [at, other] = [offsets[a]!, offsets[b]!];
  const [end, otherEnd] = [offsets[a + 1]!, offsets[b + 1]!];
  const shorter = end - at - (otherEnd - other);
  for (; at < end && other < otherEnd; at++, other++) if (data[at] !== data[other]) return data[at]! - data[other]!;
  return shorter;
}

/** Every row as a string; rows of one word share it. */
export function rowsOf({ words, numbers }: Text, length: number): string[] {
  const strings = stringsOf(words);
  return Array.from({ length }, (_, k) => strings[numbers[k]!]!);
}
