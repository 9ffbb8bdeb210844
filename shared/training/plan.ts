// Which users a round of continuous training holds: those with new events first, then a uniform sample of the others.
// Pure.
import { permutation } from "../compute/draws.ts";

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

/**
 * At most `limit` users, each once. Where more than that have new events, those of this round are a uniform sample of
 * them too: whoever took the ones that wait longest would train a backlog in the order of its age, and the model would
 * know only the past until the end.
 */
export function planUsers(
  { users, lastVersion, plannedAt }: Candidates,
  limit: number,
  seed: number,
  round: number,
): Uint32Array {
  const isFresh = (user: number) => lastVersion(user) > plannedAt(user);
  const sample = (from: readonly number[], stream: number, count: number) =>
    Array.from(permutation(seed, stream, from.length).subarray(0, count), (k) => from[k]!);
  const chosen = sample(users.filter(isFresh), STREAM + 2 * round, limit);
  const others = users.filter((user) => !isFresh(user));
  return Uint32Array.from([...chosen, ...sample(others, STREAM + 2 * round + 1, limit - chosen.length)]);
}
