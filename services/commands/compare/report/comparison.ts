// Neighbours in the order of NDCG@100, compared user by user. Pure.
import { type Interval, intervals } from "../../../../shared/ranking/bootstrap.ts";
import { holm, paired, pairedP } from "../../../../shared/ranking/paired.ts";

export interface Comparison {
  readonly better: string;
  readonly worse: string;
  /**
   * NDCG@100 of the one less that of the other: mean over users, its standard error, 95 % interval of the bootstrap.
   */
  readonly difference: number;
  readonly standardError: number;
  readonly interval: Interval;
  /** Two-sided, of the paired t-test; `holm`: corrected for as many tests as there are neighbours. */
  readonly p: number;
  readonly holm: number;
}

/** Of the bootstrap's draws. */
const SEED = 1337;

/** `ranked`: from the best down, NDCG@100 of the same users in the same order. */
export function compareNeighbours(
  ranked: readonly { readonly model: string; readonly ndcg: Float64Array }[],
): Comparison[] {
  const pairs = ranked.slice(1).map(({ model, ndcg }, k) => {
    const above = ranked[k]!;
    const differences = above.ndcg.map((value, user) => value - ndcg[user]!);
    const { mean, standardError } = paired(differences);
    const [interval] = intervals([differences], SEED);
    return {
      better: above.model,
      worse: model,
      difference: mean,
      standardError,
      interval: interval!,
      p: pairedP(differences),
    };
  });
  const corrected = holm(pairs.map(({ p }) => p));
  return pairs.map((pair, k) => ({ ...pair, holm: corrected[k]! }));
}
