// The append-only list of items: an item's column never changes, new ones are added at the end in order of first
// appearance.

export class Vocabulary {
  readonly items: string[] = [];
  readonly #columns = new Map<string, number>();

  constructor(items: Iterable<string> = []) {
    for (const item of items) this.add(item);
  }

  column(item: string): number | undefined {
    return this.#columns.get(item);
  }

  /** The item's column; a new item gets the next one. */
  add(item: string): number {
    const found = this.#columns.get(item);
    if (found !== undefined) return found;
    const column = this.items.length;
    this.items.push(item);
    this.#columns.set(item, column);
    return column;
  }
}
