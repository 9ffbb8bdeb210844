// Users of the table to judge a model on, in its columns: a bounded sample that stays the same people as others arrive,
// so that evaluations compare. Pure.
import { hash32 } from "../events/hash.ts";
import type { Histories } from "../events/histories.ts";
import { foldIn, type Part } from "../events/split.ts";
import type { Vocabulary } from "../events/vocabulary.ts";
import type { NamedUser } from "../ranking/evaluate.ts";

/** Users of `part`, cut as split.ts says. At most `limit`: see `chosen`. */
export function heldOut(
  histories: Histories,
  part: Part,
  salt: string,
  vocabulary: Vocabulary,
  limit: number,
): NamedUser[] {
  const { items } = histories.vocabulary;
  const cut = (user: number) => foldIn(histories.users[user]!, histories.rowOf(user), items, salt);
  const ofPart = [...histories.users.keys()].filter((user) => histories.partOf(user) === part);
  return chosen(histories, ofPart, cut, salt, vocabulary, limit);
}

/**
 * Users who came back: what they had when their rows were as long as `lengths` says is the fold-in, what they came to
 * since is the target.
 */
export function cameBack(
  histories: Histories,
  lengths: Int32Array,
  salt: string,
  vocabulary: Vocabulary,
  limit: number,
): NamedUser[] {
  const cut = (user: number) => {
    const length = lengths[user] ?? 0;
    if (length === histories.lengthOf(user)) return null;
    const row = histories.rowOf(user);
    return { foldIn: row.slice(0, length), target: row.slice(length) };
  };
  return chosen(histories, [...histories.users.keys()], cut, salt, vocabulary, limit);
}

/**
 * At most `limit` of the `users` that `cut` cuts into two sides, both with something in them: those whose hash is
 * smallest, whatever the order in which they came. Items that the model's `vocabulary` lacks are left out, as the
 * protocol of docs/design/recvae.md#split does.
 */
function chosen(
  histories: Histories,
  users: readonly number[],
  cut: (user: number) => { foldIn: Int32Array; target: Int32Array } | null,
  salt: string,
  vocabulary: Vocabulary,
  limit: number,
): NamedUser[] {
  const keys = keysOf(histories, salt);
  const columnOf = translation(histories.vocabulary.items, vocabulary);
  const found: NamedUser[] = [];
  for (const user of [...users].sort((a, b) => keys[a]! - keys[b]! || a - b)) {
    if (found.length === limit) break;
    const sides = cut(user);
    if (!sides) continue;
    const both = {
      user: histories.users[user]!,
      foldIn: translated(sides.foldIn, columnOf),
      target: translated(sides.target, columnOf),
    };
    if (both.foldIn.length > 0 && both.target.length > 0) found.push(both);
  }
  return found;
}

/** Of each user: made once, since names stay. */
function keysOf(histories: Histories, salt: string): readonly number[] {
  const ofSalts = known.get(histories) ?? new Map<string, number[]>();
  known.set(histories, ofSalts);
  const keys = ofSalts.get(salt) ?? [];
  ofSalts.set(salt, keys);
  const seed = hash32(salt, 3); // split.ts takes 1 and 2
  for (let user = keys.length; user < histories.users.length; user++) keys.push(hash32(histories.users[user]!, seed));
  return keys;
}
const known = new WeakMap<Histories, Map<string, number[]>>();

/** For each of `items` its column in `vocabulary`, -1 where it has none. */
export function translation(items: readonly string[], vocabulary: Vocabulary): Int32Array {
  return Int32Array.from(items, (item) => vocabulary.column(item) ?? -1);
}

/** A row's columns through a translation; those without a counterpart fall away. */
export function translated(row: Int32Array, columnOf: Int32Array): Int32Array {
  return row.map((column) => columnOf[column]!).filter((column) => column >= 0);
}

/** Training users of each of the model's columns, [I]; `counts` are those of the histories' columns. */
export function popularityIn(
  histories: Histories,
  vocabulary: Vocabulary,
  counts = histories.popularity(),
): Float64Array {
  return Float64Array.from(vocabulary.items, (item) => counts[histories.vocabulary.column(item) ?? -1] ?? 0);
}
