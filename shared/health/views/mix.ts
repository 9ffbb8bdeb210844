// What is laid over a model's scores where it serves, for people: how much what is popular now counts, and what follows
// a user's last items. Pure.
import { HALF_LIVES } from "../../ranking/trends.ts";
import type { Reading } from "../status/readings.ts";
import { count, duration, ratio } from "./figures.ts";

export type Laid = NonNullable<NonNullable<Reading<"evaluator">["published"]>["mix"]>;
interface Weights {
  readonly model: number | null;
  readonly hot: readonly number[];
  readonly follows: number | null;
}

const hotIn = ({ hot }: Weights): number => hot.reduce((sum, weight) => sum + weight, 0);

/** In a cell of a table. */
export function mixInShort(weights: Weights | null): string {
  if (!weights) return "–";
  return `popular now ${ratio(hotIn(weights))}, co-visits ${ratio(weights.follows)}`;
}

/** Undefined where nobody says: a model of before it was told, or none. */
export function mixLine(laid: Laid | null, now: number): string | undefined {
  if (!laid) return undefined;
  const { weights, why, since } = laid;
  const time = since === null ? "" : `, for ${duration((now - since) / 1000)}`;
  const because = why === null ? "" : `: ${why}`;
  if (!weights) return `laid over the model: nothing${time}${because}`;
  const each = HALF_LIVES.map((halfLife, k) => `${count(halfLife)} ${ratio(weights.hot[k] ?? null)}`).join(", ");
  return (
    `laid over the model: popular now ${ratio(hotIn(weights))} (in counts that halve every so many first meetings: ` +
    `${each}) · co-visits ${ratio(weights.follows)} · its own scores ${ratio(weights.model)}${time}${because}`
  );
}
