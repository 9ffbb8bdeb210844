// The weights of a mix, chosen on arrivals: those under which what came was likeliest, softmax over what could be
// listed (a conditional logit), near those of before where arrivals are few. A concave sum of a few weights, so
// Newton's steps find the one maximum, the same from the same arrivals. Pure; pauses between batches.
import type { Histories } from "../events/histories.ts";
import { rankingOf } from "../ranking/metrics.ts";
import type { Mix } from "../ranking/mix.ts";
import type { Known } from "../ranking/trending.ts";
import { HALF_LIVES } from "../ranking/trends.ts";
import { factorise, solve } from "../solvers/cholesky.ts";
import { translated } from "./held-out.ts";
import { columnsOf, type Timely } from "./mixed.ts";

/** The model's scores and nothing else: what a mix begins from. */
export const plain: Mix = { model: 1, hot: [0, 0, 0], follows: 0 };

const WEIGHTS = HALF_LIVES.length + 2;
/** Of the model's best, so many stand for the rest of its list. */
const BEST = 100;
/** Weights count as if seen on so many arrivals before. */
const PRIOR = 10;
const BATCH = 50;
const STEPS = 12;
/** Of the log-likelihood of an arrival. */
const ENOUGH = 1e-6;

/** What could have come: of each item its features, by rows of WEIGHTS; what came stands first. */
type Example = Float32Array;

export function* fitted(
  arrivals: readonly Timely[],
  model: Known,
  histories: Histories,
  before: Mix,
): Generator<undefined, Mix> {
  const examples: Example[] = [];
  for (let at = 0; at < arrivals.length; at += BATCH) {
    examples.push(...examplesOf(arrivals.slice(at, at + BATCH), model, histories));
    yield;
  }
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

function examplesOf(arrivals: readonly Timely[], model: Known, histories: Histories): Example[] {
  const columns = columnsOf(arrivals, model, histories.vocabulary);
  const columnOf = Int32Array.from(columns.of);
  const { known } = columns;
  const foldIns = arrivals.map(({ foldIn }) => translated(foldIn, columnOf));
  const scores_BI = model.scoreBatch(foldIns.map((foldIn) => columns.ownOf(foldIn)));
  return arrivals.flatMap(({ item, hot, following }, row) => {
    const scores_I = scores_BI.subarray(row * known, (row + 1) * known);
    const target = columns.vocabulary.column(item);
    if (target === undefined) return [];
    const seen = new Set(foldIns[row]);
    const best = rankingOf(scores_I, columns.ownOf(foldIns[row]!), BEST);
    const top = scores_I[best[0] ?? 0] ?? 0;
    const mean = scores_I.reduce((sum, score) => sum + score, 0) / Math.max(1, known);
    const example = openExample(1 + best.length + hot.items.length + following.items.length, (column) =>
      column < known ? scores_I[column]! - top : mean - top,
    );
    example.rowOf(target);
    for (const column of best) example.rowOf(column);
    hot.items.forEach((number, k) => {
      const column = columnOf[number]!;
      if (seen.has(column)) return;
      const at = example.rowOf(column);
      for (const [h, rises] of hot.rises.entries()) example.features[at + 1 + h] = rises[k]!;
    });
    // A new item is listed only where it is hot: what came and was not cannot be learned from.
    if (target >= known && example.features.subarray(1, WEIGHTS).every((rise) => rise === 0)) return [];
    following.items.forEach((number, k) => {
      const column = columnOf[number]!;
      if (column < 0 || seen.has(column) || (column >= known && !example.has(column))) return;
      const at = example.rowOf(column);
      example.features[at + WEIGHTS - 1] = following.rises[k]!;
    });
    return [example.whole()];
  });
}

/** Room for so many items; a row is made when it is first asked for, with the model's score. */
function openExample(most: number, scoreOf: (column: number) => number) {
  const features = new Float32Array(most * WEIGHTS);
  const places = new Map<number, number>();
  return {
    features,
    has: (column: number) => places.has(column),
    /** Where the item's features begin. */
    rowOf(column: number): number {
      const found = places.get(column);
      if (found !== undefined) return found;
      const at = places.size * WEIGHTS;
      places.set(column, at);
      features[at] = scoreOf(column);
      return at;
    },
    whole: (): Example => features.slice(0, places.size * WEIGHTS),
  };
}

function scoresOf(example: Example, weights: Float64Array): Float64Array {
  const scores = new Float64Array(example.length / WEIGHTS);
  for (let row = 0; row < scores.length; row++)
    for (let k = 0; k < WEIGHTS; k++) scores[row]! += weights[k]! * example[row * WEIGHTS + k]!;
  return scores;
}

/** Log-likelihood of what came, less what it costs to be far from the weights of before. */
function objective(examples: readonly Example[], weights: Float64Array, prior: Float64Array): number {
  let value = 0;
  for (const [k, weight] of weights.entries()) value -= (PRIOR / 2) * (weight - prior[k]!) ** 2;
  for (const example of examples) {
    const scores = scoresOf(example, weights);
    const most = scores.reduce((a, b) => Math.max(a, b));
    value += scores[0]! - most - Math.log(scores.reduce((sum, score) => sum + Math.exp(score - most), 0));
  }
  return value;
}

/** The step to where the objective would be highest, were it as curved everywhere as here. */
function newton(examples: readonly Example[], weights: Float64Array, prior: Float64Array): Float64Array | undefined {
  const slope = weights.map((weight, k) => -PRIOR * (weight - prior[k]!));
  const curve = new Float64Array(WEIGHTS * WEIGHTS);
  for (let k = 0; k < WEIGHTS; k++) curve[k * WEIGHTS + k] = PRIOR;
  const mean = new Float64Array(WEIGHTS);
  for (const example of examples) {
    const scores = scoresOf(example, weights);
    const most = scores.reduce((a, b) => Math.max(a, b));
    const odds = scores.map((score) => Math.exp(score - most));
    const all = odds.reduce((sum, odd) => sum + odd, 0);
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
