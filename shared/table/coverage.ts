// Which offsets of a partition were seen, in bounded memory: a bit each, in pages; a full page is only remembered as
// full.

const pageBits = 1 << 16;

/** The bits of one page, or how it ended up: all of them seen. */
type Page = { readonly bits: Uint32Array; count: number } | "full";

export interface Range {
  /** Both ends included. */
  readonly from: number;
  readonly to: number;
}

export class Coverage {
  readonly #pages = new Map<number, Page>();
  #first = Number.POSITIVE_INFINITY;
  #last = -1;
  #seen = 0;
  #repeated = 0;

  /** Smallest and greatest offset seen; Infinity and -1 when none was. */
  get first(): number {
    return this.#first;
  }
  get last(): number {
    return this.#last;
  }
  /** Different offsets seen. */
  get seen(): number {
    return this.#seen;
  }
  /** How often an offset came that had been seen before. */
  get repeated(): number {
    return this.#repeated;
  }

  /** False when the offset was seen before. */
  add(offset: number): boolean {
    const number = Math.floor(offset / pageBits);
    let page = this.#pages.get(number);
    if (page === undefined) {
      page = { bits: new Uint32Array(pageBits / 32), count: 0 };
      this.#pages.set(number, page);
    }
    const bit = offset - number * pageBits;
    if (page === "full" || (page.bits[bit >> 5]! >>> (bit & 31)) & 1) {
      this.#repeated++;
      return false;
    }
    page.bits[bit >> 5]! |= 1 << (bit & 31);
    if (++page.count === pageBits) this.#pages.set(number, "full");
    this.#seen++;
    if (offset < this.#first) this.#first = offset;
    if (offset > this.#last) this.#last = offset;
    return true;
  }

  has(offset: number): boolean {
    const number = Math.floor(offset / pageBits);
    const page = this.#pages.get(number);
    if (page === undefined || page === "full") return page === "full";
    const bit = offset - number * pageBits;
    return ((page.bits[bit >> 5]! >>> (bit & 31)) & 1) === 1;
  }

  /** What is missing between the first offset seen and `last`, in order. */
  *holes(last: number): Generator<Range> {
    let from = -1;
    for (let offset = this.#first; offset <= last; ) {
      const number = Math.floor(offset / pageBits);
      const page = this.#pages.get(number);
      const pageEnd = Math.min((number + 1) * pageBits, last + 1);
      const isUniform = page === "full" || page === undefined;
      const isSeen =
        page !== undefined && (page === "full" || ((page.bits[(offset % pageBits) >> 5]! >>> (offset & 31)) & 1) === 1);
      if (isSeen && from >= 0) {
        yield { from, to: offset - 1 };
        from = -1;
      }
      if (!isSeen && from < 0) from = offset;
      offset = isUniform ? pageEnd : offset + 1;
    }
    if (from >= 0) yield { from, to: last };
  }
}
