// Events as what users met, each with what its user had met before: from a batch that histories take in, or, for
// whoever was not there when they came, from the newest events that histories hold. Pure.
import type { Interactions } from "../events/batch.ts";
import type { Histories } from "../events/histories.ts";
import { stringsOf } from "../events/text.ts";
import type { Met } from "./newest.ts";
import { Trends } from "./trends.ts";

/** Takes the batch into the histories too. Events that there is no room for are left out. */
export function metOf(batch: Interactions, histories: Histories, version: number): Met[] {
  const names = stringsOf(batch.user.words);
  const length = Int32Array.from(names, (name) => {
    const user = histories.indexOf(name);
    return user === undefined ? 0 : histories.lengthOf(user);
  });
  histories.append(batch, version);
  const users = Int32Array.from(names, (name) => histories.indexOf(name) ?? -1);
  const items = Int32Array.from(stringsOf(batch.item.words), (name) => histories.vocabulary.column(name) ?? -1);
  const rows = new Map<number, Int32Array>();
  const met: Met[] = [];
  for (let k = 0; k < batch.length; k++) {
    const word = batch.user.numbers[k]!;
    const [user, item] = [users[word]!, items[batch.item.numbers[k]!]!];
    if (user < 0 || item < 0) continue; // there was no room for it
    const row = rows.get(word) ?? histories.rowOf(user);
    rows.set(word, row);
    // The row has grown in this order: what comes first is what stands next in it.
    const had = length[word]!;
    const seen = row[had] === item ? row.subarray(0, had) : undefined;
    if (seen) length[word]!++;
    met.push({ user, item, seen, isCounted: seen !== undefined && histories.partOf(user) === "train" });
  }
  return met;
}

/** `events` are the newest that the histories hold, oldest first. */
export function metIn(
  events: readonly { readonly user: string; readonly item: string }[],
  histories: Histories,
): Met[] {
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

/** What is hot after them. */
export function trendsOf(met: readonly Met[]): Trends {
  const trends = new Trends();
  for (const each of met) trends.add(each);
  return trends;
}
