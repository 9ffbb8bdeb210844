// Text columns and their dictionaries: each different word once, as UTF-8 side by side, and a number a row. Users repeat, and strings are what costs.

/** `data` holds word k at offsets[k] to offsets[k + 1]. */
export interface Words {
  readonly words: readonly string[];
  readonly data: Buffer;
  readonly offsets: Int32Array;
  readonly ascii: boolean;
}

/** The different words in order of first appearance, and for each of the first `length` rows its word's number. */
export function intern(column: readonly string[], length: number): { readonly words: string[]; readonly numbers: Int32Array } {
  const known = new Map<string, number>();
  const words: string[] = [];
  const numbers = new Int32Array(length);
  for (let k = 0; k < length; k++) {
    const word = column[k]!;
    let number = known.get(word);
    if (number === undefined) {
      number = words.length;
      known.set(word, number);
      words.push(word);
    }
    numbers[k] = number;
  }
  return { words, numbers };
}

export function encodeWords(words: readonly string[]): Words {
  const offsets = new Int32Array(words.length + 1);
  let data = Buffer.allocUnsafe(words.length * 12 + 1024);
  let end = 0;
  let ascii = true;
  for (let k = 0; k < words.length; k++) {
    const word = words[k]!;
    if (end + word.length * 3 > data.length) data = Buffer.concat([data.subarray(0, end)], (end + word.length * 3) * 2);
    let j = 0;
    for (; j < word.length; j++) {
      const unit = word.charCodeAt(j);
      if (unit > 0x7f) break;
      data[end + j] = unit;
    }
    if (j === word.length) end += j;
    else {
      ascii = false;
      end += data.write(word, end, "utf8");
    }
    offsets[k + 1] = end;
  }
  return { words, data: data.subarray(0, end), offsets, ascii };
}

/** Least and greatest word in the order of their bytes, which is what readers of the table compare by; undefined when there is none. */
export function extremes({ words, data, offsets, ascii }: Words): { readonly min: string; readonly max: string } | undefined {
  if (words.length === 0) return undefined;
  const bytes = (k: number) => data.subarray(offsets[k], offsets[k + 1]);
  // JavaScript compares UTF-16 units, which differs from the order of bytes only outside ASCII.
  const less = ascii ? (a: number, b: number) => words[a]! < words[b]! : (a: number, b: number) => bytes(a).compare(bytes(b)) < 0;
  let min = 0;
  let max = 0;
  for (let k = 1; k < words.length; k++) {
    if (less(k, min)) min = k;
    if (less(max, k)) max = k;
  }
  return { min: words[min]!, max: words[max]! };
}
