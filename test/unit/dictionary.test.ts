// The dictionary of bytes against a Map of strings.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Dictionary } from "../../shared/events/dictionary.ts";
import { hash32, hashBytes } from "../../shared/events/hash.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** The word in the midst of other bytes, as names are in an event. */
function add(dictionary: Dictionary, word: string): number {
  const bytes = encode(`"${word}",`);
  return dictionary.add(bytes, 1, bytes.length - 2);
}

function wordsOf(dictionary: Dictionary): string[] {
  const { data, offsets, size } = dictionary;
  expect(offsets.length).toBe(size + 1);
  expect(data.length).toBe(offsets[size]);
  return Array.from({ length: size }, (_, k) =>
    new TextDecoder("utf-8", { ignoreBOM: true }).decode(data.subarray(offsets[k], offsets[k + 1])),
  );
}

/** Adds the words to both and compares all that can be seen. */
function compare(dictionary: Dictionary, words: readonly string[]): void {
  const numbers = new Map<string, number>();
  words.forEach((word, k) => {
    if (!numbers.has(word)) numbers.set(word, numbers.size);
    const number = k % 3 === 0 ? dictionary.addText(word) : add(dictionary, word);
    if (number !== numbers.get(word)) expect(number, word).toBe(numbers.get(word));
  });
  expect(wordsOf(dictionary)).toEqual([...numbers.keys()]);
  for (const [word, number] of numbers)
    if (dictionary.hashOf(number) !== hash32(word, 0)) expect.fail(`the hash of ${word}`);
}

test("property: numbers, words and hashes are a Map's, after each clear as well", () => {
  const word = fc.oneof(
    fc.string({ maxLength: 3 }),
    fc.string({ unit: "grapheme", maxLength: 40 }),
    fc.string({ minLength: 200, maxLength: 256 }),
    fc.nat({ max: 50 }).map(String),
  );
  const dictionary = new Dictionary();
  fc.assert(
    fc.property(fc.array(word, { maxLength: 200 }), (words) => {
      dictionary.clear();
      expect(dictionary.size).toBe(0);
      compare(dictionary, words);
    }),
    { seed: 1, numRuns: 300 },
  );
});

test("it grows through many doublings, and a cleared one keeps its memory", () => {
  const words = Array.from({ length: 60_000 }, (_, k) => `user-${(k * 7919) % 40_000}`);
  const dictionary = new Dictionary();
  const small = dictionary.byteLength;
  compare(dictionary, words);
  const grown = dictionary.byteLength;
  expect(grown).toBeGreaterThan(10 * small);
  dictionary.clear();
  compare(dictionary, words.toReversed());
  expect(dictionary.byteLength).toBe(grown);
});

test("two words of one hash are two words", () => {
  // Found by search over all numbers below 200,000: by the birthday bound some collide.
  const seen = new Map<number, string>();
  const dictionary = new Dictionary();
  let collisions = 0;
  for (let k = 0; k < 200_000; k++) {
    const word = String(k);
    const hash = hash32(word, 0);
    const other = seen.get(hash);
    if (other === undefined) seen.set(hash, word);
    else {
      expect(add(dictionary, word)).not.toBe(add(dictionary, other));
      expect(add(dictionary, word)).not.toBe(add(dictionary, other));
      collisions++;
    }
  }
  expect(collisions).toBeGreaterThan(0);
  expect(dictionary.size).toBe(2 * collisions);
});

test("property: the hash of bytes is the hash of their text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.integer(), (text, seed) => {
      const bytes = encode(`ab${text}c`);
      return hashBytes(bytes, 2, bytes.length - 1, seed) === hash32(text, seed);
    }),
    { seed: 2, numRuns: 2000 },
  );
});
