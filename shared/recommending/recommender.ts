// Histories -> the k best items of each that are not in it and that the wish lets through, by name. Serve asks over
// HTTP, the command at the terminal; both get this answer.
import { AppError } from "../errors/errors.ts";
import type { Vocabulary } from "../events/vocabulary.ts";
import { type Bits, hasGap, invert, join, noBits, setBits } from "../ranking/bits.ts";
import { diverse, poolOf } from "../ranking/diverse.ts";
import type { ScoreBatch } from "../ranking/evaluate.ts";
import { listOf } from "../ranking/metrics.ts";
import { followingIn, type Mix } from "../ranking/mix.ts";
import { popularIn } from "../ranking/popular.ts";
import { type Known, type Moving, type Trending, trending } from "../ranking/trending.ts";
import type { ItemVectors } from "../ranking/vectors.ts";
import type { ItemFilter } from "./items/filters.ts";
import type { RecommendAnswer } from "./requests.ts";

export interface Recommending {
  /** What the answer calls the model. */
  readonly name: string;
  readonly vocabulary: Vocabulary;
  readonly scoreBatch: ScoreBatch;
  /** Scores for somebody of whom nothing is known. */
  popular(): Float32Array;
  /** Of the model's own columns, the first of the vocabulary; absent where its system has none. */
  readonly vectors?: ItemVectors | undefined;
  /**
   * What is met after the item now, more often than by chance: columns of the vocabulary, and by how much, [I]; NaN for
   * the others. Absent where nothing is laid over the model.
   */
  following?(item: string): Float32Array;
}

interface OwnModel extends Known {
  readonly vectors?: ItemVectors | undefined;
}

/** What is hot now, and the weights with which it is laid over the model's scores. */
interface Moved {
  readonly mix: Mix;
  moving(): Moving;
}

/** Works out what is popular when it is first asked for. Moved, both vocabulary and scores are of this moment. */
export function recommending(name: string, model: OwnModel, moved?: Moved): Recommending {
  const { vocabulary, scoreBatch, vectors } = model;
  let popular_I: Float32Array | undefined;
  const popular = () => (popular_I ??= popularIn(scoreBatch, vocabulary.items.length));
  if (!moved) return { name, vocabulary, scoreBatch, popular, vectors };
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
    vectors,
    following(item) {
      const { vocabulary } = now();
      const { trends, numbers } = moved.moving();
      const rises_I = new Float32Array(vocabulary.items.length).fill(Number.NaN);
      const number = numbers.column(item);
      if (number === undefined) return rises_I;
      const { items, rises } = followingIn(trends, [number]);
      items.forEach((each, k) => {
        const column = vocabulary.column(numbers.items[each]!);
        if (column !== undefined) rises_I[column] = rises[k]!;
      });
      return rises_I;
    },
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
  /** Nothing else is listed. */
  readonly candidates?: readonly string[] | undefined;
  /** Only what passes is listed. */
  readonly filter?: ItemFilter | undefined;
  /** How much the items of the list are to differ, 0..1; see shared/ranking/diverse.ts. */
  readonly diversity?: number | undefined;
}

/**
 * Items that the vocabulary lacks are named in the answer. Without any known item the popular ones are listed. Throws
 * AppError VECTORS_MISSING.
 */
export function recommend(model: Recommending, wish: Wish): RecommendAnswer {
  const [answer] = recommendTogether(model, [wish]);
  if (answer instanceof AppError) throw answer;
  return answer!;
}

/**
 * All scored in one product; each answer is, bit for bit, what its wish would get alone. What cannot be answered is an
 * error in its place.
 */
export function recommendTogether(model: Recommending, wishes: readonly Wish[]): (RecommendAnswer | AppError)[] {
  const { vocabulary } = model;
  const histories = wishes.map(({ history }) => new Set(history));
  const foldIns = histories.map((history) => columnsOf(vocabulary, history));
  const withItems = foldIns.filter(({ length }) => length > 0);
  const scores_BI = withItems.length > 0 ? model.scoreBatch(withItems) : new Float32Array(0);
  const size = vocabulary.items.length;
  let row = 0;
  return wishes.map((wish, index) => {
    const { k, candidates = [], diversity = 0 } = wish;
    const [history, foldIn] = [histories[index]!, foldIns[index]!];
    const hasItems = foldIn.length > 0;
    const scores_I = hasItems ? scores_BI.subarray(row * size, (row + 1) * size) : model.popular();
    if (hasItems) row++;
    if (diversity > 0 && !model.vectors) return vectorsMissing(model, "diversity");
    const masked = maskOf(vocabulary, wish, foldIn);
    const best =
      diversity > 0
        ? diverse(listOf(scores_I, masked.all, poolOf(k)), scores_I, model.vectors!, k, diversity)
        : listOf(scores_I, masked.all, k);
    const unknown = [...new Set([...history, ...candidates])].filter((item) => vocabulary.column(item) === undefined);
    return {
      model: model.name,
      items: Array.from(best, (column) => ({ item: vocabulary.items[column]!, score: scores_I[column]! })),
      ...(unknown.length > 0 ? { unknown } : {}),
      ...(hasItems ? {} : { fallback: "popular" as const }),
      ...(best.length === 0 ? { empty: masked.empty() } : {}),
    };
  });
}

export const vectorsMissing = ({ name }: Recommending, what: string): AppError =>
  new AppError("VECTORS_MISSING", { what: `${what} needs vectors of items, and the model ${name} has none` });

interface Mask {
  /** What is not listed. */
  readonly all: Bits;
  /** Of a list that is empty: what left nothing. */
  empty(): NonNullable<RecommendAnswer["empty"]>;
}

function maskOf(
  vocabulary: Vocabulary,
  { candidates, filter, exclude, includeSeen }: Pick<Wish, "candidates" | "filter" | "exclude" | "includeSeen">,
  foldIn: Int32Array,
): Mask {
  const size = vocabulary.items.length;
  const all = noBits(size);
  if (candidates) {
    setBits(all, columnsOf(vocabulary, candidates));
    invert(all);
  }
  if (filter) join(all, filter.refused(vocabulary));
  if (!includeSeen) setBits(all, foldIn);
  setBits(all, columnsOf(vocabulary, exclude));
  return {
    all,
    empty() {
      const none = { exclude: [], includeSeen: true };
      const leaves = (wish: Partial<Wish>) => hasGap(maskOf(vocabulary, { ...none, ...wish }, foldIn).all, size);
      if (!leaves({ candidates })) return "candidates";
      return leaves({ candidates, filter }) ? "seen" : "filters";
    },
  };
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
