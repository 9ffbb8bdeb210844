// Different words of bytes and their numbers in order of first appearance: the columns of names without a JavaScript
// string a row.
import { hashBytes } from "./hash.ts";
import { longer } from "./longer.ts";

const SLOTS = 1024;

/** Holds at most 2 GiB of words; whoever fills it bounds it by `byteLength`. */
export class Dictionary {
  /**
   * Open addressing, two integers a slot: the word's hash and its number plus one; 0 is an empty slot. The count of
   * slots is a power of two.
   */
  #slots = new Int32Array(2 * SLOTS);
  #data = new Uint8Array(SLOTS * 8);
  /** One longer than there are slots: grows with them. */
  #offsets = new Int32Array(SLOTS + 1);
  #size = 0;

  /** The number of the word of the bytes from `start` to `end`; a new word gets the next one. */
  add(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(bytes, start, end, 0) | 0;
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = (hash << 1) & mask;
    for (; slots[slot + 1] !== 0; slot = (slot + 2) & mask) {
      if (slots[slot] === hash && this.#equals(slots[slot + 1]! - 1, bytes, start, end)) return slots[slot + 1]! - 1;
    }
    return this.#append(slot, hash, bytes, start, end);
  }

  /** The same for text, as UTF-8. */
  addText(text: string): number {
    const bytes = utf8.encode(text);
    return this.add(bytes, 0, bytes.length);
  }

  get size(): number {
    return this.#size;
  }

  /** The words side by side; a view that holds until the next word is added. */
  get data(): Uint8Array {
    return this.#data.subarray(0, this.#offsets[this.#size]);
  }

  /** Word k is in `data` from offsets[k] to offsets[k + 1]; a view that holds until the next word is added. */
  get offsets(): Int32Array {
    return this.#offsets.subarray(0, this.#size + 1);
  }

  /** Memory held, in use or not. */
  get byteLength(): number {
    return this.#slots.byteLength + this.#data.byteLength + this.#offsets.byteLength;
  }

  /** hash32 of the word's text with seed 0. Computed anew: it is asked once a word. */
  hashOf(number: number): number {
    return hashBytes(this.#data, this.#offsets[number]!, this.#offsets[number + 1]!, 0);
  }

  /** Forgets the words and keeps the memory. */
  clear(): void {
    this.#slots.fill(0);
    this.#size = 0;
  }

  #equals(number: number, bytes: Uint8Array, start: number, end: number): boolean {
    const data = this.#data;
    let k = this.#offsets[number]!;
    if (this.#offsets[number + 1]! - k !== end - start) return false;
    for (let j = start; j < end; j++) if (data[k++] !== bytes[j]) return false;
    return true;
  }

  #append(slot: number, hash: number, bytes: Uint8Array, start: number, end: number): number {
    const number = this.#size++;
    this.#slots[slot] = hash;
    this.#slots[slot + 1] = number + 1;
    let k = this.#offsets[number]!;
    const needed = k + end - start;
    if (needed > this.#data.length) this.#data = longer(this.#data, new Uint8Array(2 * needed));
    for (let j = start; j < end; j++) this.#data[k++] = bytes[j]!;
    this.#offsets[number + 1] = k;
    // At most two thirds of the slots are taken: fewer would make longer tables, and what costs is memory that is not
    // in the cache.
    if (3 * this.#size >= this.#slots.length) this.#grow();
    return number;
  }

  #grow(): void {
    const old = this.#slots;
    const slots = new Int32Array(2 * old.length);
    const mask = slots.length - 1;
    for (let k = 0; k < old.length; k += 2) {
      if (old[k + 1] === 0) continue;
      let slot = (old[k]! << 1) & mask;
      while (slots[slot + 1] !== 0) slot = (slot + 2) & mask;
      slots[slot] = old[k]!;
      slots[slot + 1] = old[k + 1]!;
    }
    this.#slots = slots;
    this.#offsets = longer(this.#offsets, new Int32Array(slots.length / 2 + 1));
  }
}

const utf8 = new TextEncoder();
