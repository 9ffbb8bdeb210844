// Takes the events of a batch into the references, one after the other as they came, and ranks each arrival that is to
// be scored before it counts. Pure; the evaluator's stream calls it.
import type { Interactions } from "../events/batch.ts";
import type { Histories } from "../events/histories.ts";
import { metOf } from "../ranking/met.ts";
import { followingIn, type Hot, hotIn } from "../ranking/mix.ts";
import type { Met } from "../ranking/newest.ts";
import { NO_GAIN } from "../ranking/places.ts";
import { type ReferenceGains, type References, windows } from "../ranking/references.ts";
import { Trends } from "../ranking/trends.ts";
import { type Arrival, arrivalsOf } from "./arrivals.ts";
import type { Timely } from "./asked.ts";

/** With what it was worth to the references just before it came. */
export interface Ranked extends Timely {
  readonly now: ReferenceGains;
}

export interface Meeting {
  /** New pairs of known users, as many as are scored. */
  readonly ranked: readonly Ranked[];
  /** Those that were left to others, since more came than can be scored. */
  readonly leftOut: number;
  /** All of them, in their order. */
  readonly met: readonly Met[];
}

/**
 * Takes the batch into the histories too. `limit`: see `arrivalsOf`. `trends` are those of before the batch's version,
 * and stay as they are.
 */
export function meet(
  batch: Interactions,
  histories: Histories,
  version: number,
  limit: number,
  references: References,
  trends = new Trends(),
): Meeting {
  const { scored: arrivals, leftOut } = arrivalsOf(batch, histories, version, limit);
  const ofUser = new Map<number, Arrival[]>();
  for (const arrival of arrivals) {
    const others = ofUser.get(arrival.user);
    if (others) others.push(arrival);
    else ofUser.set(arrival.user, [arrival]);
  }
  const met = metOf(batch, histories, version);
  const found = new Map<Arrival, Pick<Ranked, "now" | "following">>();
  for (const each of met) {
    // A user's arrivals are the first meetings that they have here, in the same order.
    const arrival = each.seen && ofUser.get(each.user)?.shift();
    if (arrival)
      found.set(arrival, {
        now: references.gainsOf(each.item, each.seen!),
        following: followingIn(trends, each.seen!),
      });
    references.add(each);
  }
  const hot: Hot = hotIn(arrivals.length > 0 ? trends : new Trends());
  const ranked = arrivals.map((arrival) => ({ ...arrival, hot, ...(found.get(arrival) ?? nothing) }));
  return { ranked, leftOut, met };
}

/** Of an item that there was no room for. */
const nothing = {
  now: { popular: [...windows, Number.POSITIVE_INFINITY].map(() => NO_GAIN), coVisits: NO_GAIN },
  following: followingIn(new Trends(), []),
};
