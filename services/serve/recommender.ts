// A history -> the k best items that are not in it, by name. Serve asks over HTTP, the command at the terminal; both get this answer.
import type { Vocabulary } from "../../shared/events/vocabulary.ts";
import type { ScoreBatch } from "../../shared/ranking/evaluate.ts";
import { rankingOf } from "../../shared/ranking/metrics.ts";
import { popularIn } from "../../shared/ranking/popular.ts";
import type { RecommendAnswer } from "./requests.ts";

export interface Recommending {
  /** What the answer calls the model. */
  readonly name: string;
  readonly vocabulary: Vocabulary;
  readonly scoreBatch: ScoreBatch;
  /** Scores for somebody of whom nothing is known. */
  popular(): Float32Array;
}

/** Works out what is popular when it is first asked for. */
export function recommending(name: string, { vocabulary, scoreBatch }: Pick<Recommending, "vocabulary" | "scoreBatch">): Recommending {
  let popular_I: Float32Array | undefined;
  return { name, vocabulary, scoreBatch, popular: () => (popular_I ??= popularIn(scoreBatch, vocabulary.items.length)) };
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
export function recommend(model: Recommending, { history, k, exclude, includeSeen }: Wish): RecommendAnswer {
  const distinct = [...new Set(history)];
  const columns = (items: readonly string[]) =>
    Int32Array.from(items.map((item) => model.vocabulary.column(item)).filter((column) => column !== undefined));
  const seen = columns(distinct);
  const masked = columns([...(includeSeen ? [] : distinct), ...exclude]);
  const unknown = distinct.filter((item) => model.vocabulary.column(item) === undefined);
  const scores_I = seen.length > 0 ? model.scoreBatch([seen]) : model.popular();
  const items = [...rankingOf(scores_I, masked, k)].map((column) => ({ item: model.vocabulary.items[column]!, score: scores_I[column]! }));
  return {
    model: model.name,
    items,
    ...(unknown.length > 0 ? { unknown } : {}),
    ...(seen.length === 0 ? { fallback: "popular" as const } : {}),
  };
}
