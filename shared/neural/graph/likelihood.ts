// What a part's scores are judged by, as nodes, and the gradient of it by the scores. The formulas of
// shared/neural/likelihoods.ts; here the users' items are taken out of what is expected at once, and all gradients are
// products with what is left. Shapes: B users, I items, N entries of all users' rows.
import type { Node } from "../../compute/graph/node.ts";
import {
  absolute,
  add,
  at,
  largest,
  log,
  multiply,
  negate,
  relu,
  sigmoid,
  softmax,
  square,
  subtract,
  sum,
  without,
} from "../../compute/graph/operations.ts";
import type { Recipe } from "../recipe.ts";

/** The users' rows as one list. Entries and users of share 0 fill up and count nothing. */
export interface UserNodes {
  /** User and column of each entry, `[N, 2]`. */
  readonly positions_N2: Node;
  /** What each entry counts: its user's share. */
  readonly shares_N: Node;
  /** What a user counts in the batch's mean. */
  readonly share_B1: Node;
  /** Items of each user. */
  readonly counts_B1: Node;
}

export interface LikelihoodNodes {
  /** The negative of it, of all users, each by its share. */
  readonly reconstruction: Node;
  /** Gradient of that by the scores. */
  readonly error_BI: Node;
}

/** Losses of ranks are counted user by user and are no nodes. */
export type Judged = Exclude<Recipe["likelihood"], "warp" | "lambdarank">;

export function judge(kind: Judged, scores_BI: Node, users: UserNodes): LikelihoodNodes {
  return kind === "multinomial" ? multinomial(scores_BI, users) : dense(kind, scores_BI, users);
}

function multinomial(logits_BI: Node, users: UserNodes): LikelihoodNodes {
  const softmax_BI = softmax(logits_BI);
  // the largest logit and the largest probability stand in the same place
  const logSumExp_B1 = subtract(largest(logits_BI, [1], { keep: true }), log(largest(softmax_BI, [1], { keep: true })));
  const scale_B1 = multiply(users.counts_B1, users.share_B1);
  return {
    reconstruction: subtract(
      sum(multiply(scale_B1, logSumExp_B1), [0, 1]),
      ofEntries(at(logits_BI, users.positions_N2), users),
    ),
    error_BI: without(multiply(softmax_BI, scale_B1), users.positions_N2, users.shares_N),
  };
}

function dense(kind: "gaussian" | "square" | "bernoulli", scores_BI: Node, users: UserNodes): LikelihoodNodes {
  const factor = kind === "square" ? 2 : 1;
  const isBernoulli = kind === "bernoulli";
  const expected_BI = isBernoulli ? sigmoid(scores_BI) : scores_BI;
  // what a user without an item would lose: log(1 + e^s), in a form that no large score overflows, or s^2 / 2
  const lost_BI = isBernoulli
    ? add(relu(scores_BI), negate(log(sigmoid(absolute(scores_BI)))))
    : multiply(square(scores_BI), 0.5);
  const lost = sum(multiply(sum(lost_BI, [1], { keep: true }), users.share_B1), [0, 1]);
  const score_N = at(scores_BI, users.positions_N2);
  // (s - 1)^2 / 2 = s^2 / 2 - (s - 1/2)
  const won = ofEntries(isBernoulli ? score_N : subtract(score_N, 0.5), users);
  return {
    reconstruction: multiply(subtract(lost, won), factor),
    error_BI: without(
      multiply(expected_BI, multiply(users.share_B1, factor)),
      users.positions_N2,
      multiply(users.shares_N, factor),
    ),
  };
}

/** A number of each entry, summed by the users' shares. */
const ofEntries = (value_N: Node, { shares_N }: UserNodes) => sum(multiply(value_N, shares_N), [0]);
