// The items that are most like one, by the model's own vectors of items; of one that the model has never met what is
// met after it now. Beside recommender.ts, for the same two.
import { AppError } from "../errors/errors.ts";
import { noBits, setBits } from "../ranking/bits.ts";
import { listOf } from "../ranking/metrics.ts";
import type { ItemFilter } from "./items/filters.ts";
import { type Recommending, vectorsMissing } from "./recommender.ts";
import type { SimilarAnswer } from "./requests.ts";

export interface SimilarWish {
  readonly item: string;
  readonly k: number;
  /** Only what passes is listed. */
  readonly filter?: ItemFilter | undefined;
}

/** Throws AppError ITEM_UNKNOWN, VECTORS_MISSING. */
export function similar(model: Recommending, { item, k, filter }: SimilarWish): SimilarAnswer {
  const { vocabulary, name } = model;
  const column = vocabulary.column(item);
  const near_I = column === undefined ? undefined : model.vectors?.near(column);
  const scores_I = near_I ?? model.following?.(item);
  if (!scores_I?.some((score) => score > 0)) throw unknown(model, item); // of NaN alone, where nothing follows it
  const masked = filter ? filter.refused(vocabulary).slice() : noBits(vocabulary.items.length);
  if (column !== undefined) setBits(masked, [column]);
  const best = listOf(scores_I, masked, k);
  return {
    model: name,
    item,
    items: Array.from(best, (column) => ({ item: vocabulary.items[column]!, score: scores_I[column]! })),
    ...(near_I ? {} : { fallback: "following" as const }),
    ...(filter && best.length === 0 ? { empty: "filters" as const } : {}),
  };
}

function unknown(model: Recommending, item: string): AppError {
  const { vectors, vocabulary, name } = model;
  const isKnown = vocabulary.column(item) !== undefined;
  if (isKnown && !vectors) return vectorsMissing(model, "what is similar");
  if (isKnown)
    return new AppError("VECTORS_MISSING", { what: `the model ${name} has no vector of the item "${item}"` });
  return new AppError("ITEM_UNKNOWN", { what: `the model ${name} has never met the item "${item}"` });
}
