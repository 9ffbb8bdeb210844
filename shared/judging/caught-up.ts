// The references of somebody who was not there when events came: counted from the newest events of the table and from
// the users' histories. Pure.
import type { Histories } from "../events/histories.ts";
import { References } from "../ranking/references.ts";

/** `events` are the newest that the histories hold, oldest first. */
export function caughtUp(
  events: readonly { readonly user: string; readonly item: string }[],
  histories: Histories,
): References {
  const references = new References(histories.popularity());
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
  const rows = new Map([...ofUser].map(([user, items]) => [user, freshOf(histories.rowOf(user), items)]));
  for (const [user, item] of met) {
    const { row, fresh } = rows.get(user)!;
    const had = fresh.get(item);
    fresh.delete(item); // the next time it is no first meeting
    // What it counts for since ever is in the histories' popularity already.
    references.add({ user, item, seen: had === undefined ? undefined : row.subarray(0, had), isCounted: false });
  }
  return references;
}

/** Of the items at the end of the row that are among `items`, their places: those that the user met there first. */
function freshOf(row: Int32Array, items: ReadonlySet<number>) {
  const fresh = new Map<number, number>();
  for (let k = row.length - 1; k >= 0 && items.has(row[k]!); k--) fresh.set(row[k]!, k);
  return { row, fresh };
}
