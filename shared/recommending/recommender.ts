// Histories -> the k best items of each that are not in it, by name. Serve asks over HTTP, the command at the terminal;
// both get this answer.
import type { Vocabulary } from "../events/vocabulary.ts";
import type { ScoreBatch } from "../ranking/evaluate.ts";
import { rankingOf } from "../ranking/metrics.ts";
import type { Mix } from "../ranking/mix.ts";
import { popularIn } from "../ranking/popular.ts";
import { type Known, type Moving, type Trending, trending } from "../ranking/trending.ts";
import type { RecommendAnswer } from "./requests.ts";

export interface Recommending {
  /** What the answer calls the model. */
  readonly name: string;
  readonly vocabulary: Vocabulary;
  readonly scoreBatch: ScoreBatch;
  /** Scores for somebody of whom nothing is known. */
  popular(): Float32Array;
}

/** What is hot now, and the weights with which it is laid over the model's scores. */
interface Moved {
  readonly mix: Mix;
  moving(): Moving;
}

/** Works out what is popular when it is first asked for. Moved, both vocabulary and scores are of this moment. */
export function recommending(name: string, model: Known, moved?: Moved): Recommending {
  const { vocabulary, scoreBatch } = model;
  let popular_I: Float32Array | undefined;
  const popular = () => (popular_I ??= popularIn(scoreBatch, vocabulary.items.length));
  if (!moved) return { name, vocabulary, scoreBatch, popular };
  let counted: Moving | undefined;
  let laid: Trending | undefined;
  const now = (): Trending => {
    const moving = moved.moving();
    if (!laid || moving !== counted) laid = trending(model, moved.mix, moving);
    counted = moving;
    return laid;
  };
  return {
    name,
    get vocabulary() {
      return now().vocabulary;
    },
    scoreBatch: (foldIns) => now().scoreBatch(foldIns),
    popular: () => now().popular(popular()),
  };
}

export interface Wish {
  /** Items of the user, repeats allowed. */
  readonly history: readonly string[];
  readonly k: number;
  /** Never to be listed, beside the history. */
  readonly exclude: readonly string[];
  /** The history may be listed too. */
  readonly includeSeen: boolean;
}

/** Items that the vocabulary lacks are named in the answer. Without any known item the popular ones are listed. */
export const recommend = (model: Recommending, wish: Wish): RecommendAnswer => recommendTogether(model, [wish])[0]!;

/** All scored in one product; each answer is, bit for bit, what its wish would get alone. */
export function recommendTogether(model: Recommending, wishes: readonly Wish[]): RecommendAnswer[] {
  const { vocabulary } = model;
  const histories = wishes.map(({ history }) => new Set(history));
  const foldIns = histories.map((history) => columnsOf(vocabulary, history));
  const withItems = foldIns.filter(({ length }) => length > 0);
  const scores_BI = withItems.length > 0 ? model.scoreBatch(withItems) : new Float32Array(0);
  const size = vocabulary.items.length;
  let row = 0;
  return wishes.map(({ k, exclude, includeSeen }, index) => {
    const [history, foldIn] = [histories[index]!, foldIns[index]!];
    const hasItems = foldIn.length > 0;
    const scores_I = hasItems ? scores_BI.subarray(row * size, (row + 1) * size) : model.popular();
    if (hasItems) row++;
    const excluded = columnsOf(vocabulary, exclude);
    const masked = Int32Array.from([...(includeSeen ? [] : foldIn), ...excluded]);
    const best = rankingOf(scores_I, masked, k);
    const unknown =
      foldIn.length === history.size ? [] : [...history].filter((item) => vocabulary.column(item) === undefined);
    return {
      model: model.name,
      items: Array.from(best, (column) => ({ item: vocabulary.items[column]!, score: scores_I[column]! })),
      ...(unknown.length > 0 ? { unknown } : {}),
      ...(hasItems ? {} : { fallback: "popular" as const }),
    };
  });
}

/** Of the items that it knows. */
function columnsOf(vocabulary: Vocabulary, items: Iterable<string>): Int32Array {
  const columns: number[] = [];
  for (const item of items) {
    const column = vocabulary.column(item);
    if (column !== undefined) columns.push(column);
  }
  return Int32Array.from(columns);
}
