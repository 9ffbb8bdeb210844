// Which user has which number: users are numbered as the table first shows them, and compaction changes the order of
// its rows. A checkpoint, whose old posteriors and plans go by number, keeps this digest, so that a restart sees
// whether its numbers are the same.
import { hash32 } from "../../../shared/events/hash.ts";

export interface Numbering {
  /** Users that had a number. */
  readonly count: number;
  /** Of their names, in the order of their numbers. */
  readonly hash: number;
}

export const nobody: Numbering = { count: 0, hash: 0 };

/** Of the first `count` names, going on from the digest of fewer. */
export function numberingOf(
  names: readonly string[],
  count = names.length,
  { count: from, hash: first } = nobody,
): Numbering {
  let hash = first;
  for (let user = from; user < count; user++) hash = hash32(names[user]!, hash);
  return { count, hash };
}

/** Whether the users that were numbered then have the same numbers among `names`. */
export const isNumberedAlike = (then: Numbering, names: readonly string[]): boolean =>
  then.count <= names.length && numberingOf(names, then.count).hash === then.hash;
