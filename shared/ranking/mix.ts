// What is hot now and what follows a user's last items, laid over a model's scores: log-linear, so that the softmax of
// the sum is the model's probability times what the moment makes of it. A cold item that follows nothing stays where
// the model has it. The weights are chosen on arrivals (judging/fitting.ts) and stand in the manifest. `laid` is the
// one way in which scores are made: trending.ts makes those that are served, the evaluator those that it judges. Pure.
import { z } from "zod";
import { doubledFloats } from "../events/longer.ts";
import { LAST } from "./newest.ts";
import { HALF_LIVES, type Trends } from "./trends.ts";

/** A share that is too small to say anything: below it an item is as good as cold. */
const FLOOR = 3e-4;
/** Shares below so much of it are left out: they would raise nothing by more than a twentieth. */
const COLD = FLOOR / 20;
/** Of the newest item that a user met, the one before, ...; behind them what is hot anyway. */
const WEIGHTS = [1, 0.5, 0.25] as const;
const ANYWAY = 0.5;
/** What followed an item is taken as if so many more had gone where everybody goes. */
const SMOOTHING = 15;

const weight = z.number();
/** Part of the manifest. */
export const mixSchema = z.strictObject({
  model: weight.describe("of the model's own scores"),
  hot: z
    .tuple([weight, weight, weight])
    .describe(
      `of log(1 + share of what is met now / ${FLOOR}), in counts of users that halve every ` +
        `${HALF_LIVES.join(", ")} first meetings`,
    ),
  follows: weight.describe("of log(1 + how much more often the item follows the user's last ones than it is met)"),
});
/** Weights of a log-linear mixture. */
export type Mix = z.output<typeof mixSchema>;

/** Items by number, and by how much each rises. All others do not. */
export interface Rises {
  readonly items: Int32Array;
  readonly rises: Float32Array;
}

/** What is hot at one moment: of each item the rise by each half-life. */
export interface Hot {
  readonly items: Int32Array;
  readonly rises: readonly Float32Array[];
}

/** Whoever is met by one user alone is not hot, and a new item of one alone is not listed. */
export function hotIn(trends: Trends): Hot {
  const items: number[] = [];
  for (let item = 0; item < trends.items; item++)
    if (trends.isMetBySome(item) && HALF_LIVES.some((_, k) => trends.shareOf(item, k) > COLD)) items.push(item);
  return {
    items: Int32Array.from(items),
    rises: HALF_LIVES.map((_, k) => Float32Array.from(items, (item) => Math.log1p(trends.shareOf(item, k) / FLOOR))),
  };
}

/** What follows the newest of `seen`, oldest first. */
export function followingIn(trends: Trends, seen: ArrayLike<number>): Rises {
  const items: number[] = [];
  let behind = ANYWAY;
  for (let k = 0; k < Math.min(LAST, seen.length); k++) {
    const last = seen[seen.length - 1 - k]!;
    const all = trends.followedOf(last) + SMOOTHING;
    behind += (WEIGHTS[k]! * SMOOTHING) / all;
    const share = WEIGHTS[k]! / all;
    trends.forFollowersOf(last, (item, count) => {
      if (item >= sums.length) sums = doubledFloats(sums, item + 1);
      if (sums[item] === 0) items.push(item);
      sums[item]! += share * count;
    });
  }
  const metOf = (item: number) =>
    FLOOR + HALF_LIVES.reduce((sum, _, k) => sum + trends.shareOf(item, k), 0) / HALF_LIVES.length;
  const rises = new Float32Array(items.length);
  for (let k = 0; k < items.length; k++) {
    rises[k] = Math.log1p(sums[items[k]!]! / metOf(items[k]!) / behind);
    sums[items[k]!] = 0;
  }
  return { items: Int32Array.from(items), rises };
}

/** By item, of one question; 0 before and after it: a map of some thousand items would take ten times as long. */
let sums: Float64Array = new Float64Array(1024);

/**
 * Scores of `size` columns, of which the model knows the first. Of hot items that it has never met it has nothing to
 * say: to it they are like any other, on average. Other such columns are NaN: nobody lists them. `columnOf`: of each
 * item's number its column; -1 or none for no. `scores_I`: where they go.
 */
export function laid(
  model_I: Float32Array,
  size: number,
  mix: Mix,
  hot: Hot,
  following: Rises,
  columnOf: ArrayLike<number>,
  scores_I = new Float32Array(size),
): Float32Array {
  const known = model_I.length;
  let sum = 0;
  for (let column = 0; column < known; column++) {
    scores_I[column] = mix.model * model_I[column]!;
    sum += scores_I[column]!;
  }
  if (size > known) {
    scores_I.fill(Number.NaN, known);
    for (const item of hot.items) if (columnOf[item]! >= known) scores_I[columnOf[item]!] = known > 0 ? sum / known : 0;
  }
  for (let k = 0; k < hot.rises.length; k++) raise(scores_I, hot.items, hot.rises[k]!, mix.hot[k]!, columnOf);
  raise(scores_I, following.items, following.rises, mix.follows, columnOf);
  return scores_I;
}

function raise(
  scores_I: Float32Array,
  items: Int32Array,
  rises: Float32Array,
  weight: number,
  columnOf: ArrayLike<number>,
): void {
  if (weight === 0) return;
  for (let k = 0; k < items.length; k++) {
    const column = columnOf[items[k]!] ?? -1;
    if (column >= 0) scores_I[column]! += weight * rises[k]!;
  }
}
