// The references of somebody who was not there when events came: counted from the newest events of the table and from
// the users' histories. Pure.
import type { Histories } from "../events/histories.ts";
import { type ReferenceGains, References } from "../ranking/references.ts";
import { Trends } from "../ranking/trends.ts";

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
  const trends = new Trends();
  const gains: ReferenceGains[] = [];
  let unranked = met.reduce((sum, { seen }) => sum + (seen?.length ? 1 : 0), 0) - RANKED;
  for (const each of met) {
    if (each.seen?.length && unranked-- <= 0) gains.push(references.gainsOf(each.item, each.seen));
    references.add(each);
    trends.add(each);
  }
  return { references, gains, trends };
}

/** Each event as it was met, where it is in the histories. */
export function metIn(events: readonly { readonly user: string; readonly item: string }[], histories: Histories) {
  const met: [user: number, item: number][] = [];
  const ofUser = new Map<number, Set<number>>();
  for (const event of events) {
    const [user, item] = [histories.indexOf(event.user), histories.vocabulary.column(event.item)];
    if (user === undefined || item === undefined) continue;
    met.push([user, item]);
    const items = ofUser.get(user);
    if (items) items.add(item);
    else ofUser.set(user, new Set([item]));
  }
  const rows = new Map([...ofUser].map(([user, items]) => [user, freshIn(histories.rowOf(user), items)]));
  return met.map(([user, item]) => {
    const { row, fresh } = rows.get(user)!;
    const had = fresh.get(item);
    fresh.delete(item); // the next time it is no first meeting
    const seen = had === undefined ? undefined : row.subarray(0, had);
    return { user, item, seen, isCounted: seen !== undefined && histories.partOf(user) === "train" };
  });
}

/** Of the items at the end of the row that are among `items`, their places: those that the user met there first. */
function freshIn(row: Int32Array, items: ReadonlySet<number>) {
  const fresh = new Map<number, number>();
  for (let k = row.length - 1; k >= 0 && items.has(row[k]!); k--) fresh.set(row[k]!, k);
  return { row, fresh };
}
