// What was popular, and what followed what, when a model was trained: scorers in its columns. Pure.
import type { Histories } from "../events/histories.ts";
import type { Vocabulary } from "../events/vocabulary.ts";
import { popularityScores, type ScoreBatch } from "../ranking/evaluate.ts";
import type { Mix } from "../ranking/mix.ts";
import { LAST } from "../ranking/newest.ts";
import { bestWindow, windowInWords } from "../ranking/references.ts";
import { type Known, type Moving, trending } from "../ranking/trending.ts";
import { inColumnsOf } from "./candidate.ts";
import type { CaughtUp } from "./caught-up.ts";
import { popularityIn, translation } from "./held-out.ts";

export interface Recent {
  readonly popularNow: ScoreBatch;
  readonly coVisits: ScoreBatch;
  /** What is laid over models: trending.ts. */
  readonly moving: Moving;
  /** The window that popularity counts over, in words. */
  readonly over: string;
}

/** `histories` may have grown since. */
export function recentIn(
  { references, gains, trends }: CaughtUp,
  histories: Histories,
  vocabulary: Vocabulary,
): Recent {
  const moment = references.asOf(references.place);
  const window = bestWindow(gains);
  const counts = Float64Array.from(moment.counts[window]!);
  const there = translation(vocabulary.items, histories.vocabulary);
  const here = translation(histories.vocabulary.items, vocabulary);
  // What followed nothing stands behind what did, in the order of what is popular: all of it is worth less than one.
  const newest_I = popularityIn(histories, vocabulary, Float64Array.from(moment.counts[0]!));
  const most = newest_I.reduce((a, b) => Math.max(a, b), 0);
  const behind_I = newest_I.map((count) => count / (1 + most));
  return {
    popularNow: popularityScores(popularityIn(histories, vocabulary, counts)),
    coVisits: (foldIns) => {
      const width = vocabulary.items.length;
      const scores_BI = new Float32Array(foldIns.length * width);
      for (const [row, foldIn] of foldIns.entries()) {
        scores_BI.set(behind_I, row * width);
        for (const last of foldIn.subarray(-LAST))
          for (const [follower, count] of moment.followersOf(there[last]!)) {
            if (here[follower]! < 0) continue;
            const at = row * width + here[follower]!;
            scores_BI[at]! += count;
          }
      }
      return scores_BI;
    },
    moving: { trends, numbers: histories.vocabulary },
    over: windowInWords(window),
  };
}

/** A model as it would have served then, in its own columns. */
export const servedThen = (model: Known, mix: Mix, { moving }: Recent): ScoreBatch =>
  inColumnsOf(model.vocabulary, trending(model, mix, moving));
