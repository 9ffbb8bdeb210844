// Every user's distinct items in order of first appearance, built by appending batches: 4 bytes an interaction. What
// the parameter server trains from.

import type { Interactions } from "./batch.ts";
import { IntSet } from "./intset.ts";
import { createNewItems, FORGOTTEN, MOST_NAMES, NEW, type NewItems, type Rule, WAITED } from "./new-items.ts";
import { RowPool } from "./rows.ts";
import { type Part, partOf } from "./split.ts";
import { stringsOf } from "./text.ts";
import { Vocabulary } from "./vocabulary.ts";

/** Up to here a row is searched by walking it; longer rows keep a set beside them. */
const WALKED = 64;

export class Histories {
  readonly vocabulary: Vocabulary;
  /** In order of first appearance; a user's number is its index here. */
  readonly users: string[] = [];
  readonly #salt: string;
  readonly #numbers = new Map<string, number>();
  readonly #rows = new RowPool();
  readonly #sets = new Map<number, IntSet>();
  readonly #parts: Part[] = [];
  readonly #lastVersion: number[] = [];
  readonly #trainUsers: number[] = [];
  #events = 0;

  readonly #most: number;
  #leftOut = 0;
  readonly #newItems: NewItems;
  /** By user: items of the row that are in the vocabulary. */
  readonly #lengths: number[] = [];

  /**
   * `salt` decides the split. A vocabulary that was pinned before keeps its columns; new items follow as `rule` lets
   * them in, by default each at once.
   */
  constructor(salt: string, vocabulary = new Vocabulary(), rule: Rule = { minUsers: 0 }) {
    this.#salt = salt;
    this.vocabulary = vocabulary;
    this.#newItems = createNewItems(rule);
    this.#most = rule.most ?? MOST_NAMES;
  }

  /** Items that too few users have, and those of them that there was no room to remember. */
  get waiting(): { readonly items: number; readonly forgotten: number } {
    const { waiting, forgotten } = this.#newItems;
    return { items: waiting, forgotten };
  }

  /** Events of users or items that there was no room for. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /** Events appended, repeats of a pair included. */
  get events(): number {
    return this.#events;
  }

  /** Adds the events of one table version, in their order. */
  append(batch: Interactions, version: number): void {
    const { user: users, item: items } = batch;
    const userOf = lookup(stringsOf(users.words), (name) => this.#numberOf(name));
    const numberOf = lookup(stringsOf(items.words), (item) => this.#itemNumber(item));
    for (let k = 0; k < batch.length; k++) {
      const user = userOf(users.numbers[k]!);
      const number = numberOf(items.numbers[k]!);
      if (user === FORGOTTEN || number === FORGOTTEN) {
        this.#leftOut++;
        continue;
      }
      if (!this.#add(user, number)) continue;
      const holders = this.#newItems.joined(number, user);
      if (holders && this.vocabulary.items.length < this.#most) {
        const column = this.vocabulary.add(this.#newItems.itemOf(number));
        for (const holder of holders) this.#has(holder, column, version);
        this.#newItems.cameIn(number, column);
      } else {
        const column = this.#newItems.columnOf(number);
        if (column >= 0) this.#has(user, column, version);
      }
    }
    this.#events += batch.length;
  }

  /**
   * Forgets every event, to be told them anew. Users keep their numbers and items their columns; who is not told again
   * has an empty row.
   */
  clear(): void {
    this.#events = 0;
    this.#leftOut = 0;
    this.#sets.clear();
    this.#rows.clear();
    this.#trainUsers.fill(0);
    this.#lastVersion.fill(-1);
    this.#lengths.fill(0);
    this.#newItems.clear();
  }

  /**
   * Gives up the sets beside long rows, which only appending asks: at Netflix's size they are as large as the rows
   * twice over. Users of whom something comes later get theirs again.
   */
  rest(): void {
    this.#sets.clear();
  }

  /**
   * Distinct columns of a user below `end`, in order of first appearance: a copy, which later appends leave as it is. A
   * run that goes on from an older version gives its own number of columns: an item that waited then may have got one
   * since, and stands in the rows of both.
   */
  rowOf(user: number, end = WAITED): Int32Array {
    const row = this.#rows.copy(user);
    if (row.every((number) => number < end)) return row;
    return row.map((number) => this.#newItems.columnOf(number)).filter((column) => column >= 0 && column < end);
  }

  /** Whether an item that never had to wait is in the user's row. */
  has(user: number, column: number): boolean {
    return this.#sets.get(user)?.has(column) ?? this.#rows.includes(user, column);
  }

  /** The newest `most` of a row in which no item had to wait. */
  newestOf(user: number, most: number): Int32Array {
    return this.#rows.copy(user, most);
  }

  /** Distinct items of a user. */
  lengthOf(user: number): number {
    return this.#lengths[user]!;
  }

  partOf(user: number): Part {
    return this.#parts[user]!;
  }

  /** Table version of the newest event that changed the user's row. */
  lastVersion(user: number): number {
    return this.#lastVersion[user]!;
  }

  indexOf(user: string): number | undefined {
    return this.#numbers.get(user);
  }

  /** Distinct training users of each column, [I]: the popularity that models are compared with. */
  popularity(): Float64Array {
    return Float64Array.from(this.vocabulary.items, (_, column) => this.#trainUsers[column] ?? 0);
  }

  #numberOf(name: string): number {
    const number = this.#numbers.get(name);
    if (number !== undefined) return number;
    const user = this.users.length;
    if (user >= this.#most) return FORGOTTEN;
    this.users.push(name);
    this.#numbers.set(name, user);
    this.#parts.push(partOf(name, this.#salt));
    this.#lastVersion.push(-1);
    this.#lengths.push(0);
    this.#rows.open();
    return user;
  }

  /** What stands for the item in rows: its column, or a number of its own where it has to wait, for ever. */
  #itemNumber(item: string): number {
    const number = this.#newItems.numberOf(item, this.vocabulary.column(item));
    if (number !== NEW) return number;
    return this.vocabulary.items.length < this.#most ? this.vocabulary.add(item) : FORGOTTEN;
  }

  /** The user's row has one more item that is in the vocabulary. */
  #has(user: number, column: number, version: number): void {
    while (this.#trainUsers.length <= column) this.#trainUsers.push(0);
    this.#lengths[user]!++;
    this.#lastVersion[user] = version;
    if (this.#parts[user] === "train") this.#trainUsers[column]!++;
  }

  /** False when the user has the item already. */
  #add(user: number, number: number): boolean {
    const seen = this.#sets.get(user);
    if (seen ? !seen.add(number) : this.#rows.includes(user, number)) return false;
    this.#rows.push(user, number);
    if (!seen && this.#rows.length(user) > WALKED) this.#sets.set(user, new IntSet(this.#rows.copy(user)));
    return true;
  }
}

/**
 * Word number -> what `find` says of the word, asked once a word, when a row first has it: numbers are given in order
 * of first appearance among rows.
 */
function lookup(words: readonly string[], find: (word: string) => number): (number: number) => number {
  const found = new Int32Array(words.length).fill(-1);
  return (number) => {
    if (found[number]! < 0) found[number] = find(words[number]!);
    return found[number]!;
  };
}
