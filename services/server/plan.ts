// Which users a round of continuous training holds: those with new events first, then a uniform sample of the others. Pure.
import { permutation } from "../../shared/model/draws.ts";

export interface Candidates {
  /** Training users; held-out ones are not among them. */
  readonly users: readonly number[];
  /** Table version of the newest event that changed the user's row. */
  lastVersion(user: number): number;
  /** Table version at which the user was last planned; -1 for never. */
  plannedAt(user: number): number;
}

/** Streams of the schedule's permutations count up from 0; ours must never meet them. */
const STREAM = 2 ** 31;

/** At most `limit` users, each once. Of users with new events the one who waits longest comes first, so that nobody waits for ever. */
export function planUsers({ users, lastVersion, plannedAt }: Candidates, limit: number, seed: number, round: number): Uint32Array {
  const isFresh = (user: number) => lastVersion(user) > plannedAt(user);
  const fresh = users.filter(isFresh).sort((a, b) => lastVersion(a) - lastVersion(b) || a - b);
  const chosen = fresh.slice(0, limit);
  const others = users.filter((user) => !isFresh(user));
  const order = permutation(seed, STREAM + round, others.length);
  for (let k = 0; k < others.length && chosen.length < limit; k++) chosen.push(others[order[k]!]!);
  return Uint32Array.from(chosen);
}
