// Whether an answer of serve is right: of the asked length and order, and what the published version itself says. Pure.
import type { RecommendAnswer } from "../../shared/recommending/requests.ts";

export interface Wish {
  readonly items: readonly string[];
  readonly k: number;
}

/** Of logits: another thread count or batch moves the last bits. */
const NEAR = 1e-3;

/** What is asked, in turn: histories of none to seven known items. */
export function wishOf(n: number): Wish {
  const items = Array.from({ length: n % 8 }, (_, j) => `i${(n * 13 + j * 7) % 200}`);
  return { items, k: 5 + (n % 3) };
}
/** After so many the wishes come again. */
export const WISHES = 48;

/** Undefined when all is well. */
export function malformed({ items }: RecommendAnswer, wish: Wish): string | undefined {
  const names = items.map(({ item }) => item);
  const scores = items.map(({ score }) => score);
  if (items.length !== wish.k) return `${items.length} items instead of ${wish.k}`;
  if (new Set(names).size !== names.length) return "an item twice";
  if (names.some((name) => wish.items.includes(name))) return "an item of the history";
  if (!scores.every(Number.isFinite)) return "a score that is no number";
  if (scores.some((score, k) => k > 0 && score > scores[k - 1]!)) return "not in order of score";
  return undefined;
}

/** `right`: what the version's own files say. Items of nearly equal scores may stand in either order. */
export function unlike(answer: RecommendAnswer, right: RecommendAnswer): string | undefined {
  const known = new Map(right.items.map(({ item, score }) => [item, score]));
  const last = right.items.at(-1)?.score ?? 0;
  for (const [k, { item, score }] of answer.items.entries()) {
    const there = right.items[k]?.score;
    if (there === undefined || Math.abs(score - there) > NEAR)
      return `place ${k + 1} has the score ${score} instead of ${there}`;
    const own = known.get(item);
    if (own === undefined ? Math.abs(score - last) > NEAR : Math.abs(score - own) > NEAR)
      return `${item} has the score ${score} instead of ${own ?? `less than ${last}`}`;
  }
  if ((answer.fallback ?? null) !== (right.fallback ?? null))
    return `fallback is ${answer.fallback} instead of ${right.fallback}`;
  return undefined;
}
