// RaCT's step around the critic: the mask splits each user's items into what the actor is shown and what it is asked
// for, the true NDCG of the latter is what the critic learns to guess, and the slope of its guess is what moves the
// actor. Source: Lobel et al. 2019, docs/design/baselines.md#ract. Shapes: B users, I items.
import { keepMask } from "../compute/draws.ts";
import { ndcg, rankingOf } from "../ranking/metrics.ts";
import { actorLoss, criticLoss, type Features, guess } from "./critic.ts";
import type { Weights } from "./parameters.ts";

/** Of the list whose NDCG is guessed. */
const LENGTH = 100;

export interface Split {
  readonly kept: Int32Array;
  readonly dropped: Int32Array;
}

/** A user's items by the step's mask: the one by which its row is dropped out, so that no draw is spent twice. */
export function splitRow(row: Int32Array, seed: number, step: number, user: number, rate: number): Split {
  const keep = keepMask(seed, step, user, row.length, rate);
  return { kept: row.filter((_, k) => keep[k] === 1), dropped: row.filter((_, k) => keep[k] === 0) };
}

export interface Critique {
  /** The critic's own loss, its mean over the users that count. */
  readonly loss: number;
  /** Of the critic's weights. */
  readonly gradients: Weights;
  /**
   * What the actor's negative log-likelihood of each user is moved by; 0 for users who do not count. Sums to the slope
   * of minus the mean guess.
   */
  readonly dNll_B: Float64Array;
  /** Mean true NDCG@100 of what was dropped, in 0..1. */
  readonly ndcg: number;
  /** Users that count: those of whom something was dropped. */
  readonly users: number;
}

/**
 * `scores_BI`: of the actor, which was shown what is kept. `nll_B`: its negative log-likelihood of each whole row.
 * Figures are standardised over the users given, so who stands beside whom matters: give the same users to get the same
 * numbers. Without a user that counts all is 0.
 */
export function critique(
  critic: Weights,
  scores_BI: Float32Array,
  splits: readonly Split[],
  nll_B: ArrayLike<number>,
  l2: number,
): Critique {
  const items = scores_BI.length / splits.length;
  const counting = [...splits.keys()].filter((user) => splits[user]!.dropped.length > 0);
  const dNll_B = new Float64Array(splits.length);
  if (counting.length === 0) return { loss: 0, gradients: still(critic), dNll_B, ndcg: 0, users: 0 };
  const truth = Float64Array.from(counting, (user) => {
    const { kept, dropped } = splits[user]!;
    return ndcg(rankingOf(scores_BI.subarray(user * items, (user + 1) * items), kept, LENGTH), dropped, LENGTH);
  });
  const made = guess(
    critic,
    counting.map((user): Features => [splits[user]!.kept.length, splits[user]!.dropped.length, nll_B[user]!]),
  );
  const { loss, gradients } = criticLoss(critic, made, truth, l2);
  actorLoss(critic, made).dNll_B.forEach((d, k) => {
    dNll_B[counting[k]!] = d;
  });
  return {
    loss,
    gradients,
    dNll_B,
    ndcg: truth.reduce((sum, value) => sum + value, 0) / counting.length,
    users: counting.length,
  };
}

const still = (critic: Weights): Weights =>
  Object.fromEntries(
    Object.entries(critic).map(([name, { shape, data }]) => [name, { shape, data: new Float32Array(data.length) }]),
  );
