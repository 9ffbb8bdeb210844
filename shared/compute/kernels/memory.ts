// Memory that the kernels work on, shared by threads: arrays are placed one after another, 16 bytes aligned. The arrays
// are ordinary views; what needs no kernel just uses them.
import { AppError } from "../../errors/errors.ts";

const PAGE = 65_536;
/** What a 32-bit pointer reaches: 4 GiB. */
const MOST_PAGES = 65_536;

const gib = (bytes: number) => (bytes / 2 ** 30).toFixed(1);

/** The kernels' own globals lie before. */
const START = 1024;

export class KernelMemory {
  readonly memory = new WebAssembly.Memory({ initial: 1, maximum: MOST_PAGES, shared: true });
  #used = START;
  /** One for each size that the memory has had: all are views of the same. */
  readonly #buffers = new WeakSet<ArrayBufferLike>();

  /** What was there before, if anything: memory that was borrowed is not cleared. */
  floats(count: number): Float32Array {
    const at = this.#place(4 * count);
    return new Float32Array(this.#buffer(), at, count);
  }

  ints(count: number): Int32Array {
    const at = this.#place(4 * count);
    return new Int32Array(this.#buffer(), at, count);
  }

  /** Whether the array lies here. */
  holds({ buffer }: Float32Array): boolean {
    return this.#buffers.has(buffer);
  }

  zeros(count: number): Float32Array {
    return this.floats(count).fill(0);
  }

  /** A copy. */
  place(values: Float32Array): Float32Array {
    const placed = this.floats(values.length);
    placed.set(values);
    return placed;
  }

  /** Bytes in use, a place for `clear`. */
  get used(): number {
    return this.#used;
  }

  /** Bytes that can still be placed. */
  get left(): number {
    return MOST_PAGES * PAGE - this.#used;
  }

  /** The array itself where it lies here, else a copy. */
  near(values: Float32Array): Float32Array {
    return this.holds(values) ? values : this.place(values);
  }

  /** Gives everything back that was placed since `used` was this: no such array may be used any more. */
  clear(used = START): void {
    this.#used = used;
  }

  /** What `body` places is given back when it returns. */
  borrowed<T>(body: () => T): T {
    const before = this.#used;
    try {
      return body();
    } finally {
      this.#used = before;
    }
  }

  #buffer(): ArrayBufferLike {
    const { buffer } = this.memory;
    this.#buffers.add(buffer);
    return buffer;
  }

  /** Throws MODEL_TOO_LARGE. Growing leaves earlier views valid: they are views of the same shared memory. */
  #place(bytes: number): number {
    const at = this.#used;
    const end = Math.ceil((at + bytes) / 16) * 16;
    const pages = Math.ceil(end / PAGE);
    const missing = pages - this.memory.buffer.byteLength / PAGE;
    if (missing > 0) {
      if (pages > MOST_PAGES) throw new AppError("MODEL_TOO_LARGE", { what: `${gib(end)} GiB are needed` });
      try {
        this.memory.grow(missing);
      } catch (error) {
        throw new AppError("MODEL_TOO_LARGE", { what: `the system gives no ${gib(end)} GiB` }, { cause: error });
      }
    }
    this.#used = end;
    return at;
  }
}
