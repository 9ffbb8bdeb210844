// Columns of a model's scores that may be more than the model has: behind its own stand those of items that are hot and
// that it has never met. Between mix.ts, which scores by number of an item, and whoever lists by column.
import { Vocabulary } from "../events/vocabulary.ts";
import type { Hot } from "./mix.ts";

export class Columns {
  /** Begins with the model's; columns stay what they are. */
  readonly vocabulary: Vocabulary;
  /** How many are the model's own. */
  readonly known: number;
  /** By number, -1 for none. */
  readonly of: number[] = [];
  readonly #numbers: Vocabulary;

  /** `numbers`: where items have their numbers; it may grow. */
  constructor(model: Vocabulary, numbers: Vocabulary) {
    this.vocabulary = new Vocabulary(model.items);
    this.known = model.items.length;
    this.#numbers = numbers;
  }

  /** Has a column for everything that is hot. */
  include({ items }: Hot): void {
    const names = this.#numbers.items;
    for (let number = this.of.length; number < names.length; number++)
      this.of.push(this.vocabulary.column(names[number]!) ?? -1);
    for (const item of items) if (this.of[item] === -1) this.of[item] = this.vocabulary.add(names[item]!);
  }

  /** Of the row's columns those that the model knows. */
  ownOf(row: Int32Array): Int32Array {
    return row.filter((column) => column < this.known);
  }
}
