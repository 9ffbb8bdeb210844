// A model under its mix with what is hot now: the same port as a model, a vocabulary and scores, of which the one grows
// and the other move as events come. New items are in it as soon as two users have met them, before any round of
// training. Between mix.ts and whoever serves.
import type { Vocabulary } from "../events/vocabulary.ts";
import { Columns } from "./columns.ts";
import type { ScoreBatch } from "./evaluate.ts";
import { followingIn, type Hot, hotIn, laid, type Mix, type Rises } from "./mix.ts";
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
 * What is hot is looked at when the vocabulary or scores are asked for, so both are of one moment as long as no event
 * is taken in between.
 */
export function trending(model: Known, mix: Mix, { trends, numbers }: Moving): Trending {
  const columns = new Columns(model.vocabulary, numbers);
  const { vocabulary, known } = columns;
  let hot: Hot | undefined;
  let counted = -1;
  function now(): Hot {
    if (hot && counted === trends.counted) return hot;
    hot = hotIn(trends);
    columns.include(hot);
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
      const own_BI = model.scoreBatch(foldIns.map((row) => columns.ownOf(row)));
      const size = vocabulary.items.length;
      const wide_BI = new Float32Array(foldIns.length * size);
      for (const [row, foldIn] of foldIns.entries()) {
        const last = Array.from(foldIn.subarray(-LAST), (column) => numbers.column(vocabulary.items[column]!) ?? -1);
        const own_I = own_BI.subarray(row * known, (row + 1) * known);
        const wide_I = wide_BI.subarray(row * size, (row + 1) * size);
        laid(own_I, size, mix, hot, followingIn(trends, last), columns.of, wide_I);
      }
      return wide_BI;
    },
    popular(scores_I) {
      const hot = now();
      return laid(scores_I, vocabulary.items.length, mix, hot, nothing, columns.of);
    },
  };
}

const nothing: Rises = { items: new Int32Array(0), rises: new Float32Array(0) };
