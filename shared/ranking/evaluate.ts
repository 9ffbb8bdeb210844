// Held-out users -> means with standard errors: each user is scored from the fold-in, which is then masked, and judged
// on the rest. Source: docs/design/recvae.md#metrics.
import { ndcgAt, placesIn, placesOf, rankingOf, recallAt, type Summary, summary } from "./metrics.ts";

/**
 * Distinct columns of each side. An event that was repeated may stand on both: masked by the fold-in, it is a target
 * that cannot be hit.
 */
export interface HeldOutUser {
  readonly foldIn: Int32Array;
  readonly target: Int32Array;
}

/** One whose figures are kept under a name. */
export interface NamedUser extends HeldOutUser {
  readonly user: string;
}

/** Scores of B users over all items, [B x I] by rows. */
export interface ScoreBatch {
  (foldIns: Int32Array[]): Float32Array;
  /** Users that it scores as fast as few of them. */
  readonly atOnce?: number;
}

type MetricName<K extends number> = `ndcg@${K}` | `recall@${K}`;

export type Evaluation<K extends number = 20 | 50 | 100> = Readonly<Record<MetricName<K>, Summary>> & {
  /** Users that counted. */
  readonly users: number;
  /** Users left out, because nothing of theirs is held back. */
  readonly withoutTarget: number;
  /** Each metric of each user, in the order of `users` given; NaN where a user has no target. */
  readonly perUser: Readonly<Record<MetricName<K>, Float64Array>>;
};

/** 8 MB of scores at ML-20M size: enough for a fast product, small enough to answer other requests in between. */
const batchSize = 100;
const usualKs = [20, 50, 100] as const;

/** Evaluates in one go; see `evaluation`. */
export function evaluate<K extends number = 20 | 50 | 100>(
  scoreBatch: ScoreBatch,
  users: readonly HeldOutUser[],
  items: number,
  ks?: readonly K[],
  see?: (top: Int32Array) => void,
): Evaluation<K> {
  const batches = evaluation(scoreBatch, users, items, ks, see);
  for (;;) {
    const { done, value } = batches.next();
    if (done) return value;
  }
}

/**
 * Yields after each batch of users how much is done, 0 to 1, so that a service can breathe; returns the figures. Users
 * are scored in batches, yet none depends on its neighbours. `see` is shown each user's list, as long as the largest k,
 * see catalogue.ts.
 */
export function* evaluation<K extends number = 20 | 50 | 100>(
  scoreBatch: ScoreBatch,
  users: readonly HeldOutUser[],
  items: number,
  ks: readonly K[] = usualKs as readonly number[] as readonly K[],
  see?: (top: Int32Array) => void,
): Generator<number, Evaluation<K>> {
  const longest = Math.max(...ks);
  const names: MetricName<K>[] = [...ks.map((k) => `ndcg@${k}` as const), ...ks.map((k) => `recall@${k}` as const)];
  const perUser = Object.fromEntries(
    names.map((name) => [name, new Float64Array(users.length).fill(Number.NaN)]),
  ) as Record<MetricName<K>, Float64Array>;
  const { atOnce = batchSize } = scoreBatch;
  const judged = [...users.keys()].filter((user) => users[user]!.target.length > 0);

  for (let start = 0; start < judged.length; start += atOnce) {
    const batch = judged.slice(start, start + atOnce);
    const scores_BI = scoreBatch(batch.map((user) => users[user]!.foldIn));
    batch.forEach((user, row) => {
      const { foldIn, target } = users[user]!;
      const scores_I = scores_BI.subarray(row * items, (row + 1) * items);
      const targets = new Set(target);
      const listed = () => {
        const top = rankingOf(scores_I, foldIn, longest);
        see?.(top);
        return placesIn(top, targets);
      };
      const places = see ? listed() : placesOf(scores_I, foldIn, targets, longest);
      for (const k of ks) {
        perUser[`ndcg@${k}`][user] = ndcgAt(places, targets.size, k);
        perUser[`recall@${k}`][user] = recallAt(places, targets.size, k);
      }
    });
    yield Math.min(1, (start + atOnce) / judged.length);
  }
  return evaluationOf(users, perUser);
}

/** Of each metric of each user, in the order of `users`. */
export function evaluationOf<K extends number>(
  users: readonly HeldOutUser[],
  perUser: Readonly<Record<MetricName<K>, Float64Array>>,
): Evaluation<K> {
  const judged = [...users.keys()].filter((user) => users[user]!.target.length > 0);
  const means = Object.fromEntries(
    Object.entries<Float64Array>(perUser).map(([name, values]) => [name, summary(judged.map((user) => values[user]!))]),
  ) as Record<MetricName<K>, Summary>;
  return { ...means, users: judged.length, withoutTarget: users.length - judged.length, perUser };
}

/**
 * The reference that every model must beat: the same scores for everybody, from the number of training users of each
 * item.
 */
export function popularityScores(histogram: ArrayLike<number>): ScoreBatch {
  const scores_I = Float32Array.from(histogram);
  return (foldIns) => {
    const scores_BI = new Float32Array(foldIns.length * scores_I.length);
    for (let row = 0; row < foldIns.length; row++) scores_BI.set(scores_I, row * scores_I.length);
    return scores_BI;
  };
}
