// Held-out users of the table, as a model's columns: a bounded sample that stays the same people as others arrive, so that evaluations compare. Pure.
import { hash32 } from "../../shared/events/hash.ts";
import type { Histories } from "../../shared/events/histories.ts";
import { foldIn, type Part } from "../../shared/events/split.ts";
import type { Vocabulary } from "../../shared/events/vocabulary.ts";
import type { NamedUser } from "../../shared/ranking/evaluate.ts";

/**
 * Users of `part` with something on both sides, at most `limit`: those whose hash is smallest, whatever the order in which they came.
 * Items that the model's `vocabulary` lacks are left out, as the protocol of spec/recvae.md 1.9 does.
 */
export function heldOut(histories: Histories, part: Part, salt: string, vocabulary: Vocabulary, limit: number): NamedUser[] {
  const seed = hash32(salt, 3); // split.ts takes 1 and 2
  const keys = new Map<number, number>();
  histories.users.forEach((name, user) => {
    if (histories.partOf(user) === part) keys.set(user, hash32(name, seed));
  });
  const candidates = [...keys.keys()].sort((a, b) => keys.get(a)! - keys.get(b)! || a - b);
  const columnOf = translation(histories.vocabulary.items, vocabulary);
  const chosen: NamedUser[] = [];
  for (const user of candidates) {
    if (chosen.length === limit) break;
    const name = histories.users[user]!;
    const cut = foldIn(name, histories.rowOf(user), histories.vocabulary.items, salt);
    const both = { user: name, foldIn: translated(cut.foldIn, columnOf), target: translated(cut.target, columnOf) };
    if (both.foldIn.length > 0 && both.target.length > 0) chosen.push(both);
  }
  return chosen;
}

/** For each of `items` its column in `vocabulary`, -1 where it has none. */
export function translation(items: readonly string[], vocabulary: Vocabulary): Int32Array {
  return Int32Array.from(items, (item) => vocabulary.column(item) ?? -1);
}

/** A row's columns through a translation; those without a counterpart fall away. */
export function translated(row: Int32Array, columnOf: Int32Array): Int32Array {
  return row.map((column) => columnOf[column]!).filter((column) => column >= 0);
}

/** Train users of each of the model's columns, [I]. */
export function popularityIn(histories: Histories, vocabulary: Vocabulary): Float64Array {
  const counts = histories.popularity();
  return Float64Array.from(vocabulary.items, (item) => counts[histories.vocabulary.column(item) ?? -1] ?? 0);
}
