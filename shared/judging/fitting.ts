// The weights of a mix, chosen on arrivals: those under which what came was likeliest, softmax over what could be
// listed (a conditional logit), near those of before where arrivals are few. A concave sum of a few weights, so
// Newton's steps find the one maximum, the same from the same arrivals. Pure; pauses between batches.
import { rankingOf } from "../ranking/metrics.ts";
import type { Mix } from "../ranking/mix.ts";
import { HALF_LIVES } from "../ranking/trends.ts";
import { factorise, solve } from "../solvers/cholesky.ts";
import { type Asked, some } from "./asked.ts";

/** The model's scores and nothing else: what a mix begins from. */
export const plain: Mix = { model: 1, hot: [0, 0, 0], follows: 0 };

const WEIGHTS = HALF_LIVES.length + 2;
/** Of the model's best, so many stand for the rest of its list. */
const BEST = 100;
/** Weights count as if seen on so many arrivals before. */
const PRIOR = 10;
const BATCH = 50;
const STEPS = 12;
/** Of the log-likelihood of an arrival: what chance makes of it is a hundred times as much. */
const ENOUGH = 1e-5;

/** What could have come: of each item its features, by rows of WEIGHTS; what came stands first. */
export type Example = Float32Array;

export function* fittedTo(given: readonly (Example | undefined)[], before: Mix): Generator<undefined, Mix> {
  const examples = given.filter((each) => each !== undefined);
  const prior = vectorOf(before);
  let weights = prior;
  let value = objective(examples, weights, prior);
  for (let step = 0; step < STEPS; step++) {
    yield;
    const way = newton(examples, weights, prior);
    if (!way) break;
    let [length, next, reached] = [1, weights, Number.NEGATIVE_INFINITY];
    for (; length > 1e-3 && !(reached >= value); length /= 2) {
      next = weights.map((weight, k) => weight + length * way[k]!);
      reached = objective(examples, next, prior);
    }
    if (!(reached > value)) break;
    const gained = reached - value;
    [weights, value] = [next, reached];
    if (gained < ENOUGH * Math.max(1, examples.length)) break;
  }
  return mixOf(weights);
}

const vectorOf = ({ model, hot, follows }: Mix): Float64Array => Float64Array.of(model, ...hot, follows);
function mixOf(weights: Float64Array): Mix {
  const [model, a, b, c, follows] = Array.from(weights, (weight) => Number(weight.toFixed(4)));
  return { model: model!, hot: [a!, b!, c!], follows: follows! };
}

/** Of each arrival, in their order; undefined where it says nothing. */
export function* examplesOf(of: Asked): Generator<undefined, (Example | undefined)[]> {
  const examples: (Example | undefined)[] = [];
  for (let at = 0; at < of.arrivals.length; at += BATCH) {
    examples.push(...examplesIn(some(of, at, at + BATCH)));
    yield;
  }
  return examples;
}

function examplesIn({ arrivals, users, columns, columnOf, own }: Asked): (Example | undefined)[] {
  const { known } = columns;
  const scores_BI = own(users.map(({ foldIn }) => foldIn));
  const open = openExamples(columns.vocabulary.items.length);
  return arrivals.map(({ hot, following }, row) => {
    const scores_I = scores_BI.subarray(row * known, (row + 1) * known);
    const { foldIn, target: targets } = users[row]!;
    const [target] = targets;
    if (target === undefined) return undefined;
    const best = rankingOf(scores_I, columns.ownOf(foldIn), BEST);
    const top = scores_I[best[0] ?? 0] ?? 0;
    let sum = 0;
    for (let column = 0; column < known; column++) sum += scores_I[column]!;
    const unknown = sum / Math.max(1, known) - top;
    const most = 1 + best.length + hot.items.length + following.items.length;
    const example = open(most, foldIn, (column) => (column < known ? scores_I[column]! - top : unknown));
    example.rowOf(target);
    for (const column of best) example.rowOf(column);
    for (let k = 0; k < hot.items.length; k++) {
      const column = columnOf[hot.items[k]!]!;
      if (example.isSeen(column)) continue;
      const at = example.rowOf(column);
      for (let h = 0; h < hot.rises.length; h++) example.features[at + 1 + h] = hot.rises[h]![k]!;
    }
    // A new item is listed only where it is hot: what came and was not cannot be learned from.
    if (target >= known && example.features.subarray(1, WEIGHTS).every((rise) => rise === 0)) return undefined;
    for (let k = 0; k < following.items.length; k++) {
      const column = columnOf[following.items[k]!]!;
      if (column < 0 || example.isSeen(column) || (column >= known && !example.has(column))) continue;
      const at = example.rowOf(column);
      example.features[at + WEIGHTS - 1] = following.rises[k]!;
    }
    return example.whole();
  });
}

/**
 * Examples one after the other: each has room for so many items, and a row of an item is made when it is first asked
 * for, with the model's score. What the user has seen stands in none.
 */
function openExamples(columns: number) {
  /** By column: the number of the example that has a row of it, and where; or whose user has seen it. */
  const [rowIn, rowAt, seenIn] = [new Int32Array(columns), new Int32Array(columns), new Int32Array(columns)];
  let number = 0;
  return (most: number, seen: Int32Array, scoreOf: (column: number) => number) => {
    number++;
    const features = new Float32Array(most * WEIGHTS);
    let rows = 0;
    for (let k = 0; k < seen.length; k++) seenIn[seen[k]!] = number;
    return {
      features,
      isSeen: (column: number) => seenIn[column] === number,
      has: (column: number) => rowIn[column] === number,
      /** Where the item's features begin. */
      rowOf(column: number): number {
        if (rowIn[column] === number) return rowAt[column]!;
        const at = rows++ * WEIGHTS;
        rowIn[column] = number;
        rowAt[column] = at;
        features[at] = scoreOf(column);
        return at;
      },
      whole: (): Example => features.slice(0, rows * WEIGHTS),
    };
  };
}

/** Under the weights: odds of each row against the likeliest, what they add up to, and the log-likelihood of the first. */
function oddsOf(example: Example, weights: Float64Array) {
  const rows = example.length / WEIGHTS;
  const odds = new Float64Array(rows);
  let most = Number.NEGATIVE_INFINITY;
  for (let row = 0, at = 0; row < rows; row++) {
    let score = 0;
    for (let k = 0; k < WEIGHTS; k++) score += weights[k]! * example[at++]!;
    odds[row] = score;
    if (score > most) most = score;
  }
  const first = odds[0]! - most;
  let all = 0;
  for (let row = 0; row < rows; row++) {
    odds[row] = Math.exp(odds[row]! - most);
    all += odds[row]!;
  }
  return { odds, all, logLikelihood: first - Math.log(all) };
}

/** Log-likelihood of what came, less what it costs to be far from the weights of before. */
function objective(examples: readonly Example[], weights: Float64Array, prior: Float64Array): number {
  let value = 0;
  for (const [k, weight] of weights.entries()) value -= (PRIOR / 2) * (weight - prior[k]!) ** 2;
  for (const example of examples) value += oddsOf(example, weights).logLikelihood;
  return value;
}

/** The step to where the objective would be highest, were it as curved everywhere as here. */
function newton(examples: readonly Example[], weights: Float64Array, prior: Float64Array): Float64Array | undefined {
  const slope = weights.map((weight, k) => -PRIOR * (weight - prior[k]!));
  const curve = new Float64Array(WEIGHTS * WEIGHTS);
  for (let k = 0; k < WEIGHTS; k++) curve[k * WEIGHTS + k] = PRIOR;
  const mean = new Float64Array(WEIGHTS);
  for (const example of examples) {
    const { odds, all } = oddsOf(example, weights);
    mean.fill(0);
    for (let row = 0; row < odds.length; row++) {
      const share = odds[row]! / all;
      if (share < 1e-12) continue;
      const at = row * WEIGHTS;
      for (let a = 0; a < WEIGHTS; a++) {
        const weighted = share * example[at + a]!;
        mean[a]! += weighted;
        for (let b = 0; b <= a; b++) curve[a * WEIGHTS + b]! += weighted * example[at + b]!;
      }
    }
    for (let a = 0; a < WEIGHTS; a++) {
      slope[a]! += example[a]! - mean[a]!;
      for (let b = 0; b <= a; b++) curve[a * WEIGHTS + b]! -= mean[a]! * mean[b]!;
    }
  }
  if (!factorise(curve, WEIGHTS)) return undefined;
  solve(curve, WEIGHTS, slope);
  return slope;
}
