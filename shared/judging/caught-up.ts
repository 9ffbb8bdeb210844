// The references of somebody who was not there when events came: counted from the newest events of the table and from
// the users' histories. Pure.
import type { Histories } from "../events/histories.ts";
import { metIn, trendsOf } from "../ranking/met.ts";
import { type ReferenceGains, References } from "../ranking/references.ts";
import type { Trends } from "../ranking/trends.ts";

/** First meetings that say which window did best. */
const RANKED = 5_000;

export interface CaughtUp {
  readonly references: References;
  /** What each of the newest first meetings was worth to the references just before it, oldest first. */
  readonly gains: readonly ReferenceGains[];
  /** What is hot, and what follows what. */
  readonly trends: Trends;
}

/** `events` are the newest that the histories hold, oldest first. */
export function caughtUp(
  events: readonly { readonly user: string; readonly item: string }[],
  histories: Histories,
): CaughtUp {
  const met = metIn(events, histories);
  const ever = histories.popularity();
  for (const { item, isCounted } of met) if (isCounted) ever[item]!--;
  const references = new References(ever);
  const gains: ReferenceGains[] = [];
  let unranked = met.reduce((sum, { seen }) => sum + (seen?.length ? 1 : 0), 0) - RANKED;
  for (const each of met) {
    if (each.seen?.length && unranked-- <= 0) gains.push(references.gainsOf(each.item, each.seen));
    references.add(each);
  }
  return { references, gains, trends: trendsOf(met) };
}
