// Ranks what arrives with a version by all contestants, before anybody learns it: models alone, under their mixes and
// less a part, and what counts alone, as it stands at once or as late as what is served. Between simulation.ts and the
// evaluator's own scoring in shared/judging.
import { hash32 } from "../../../../shared/events/hash.ts";
import { servedGains } from "../../../../shared/judging/gains.ts";
import type { Intake } from "../../../../shared/judging/intake.ts";
import type { Ranked } from "../../../../shared/judging/meeting.ts";
import type { Scored } from "../../../../shared/judging/window.ts";
import { followingIn, hotIn, type Mix } from "../../../../shared/ranking/mix.ts";
import type { Met } from "../../../../shared/ranking/newest.ts";
import type { Gain } from "../../../../shared/ranking/places.ts";
import { bestWindow, type ReferenceGains, References } from "../../../../shared/ranking/references.ts";
import {
  arrivalWithout,
  type Contestant,
  type ContestantName,
  contestant,
  type LearnerName,
  mute,
  type Part,
} from "./contestants.ts";
import type { Candidate } from "./learners.ts";

/** A model that is in use. */
export interface Published {
  readonly model: Candidate;
  readonly mix: Mix | undefined;
  /** Chosen as if the part was not there. */
  readonly mixWithout: Readonly<Partial<Record<Part, Mix | undefined>>>;
}

/** An arrival, and what it was worth to each contestant, in their order; undefined where it has nothing to say. */
export interface Line {
  readonly event: number;
  readonly user: number;
  /** Users that had met the item when its version began. */
  readonly met: number;
  /** Items that the user had. */
  readonly had: number;
  readonly gains: readonly (Gain | undefined)[];
}

/** What came with a version. */
export interface Arrived {
  /** Event that it begins with. */
  readonly event: number;
  readonly version: number;
  readonly met: readonly Met[];
  readonly arrivals: readonly Ranked[];
  /** The same as the evaluator scored them by what is served. */
  readonly scored: readonly Scored[];
}

/** As far back as the evaluator looks for the window that did best. */
const RECENT = 5_000;
/** One in so many users who come for the first time is ranked. */
const FIRSTS = 4;
const FIRST_SEED = 5; // arrivals.ts takes 4
const nothing = new Int32Array(0);

export function openRanking(
  wanted: readonly ContestantName[],
  { histories, ...intake }: Pick<Intake, "histories"> & { readonly trends: () => Intake["trends"] },
  published: ReadonlyMap<LearnerName | "frozen", Published>,
  /** Arrivals of a version that are ranked, about. */
  limit: number,
  signal: AbortSignal,
) {
  /** As they stood when the version began. */
  const behind = new References();
  const metCounts: number[] = [];
  let recent: readonly ReferenceGains[] = [];

  /** Until it is frozen, the continuous one's model is the one that will be. */
  const inUse = (by: NonNullable<Contestant["by"]>) =>
    published.get(by) ?? (by === "frozen" ? published.get("continuous") : undefined);

  async function modelGains(arrivals: readonly Ranked[], of: Contestant): Promise<readonly (Gain | undefined)[]> {
    const found = of.by && inUse(of.by);
    if (!found) return [];
    const { model, mix, mixWithout } = found;
    const { without } = of;
    const laid = without ? mixWithout[without] : of.isServed ? mix : undefined;
    const own = { ...(without === "model" ? mute(model) : model), mix: laid };
    const seen = without ? arrivals.map((arrival) => arrivalWithout(arrival, without)) : arrivals;
    return await servedGains(seen, own, histories, signal);
  }

  /** Of users who come for the first time, who are no arrivals: nobody can say what they like, only what is hot. */
  function firsts({ met, version }: Arrived): Ranked[] {
    const trends = intake.trends();
    const hot = hotIn(trends);
    return met
      .filter(({ user, seen }) => seen?.length === 0 && hash32(histories.users[user]!, FIRST_SEED) % FIRSTS === 0)
      .slice(0, Math.ceil(limit / FIRSTS))
      .map(({ user, item }) => ({
        ...{ user, item: histories.vocabulary.items[item]!, foldIn: nothing, version, hot },
        ...{ following: followingIn(trends, []), now: behind.gainsOf(item, nothing) },
      }));
  }

  return {
    async rank(arrived: Arrived): Promise<Line[]> {
      const { arrivals, scored, event } = arrived;
      const fresh = firsts(arrived);
      const all = [...arrivals, ...fresh];
      const columnOf = ({ item }: Ranked) => histories.vocabulary.column(item);
      const late = all.map((arrival) => behind.gainsOf(columnOf(arrival) ?? -1, arrival.foldIn));
      const window = bestWindow(recent);
      recent = [...recent, ...late.slice(0, arrivals.length)].slice(-RECENT);
      const columns: (readonly (Gain | undefined)[])[] = [];
      for (const name of wanted) columns.push(await gainsOf(name));
      return all.map((arrival, k) => ({
        ...{ event, user: arrival.user, met: metCounts[columnOf(arrival) ?? -1] ?? 0, had: arrival.foldIn.length },
        gains: columns.map((column) => column[k]),
      }));

      /** What the evaluator has scored is taken as it is. */
      async function gainsOf(name: ContestantName): Promise<readonly (Gain | undefined)[]> {
        switch (name) {
          case "served":
            return [...scored.map(({ model }) => model), ...(await modelGains(fresh, contestant(name)))];
          case "popular-now":
            return scored.map(({ popularNow }) => popularNow);
          case "co-visits":
            return scored.map(({ coVisits }) => coVisits);
          case "popular-late":
            return late.map(({ popular }) => popular[window]);
          case "popular-ever":
            return late.map(({ popular }) => popular.at(-1));
          case "co-visits-late":
            return late.map(({ coVisits }) => coVisits);
          default:
            return await modelGains(all, contestant(name));
        }
      }
    },
    /** What came with the version counts from now on. */
    count(met: readonly Met[]): void {
      for (const each of met) {
        behind.add(each);
        if (each.seen) metCounts[each.item] = (metCounts[each.item] ?? 0) + 1;
      }
    },
  };
}
