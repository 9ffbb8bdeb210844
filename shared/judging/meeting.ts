// Takes the events of a batch into the references, one after the other as they came, and ranks each arrival that is to
// be scored before it counts. Pure; the evaluator's stream calls it.
import type { Interactions } from "../events/batch.ts";
import type { Histories } from "../events/histories.ts";
import { stringsOf } from "../events/text.ts";
import { NO_GAIN } from "../ranking/places.ts";
import { type ReferenceGains, type References, windows } from "../ranking/references.ts";
import type { Arrival } from "./arrivals.ts";

/** With what it was worth to the references just before it came. */
export interface Ranked extends Arrival {
  readonly now: ReferenceGains;
}

/** Items of each of the batch's users, by number of the word: to be asked before the histories take the batch in. */
export const lengthsBefore = (batch: Interactions, histories: Histories): Int32Array =>
  Int32Array.from(stringsOf(batch.user.words), (name) => {
    const user = histories.indexOf(name);
    return user === undefined ? 0 : histories.lengthOf(user);
  });

/** `histories` have taken the batch in, `lengths` are of before; `arrivals` are those of the batch. */
export function meet(
  batch: Interactions,
  histories: Histories,
  lengths: Int32Array,
  arrivals: readonly Arrival[],
  references: References,
): Ranked[] {
  const users = Int32Array.from(stringsOf(batch.user.words), (name) => histories.indexOf(name) ?? -1);
  const items = Int32Array.from(stringsOf(batch.item.words), (name) => histories.vocabulary.column(name) ?? -1);
  const length = lengths.slice();
  const rows = new Map<number, Int32Array>();
  const found = new Map<Arrival, ReferenceGains>();
  const ofUser = new Map<number, Arrival[]>();
  for (const arrival of arrivals) {
    const before = ofUser.get(arrival.user);
    if (before) before.push(arrival);
    else ofUser.set(arrival.user, [arrival]);
  }
  for (let k = 0; k < batch.length; k++) {
    const word = batch.user.numbers[k]!;
    const [user, item] = [users[word]!, items[batch.item.numbers[k]!]!];
    if (user < 0 || item < 0) continue; // there was no room for it
    const row = rows.get(word) ?? histories.rowOf(user);
    rows.set(word, row);
    // The row has grown in this order: what comes first is what stands next in it.
    const had = length[word]!;
    const seen = row[had] === item ? row.subarray(0, had) : undefined;
    if (seen) {
      const arrival = ofUser.get(user)?.[had - lengths[word]!];
      if (arrival) found.set(arrival, references.gainsOf(item, seen));
      length[word]!++;
    }
    references.add({ user, item, seen, isCounted: seen !== undefined && histories.partOf(user) === "train" });
  }
  return arrivals.map((arrival) => ({ ...arrival, now: found.get(arrival) ?? nothing }));
}

/** Of an item that there was no room for. */
const nothing: ReferenceGains = {
  popular: [...windows, Number.POSITIVE_INFINITY].map(() => NO_GAIN),
  coVisits: NO_GAIN,
};
