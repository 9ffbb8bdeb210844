// What a part's scores are judged by, each likelihood with its gradient in one form: scale * expected - x, `expected`
// dense, x the user's items. decoder.ts makes every gradient of it. Shapes: B users, I items. Source:
// docs/design/recvae.md#decoder, docs/design/baselines.md#mult-vae.
import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Engine } from "../compute/engine.ts";
import { positionsOf } from "../compute/lists.ts";
import type { SectionDone } from "../compute/section-timer.ts";
import { lambdarank } from "./lambdarank.ts";
import type { Recipe } from "./recipe.ts";
import { warp } from "./warp.ts";

/**
 * The gradient of the negative log-likelihood with respect to a user's scores is factor * (scale * expected - 1 at each
 * of the hits).
 */
export interface Likelihood {
  readonly expected_BI: Tensor2D;
  readonly scales: readonly number[];
  readonly hits: readonly Int32Array[];
  readonly factor: number;
  /** Of each user; where a loss of ranks is no likelihood, the negative of that loss. */
  readonly log_B: Float64Array;
}

/** Of the users' whole rows, dropped items included. Disposes of the scores. Call inside the scope of steps.ts. */
export function likelihoodOf(
  engine: Engine,
  kind: Recipe["likelihood"],
  scores_BI: Tensor2D,
  rows: readonly Int32Array[],
  sectionDone?: SectionDone,
): Likelihood {
  sectionDone?.("logits");
  const likelihood = ofKind(engine, kind, scores_BI, rows);
  sectionDone?.("softmax");
  return likelihood;
}

function ofKind(
  engine: Engine,
  kind: Recipe["likelihood"],
  scores_BI: Tensor2D,
  rows: readonly Int32Array[],
): Likelihood {
  switch (kind) {
    case "multinomial":
      return multinomial(engine, scores_BI, rows);
    case "warp":
      return ofRanks(engine, warp, scores_BI, rows);
    case "lambdarank":
      return ofRanks(engine, lambdarank, scores_BI, rows);
    default:
      return dense(engine, kind, scores_BI, rows);
  }
}

function multinomial(engine: Engine, logits_BI: Tensor2D, rows: readonly Int32Array[]): Likelihood {
  const { tf } = engine;
  const softmax_BI = tf.softmax(logits_BI);
  // The largest logit and the largest probability stand in the same place, so log-sum-exp costs two maxima instead of
  // another pass of exp.
  const logSumExp_B = tf.sub(tf.max(logits_BI, 1), tf.log(tf.max(softmax_BI, 1))).dataSync<"float32">();
  const log_B = new Float64Array(rows.length);
  atHits(engine, logits_BI, rows, (user, logit) => {
    log_B[user]! += logit - logSumExp_B[user]!;
  });
  logits_BI.dispose();
  return { expected_BI: softmax_BI, scales: rows.map((row) => row.length), hits: rows, factor: 1, log_B };
}

/**
 * Those whose items stand alone; constants are left out: a Gaussian of variance 1, or Bernoulli's. `square` is twice
 * the Gaussian.
 */
function dense(
  engine: Engine,
  kind: "gaussian" | "square" | "bernoulli",
  scores_BI: Tensor2D,
  rows: readonly Int32Array[],
): Likelihood {
  const { tf } = engine;
  const factor = kind === "square" ? 2 : 1;
  const isBernoulli = kind === "bernoulli";
  const expected_BI = isBernoulli ? tf.sigmoid(scores_BI) : tf.clone(scores_BI);
  // What a user without an item would lose: log(1 + e^s), which no large score overflows in this form, or s^2 / 2.
  const lost_BI = isBernoulli
    ? tf.sub(tf.relu(scores_BI), tf.log(tf.sigmoid(tf.abs(scores_BI))))
    : tf.mul(tf.square(scores_BI), 0.5);
  const lost_B = tf.sum(lost_BI, 1).dataSync<"float32">();
  const log_B = Float64Array.from(lost_B, (lost) => -factor * lost);
  atHits(engine, scores_BI, rows, (user, score) => {
    log_B[user]! += factor * (isBernoulli ? score : score - 0.5); // (s - 1)^2 / 2 = s^2 / 2 - (s - 1/2)
  });
  tf.dispose([scores_BI, lost_BI]);
  return { expected_BI, scales: rows.map(() => 1), hits: rows, factor, log_B };
}

/**
 * With each user's gradient times a factor of its own; whole and dense, as that of a loss of ranks. `log_B` stays.
 * Disposes of what was expected.
 */
export function weighed(
  engine: Engine,
  { expected_BI, scales, hits, factor, log_B }: Likelihood,
  weights_B: ArrayLike<number>,
): Likelihood {
  const { tf } = engine;
  const error_BI = engine.subtractAt(
    expected_BI,
    hits,
    scales.map((scale) => 1 / scale),
  );
  expected_BI.dispose();
  const by_B1 = tf.tensor2d(
    Float32Array.from(scales, (scale, user) => scale * weights_B[user]!),
    [scales.length, 1],
  );
  return {
    expected_BI: tf.mul(error_BI, by_B1),
    scales: scales.map(() => 1),
    hits: hits.map(() => none),
    factor,
    log_B,
  };
}

const none = new Int32Array(0);

type RankLoss = (scores_I: Float32Array, row: Int32Array, gradient_I: Float32Array) => number;

/**
 * Ranks are counted outside of the engine, user by user. The whole gradient is dense and stands where others have what
 * they expect, and nothing is hit.
 */
function ofRanks({ tf }: Engine, loss: RankLoss, scores_BI: Tensor2D, rows: readonly Int32Array[]): Likelihood {
  const [, items] = scores_BI.shape;
  const scores = scores_BI.dataSync<"float32">();
  scores_BI.dispose();
  const gradient = new Float32Array(scores.length);
  const log_B = Float64Array.from(rows, (row, user) => {
    const [start, end] = [user * items, (user + 1) * items];
    return -loss(scores.subarray(start, end), row, gradient.subarray(start, end));
  });
  return {
    expected_BI: tf.tensor2d(gradient, [rows.length, items]),
    scales: rows.map(() => 1),
    hits: rows.map(() => none),
    factor: 1,
    log_B,
  };
}

/** Calls `body` with each score of a user's own items. */
function atHits(
  { tf }: Engine,
  scores_BI: Tensor2D,
  rows: readonly Int32Array[],
  body: (user: number, score: number) => void,
): void {
  const positions = positionsOf(rows);
  if (positions.length === 0) return;
  const found = tf
    .gatherND(scores_BI, tf.tensor2d(positions, [positions.length / 2, 2], "int32"))
    .dataSync<"float32">();
  found.forEach((score, k) => {
    body(positions[2 * k]!, score);
  });
}
