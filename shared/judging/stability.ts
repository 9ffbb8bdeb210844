// How steady single users are while a model learns: NDCG@100 of some of them by epoch, and how far all of them move
// from one epoch to the next. Pure; `plot` and the benchmark draw it.
import { permutation } from "../compute/draws.ts";

export interface EpochOfUsers {
  readonly epoch: number;
  readonly ndcg: ReadonlyMap<string, number>;
}

export interface Stability {
  /** Value of each drawn user, and of the mean over all, by epoch. */
  readonly lines: readonly { readonly epoch: number; readonly user: string; readonly ndcg: number }[];
  readonly means: readonly { readonly epoch: number; readonly ndcg: number }[];
  /** Mean over users, who stand in both epochs, of the absolute change since the epoch before. */
  readonly changes: readonly { readonly epoch: number; readonly change: number }[];
  readonly drawn: readonly string[];
  /** Users of the newest epoch. */
  readonly users: number;
}

/**
 * At most `count` users, drawn by the seed among those who stand in every epoch, or, where there are none, in the
 * newest.
 */
export function usersOf(epochs: readonly EpochOfUsers[], count: number, seed: number): Stability {
  const newest = [...epochs.at(-1)!.ndcg.keys()].sort();
  const steady = newest.filter((user) => epochs.every(({ ndcg }) => ndcg.has(user)));
  const candidates = steady.length > 0 ? steady : newest;
  const drawn = [...permutation(seed, 0, candidates.length).subarray(0, count)].map((k) => candidates[k]!);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value / values.length, 0);
  return {
    drawn,
    users: newest.length,
    lines: epochs.flatMap(({ epoch, ndcg }) =>
      drawn.flatMap((user) => (ndcg.has(user) ? [{ epoch, user, ndcg: ndcg.get(user)! }] : [])),
    ),
    means: epochs.map(({ epoch, ndcg }) => ({ epoch, ndcg: mean([...ndcg.values()]) })),
    changes: epochs.slice(1).flatMap(({ epoch, ndcg }, k) => {
      const before = epochs[k]!.ndcg;
      const changes = [...ndcg].flatMap(([user, value]) =>
        before.has(user) ? [Math.abs(value - before.get(user)!)] : [],
      );
      return changes.length > 0 ? [{ epoch, change: mean(changes) }] : [];
    }),
  };
}

/**
 * Over the epochs: how far a user's figure moves from one to the next, on average. NaN where there is one epoch alone.
 */
export const meanChange = (changes: Stability["changes"]): number =>
  changes.length === 0 ? Number.NaN : changes.reduce((sum, { change }) => sum + change / changes.length, 0);
