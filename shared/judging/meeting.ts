// Takes the events of a batch into the references, one after the other as they came, and ranks each arrival that is to
// be scored before it counts. Pure; the evaluator's stream calls it.
import type { Interactions } from "../events/batch.ts";
import type { Histories } from "../events/histories.ts";
import { stringsOf } from "../events/text.ts";
import { NO_GAIN } from "../ranking/places.ts";
import { type ReferenceGains, type References, windows } from "../ranking/references.ts";
import { type Arrival, arrivalsOf } from "./arrivals.ts";

/** With what it was worth to the references just before it came. */
export interface Ranked extends Arrival {
  readonly now: ReferenceGains;
}

export interface Meeting {
  /** New pairs of known users, as many as are scored. */
  readonly ranked: readonly Ranked[];
  /** Those that were left to others, since more came than can be scored. */
  readonly leftOut: number;
}

/** Takes the batch into the histories too. `limit`: see `arrivalsOf`. */
export function meet(
  batch: Interactions,
  histories: Histories,
  version: number,
  limit: number,
  references: References,
): Meeting {
  const { scored: arrivals, leftOut } = arrivalsOf(batch, histories, version, limit);
  const names = stringsOf(batch.user.words);
  const before = Int32Array.from(names, (name) => {
    const user = histories.indexOf(name);
    return user === undefined ? 0 : histories.lengthOf(user);
  });
  histories.append(batch, version);
  const users = Int32Array.from(names, (name) => histories.indexOf(name) ?? -1);
  const items = Int32Array.from(stringsOf(batch.item.words), (name) => histories.vocabulary.column(name) ?? -1);
  const length = before.slice();
  const rows = new Map<number, Int32Array>();
  const found = new Map<Arrival, ReferenceGains>();
  const ofUser = new Map<number, Arrival[]>();
  for (const arrival of arrivals) {
    const others = ofUser.get(arrival.user);
    if (others) others.push(arrival);
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
      const arrival = ofUser.get(user)?.[had - before[word]!];
      if (arrival) found.set(arrival, references.gainsOf(item, seen));
      length[word]!++;
    }
    references.add({ user, item, seen, isCounted: seen !== undefined && histories.partOf(user) === "train" });
  }
  return { ranked: arrivals.map((arrival) => ({ ...arrival, now: found.get(arrival) ?? nothing })), leftOut };
}

/** Of an item that there was no room for. */
const nothing: ReferenceGains = {
  popular: [...windows, Number.POSITIVE_INFINITY].map(() => NO_GAIN),
  coVisits: NO_GAIN,
};
