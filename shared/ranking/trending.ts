// A model under its mix with what is hot now: the same port as a model, a vocabulary and scores, of which the one grows
// and the other move as events come. New items are in it as soon as two users have met them, before any round of
// training. Between mix.ts and whoever scores: serve, recommend, evaluator.
import { Vocabulary } from "../events/vocabulary.ts";
import type { ScoreBatch } from "./evaluate.ts";
import { followingIn, type Hot, hotIn, lay, type Mix, type Rises } from "./mix.ts";
import { LAST } from "./newest.ts";
import type { Trends } from "./trends.ts";

export interface Known {
  readonly vocabulary: Vocabulary;
  readonly scoreBatch: ScoreBatch;
}

export interface Trending extends Known {
  /** `scores_I` of the model for somebody of whom nothing is known, with what is hot now laid over them. */
  popular(scores_I: Float32Array): Float32Array;
}

/** Numbers of items in `trends` are their columns in `numbers`, which may grow. */
export interface Moving {
  readonly trends: Trends;
  readonly numbers: Vocabulary;
}

/**
 * The vocabulary begins with the model's, and columns stay what they are. What is hot is looked at when the vocabulary
 * or scores are asked for, so both are of one moment as long as no event is taken in between.
 */
export function trending(model: Known, mix: Mix, { trends, numbers }: Moving): Trending {
  const vocabulary = new Vocabulary(model.vocabulary.items);
  const known = vocabulary.items.length;
  /** By number. */
  const columnOf: number[] = [];
  let hot: Hot | undefined;
  let counted = -1;
  function now(): Hot {
    if (hot && counted === trends.counted) return hot;
    for (let number = columnOf.length; number < numbers.items.length; number++)
      columnOf.push(vocabulary.column(numbers.items[number]!) ?? -1);
    hot = hotIn(trends);
    for (const item of hot.items)
      if (columnOf[item] === -1 && trends.isMetBySome(item)) columnOf[item] = vocabulary.add(numbers.items[item]!);
    counted = trends.counted;
    return hot;
  }
  return {
    get vocabulary() {
      now();
      return vocabulary;
    },
    scoreBatch(foldIns) {
      const hot = now();
      const scores_BI = model.scoreBatch(foldIns.map((foldIn) => foldIn.filter((column) => column < known)));
      return foldIns.reduce(
        (wide_BI, foldIn, row) => {
          const size = vocabulary.items.length;
          const own_I = wide_BI.subarray(row * size, (row + 1) * size);
          widen(scores_BI.subarray(row * known, (row + 1) * known), own_I);
          const last = Array.from(foldIn.subarray(-LAST), (column) => numbers.column(vocabulary.items[column]!) ?? -1);
          lay(own_I, mix, hot, followingIn(trends, last), columnOf);
          return wide_BI;
        },
        new Float32Array(foldIns.length * vocabulary.items.length),
      );
    },
    popular(scores_I) {
      const hot = now();
      const own_I = widen(scores_I, new Float32Array(vocabulary.items.length));
      lay(own_I, mix, hot, nothing, columnOf);
      return own_I;
    },
  };
}

const nothing: Rises = { items: new Int32Array(0), rises: new Float32Array(0) };

/** Of items that the model has never met it has nothing to say: to it they are like any other, on average. */
function widen(scores_I: Float32Array, wide_I: Float32Array): Float32Array {
  wide_I.set(scores_I);
  if (wide_I.length > scores_I.length)
    wide_I.fill(scores_I.reduce((sum, score) => sum + score, 0) / Math.max(1, scores_I.length), scores_I.length);
  return wide_I;
}
