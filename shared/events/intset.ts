// A set of non-negative integers by open addressing: 8 to 16 bytes a member, for the few rows that are too long to
// walk.

export class IntSet {
  /** Members plus one; 0 is an empty slot. The length is a power of two. */
  #slots = new Int32Array(256);
  #size = 0;

  constructor(values: Iterable<number> = []) {
    for (const value of values) this.add(value);
  }

  /** False when it is a member already. */
  add(value: number): boolean {
    if (2 * (this.#size + 1) > this.#slots.length) this.#grow();
    const slot = this.#find(value);
    if (this.#slots[slot] !== 0) return false;
    this.#slots[slot] = value + 1;
    this.#size++;
    return true;
  }

  has(value: number): boolean {
    return this.#slots[this.#find(value)] !== 0;
  }

  #find(value: number): number {
    const mask = this.#slots.length - 1;
    let slot = (Math.imul(value, 0x9e3779b1) >>> 8) & mask;
    while (this.#slots[slot] !== 0 && this.#slots[slot] !== value + 1) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(2 * old.length);
    for (const member of old) if (member !== 0) this.#slots[this.#find(member - 1)] = member;
  }
}
