// Many growing rows of 32-bit integers in few large slabs: a row doubles into a free piece, and leaves its old piece to
// the next row of that size.

/** Integers a slab; a row longer than this gets a slab of its own. */
const SLAB = 1 << 20;
const FIRST = 4;

export class RowPool {
  readonly #slabs: Int32Array[] = [];
  /** Integers used of the slab that is being cut. */
  #used = SLAB;
  #cutting = -1;
  /** Free pieces by capacity: slab and start, one after the other. */
  readonly #free = new Map<number, number[]>();
  readonly #slabOf: number[] = [];
  readonly #startOf: number[] = [];
  readonly #lengthOf: number[] = [];
  readonly #capacityOf: number[] = [];

  /** A new empty row, the next number. */
  open(): void {
    this.#slabOf.push(-1);
    this.#startOf.push(0);
    this.#lengthOf.push(0);
    this.#capacityOf.push(0);
  }

  /** Empties every row; their number stays. */
  clear(): void {
    this.#slabs.length = 0;
    this.#used = SLAB;
    this.#cutting = -1;
    this.#free.clear();
    this.#lengthOf.fill(0);
    this.#capacityOf.fill(0);
  }

  length(row: number): number {
    return this.#lengthOf[row]!;
  }

  /** The newest `most` of it. */
  copy(row: number, most = Number.POSITIVE_INFINITY): Int32Array {
    const length = this.#lengthOf[row]!;
    const end = this.#startOf[row]! + length;
    return length === 0 ? new Int32Array(0) : this.#slabs[this.#slabOf[row]!]!.slice(end - Math.min(length, most), end);
  }

  includes(row: number, value: number): boolean {
    const length = this.#lengthOf[row]!;
    if (length === 0) return false;
    const slab = this.#slabs[this.#slabOf[row]!]!;
    const start = this.#startOf[row]!;
    for (let k = start; k < start + length; k++) if (slab[k] === value) return true;
    return false;
  }

  push(row: number, value: number): void {
    const length = this.#lengthOf[row]!;
    if (length === this.#capacityOf[row]!) this.#grow(row);
    this.#slabs[this.#slabOf[row]!]![this.#startOf[row]! + length] = value;
    this.#lengthOf[row] = length + 1;
  }

  #grow(row: number): void {
    const old = this.#capacityOf[row]!;
    const capacity = old === 0 ? FIRST : 2 * old;
    const [slab, start] = this.#take(capacity);
    if (old > 0) {
      const from = this.#startOf[row]!;
      this.#slabs[slab]!.set(this.#slabs[this.#slabOf[row]!]!.subarray(from, from + old), start);
      const free = this.#free.get(old);
      if (free) free.push(this.#slabOf[row]!, from);
      else this.#free.set(old, [this.#slabOf[row]!, from]);
    }
    this.#slabOf[row] = slab;
    this.#startOf[row] = start;
    this.#capacityOf[row] = capacity;
  }

  #take(capacity: number): [slab: number, start: number] {
    const free = this.#free.get(capacity);
    if (free && free.length > 0) {
      const start = free.pop()!;
      return [free.pop()!, start];
    }
    if (capacity > SLAB) return [this.#slabs.push(new Int32Array(capacity)) - 1, 0];
    if (this.#used + capacity > SLAB) {
      this.#cutting = this.#slabs.push(new Int32Array(SLAB)) - 1;
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += capacity;
    return [this.#cutting, start];
  }
}
