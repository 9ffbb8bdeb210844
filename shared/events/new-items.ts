// Which new items come into the vocabulary: those that enough users have. A producer that makes names up must not make
// the model grow without end. Pure. Decided event by event and not by how many were read together: the same table
// version gives the same vocabulary, in one reading or in a hundred.

export interface Rule {
  /**
   * Distinct users that an item needs; 0: none is ever asked for. With 1 an item of one user comes in at once, as long
   * as those of one user alone are no flood.
   */
  readonly minUsers: number;
  /** Users and items that there is room for, of each as many; what comes after them is left out. */
  readonly most?: number;
}

/** JavaScript's own maps end at 2^24 entries, with an error. */
export const MOST_NAMES = 16_000_000;

/** Items of one user that may always come in: a young catalogue holds nothing else. */
const ALONE_AT_FIRST = 2_000;
/** Waiting ones that are remembered; whatever comes after them is met as for the first time again. */
const MOST_WAITING = 1_000_000;
/** Numbers of items that had to wait; below it they are columns. */
export const WAITED = 2 ** 30;
export const NEW = -1;
export const FORGOTTEN = -2;

export interface NewItems {
  /** Items that wait. */
  readonly waiting: number;
  /** Items that were met with no room to remember them, each time that they were. */
  readonly forgotten: number;
  /**
   * The number that stands for the item in rows: its column, `known` if it has one; NEW: it is to get the next one;
   * FORGOTTEN: there is no room to remember it.
   */
  numberOf(item: string, known: number | undefined): number;
  /** The column of a number in rows; -1 while it waits. */
  columnOf(number: number): number;
  /**
   * One more user has the item. Answers who had it before when it comes in by that; its column is told with `cameIn`.
   */
  joined(number: number, user: number): readonly number[] | undefined;
  cameIn(number: number, column: number): void;
  itemOf(number: number): string;
  /** Users of items are told anew; an item that waits is never taken for a new one again. */
  clear(): void;
}

export function createNewItems({ minUsers }: Rule): NewItems {
  const names: string[] = [];
  const numbers = new Map<string, number>();
  /** By waiting number: its column, -1 while it has none, and the users who have it so far. */
  const columns: number[] = [];
  const holders: number[][] = [];
  /** By column: users, up to 2. */
  const users: number[] = [];
  let [alone, supported, waiting, forgotten] = [0, 0, 0, 0];
  const needed = Math.max(2, minUsers);

  const count = (column: number) => {
    while (users.length <= column) users.push(0);
    if (users[column] === 0) alone++;
    if (users[column] === 1) {
      alone--;
      supported++;
    }
    users[column] = Math.min(2, users[column]! + 1);
  };
  const mayStandAlone = () => minUsers === 0 || (minUsers === 1 && alone < Math.max(ALONE_AT_FIRST, supported));

  return {
    get waiting() {
      return waiting;
    },
    get forgotten() {
      return forgotten;
    },
    numberOf: (item, known) => {
      const waited = numbers.get(item);
      if (waited !== undefined) return waited;
      if (known !== undefined) return known;
      if (mayStandAlone()) return NEW;
      if (waiting >= MOST_WAITING) {
        forgotten++;
        return FORGOTTEN;
      }
      const number = WAITED + names.length;
      names.push(item);
      numbers.set(item, number);
      columns.push(-1);
      holders.push([]);
      waiting++;
      return number;
    },
    columnOf: (number) => (number < WAITED ? number : columns[number - WAITED]!),
    joined: (number, user) => {
      if (number < WAITED) {
        count(number);
        return undefined;
      }
      const at = number - WAITED;
      if (columns[at]! >= 0) {
        count(columns[at]!);
        return undefined;
      }
      holders[at]!.push(user);
      return holders[at]!.length >= needed ? holders[at] : undefined;
    },
    cameIn: (number, column) => {
      const at = number - WAITED;
      columns[at] = column;
      for (const _ of holders[at]!) count(column);
      holders[at] = [];
      waiting--;
    },
    itemOf: (number) => names[number - WAITED]!,
    clear: () => {
      users.fill(0);
      [alone, supported] = [0, 0];
      for (const each of holders) each.length = 0;
    },
  };
}
