// Who is held out and which of their items are the target: decided by hash alone, for ever, so that no event ever
// changes side (strong generalisation).
import { hash32 } from "./hash.ts";

/** For contracts of evaluations. */
export const splitInWords =
  "users by hash: 80 % train, 10 % validation, 10 % test; one item in five of a held-out user is the target";

export type Part = "train" | "validation" | "test";

/** 80 % of users train, 10 % validate, 10 % test. The same answer in every process, at any time, for one salt. */
export function partOf(user: string, salt: string): Part {
  const tenth = hash32(user, hash32(salt, 1)) % 10;
  return tenth < 8 ? "train" : tenth === 8 ? "validation" : "test";
}

/**
 * Whether an item of a held-out user is to be predicted: one in five, by user and item, so that it stays so as more
 * events arrive.
 */
export function isTarget(user: string, item: string, salt: string): boolean {
  return hash32(item, hash32(user, hash32(salt, 2))) % 5 === 0;
}

/**
 * A held-out user's row, cut into what the model sees and what it must predict. `row` holds columns of `items`; order
 * is kept.
 */
export function foldIn(
  user: string,
  row: Int32Array,
  items: readonly string[],
  salt: string,
): { foldIn: Int32Array; target: Int32Array } {
  const seed = hash32(user, hash32(salt, 2));
  const onTarget = (column: number) => hash32(items[column]!, seed) % 5 === 0;
  return { foldIn: row.filter((column) => !onTarget(column)), target: row.filter(onTarget) };
}
