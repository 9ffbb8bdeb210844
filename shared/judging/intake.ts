// Events as whoever judges on what arrives takes them in, a table version after the other: histories, and on the way
// there the arrivals to score, each ranked by the references before it counts. Pure; the evaluator's stream fills it
// from the table, `benchmark --stream` from a file.
import type { Interactions } from "../events/batch.ts";
import { Histories } from "../events/histories.ts";
import type { Met } from "../ranking/newest.ts";
import { type Moment, References } from "../ranking/references.ts";
import { Trends } from "../ranking/trends.ts";
import type { CaughtUp } from "./caught-up.ts";
import { meet, type Ranked } from "./meeting.ts";
import type { Followed, News } from "./prequential.ts";

export interface Intake extends Omit<Followed, "version" | "watermark"> {
  /** Takes in a batch of a version; those of one version may be several. What each event met, in their order. */
  take(batch: Interactions, ofVersion: number): readonly Met[];
  /** What was taken in since it was asked last. */
  news(): News;
  /** Forgets what it has not told. */
  silence(): void;
  /** Counts anew what is hot, and what was popular, as at the end of a version. */
  recount(caughtUp: CaughtUp, ofVersion: number): void;
}

/** `caughtUp`: of before its first event. At most about `limit` arrivals of a version are told. */
export function openIntake(salt: string, limit: number, before?: CaughtUp): Intake {
  const histories = new Histories(salt);
  let { references, gains, trends }: CaughtUp = before ?? {
    references: new References(),
    gains: [],
    trends: new Trends(),
  };
  /** Of the newest version: what came with it is scored by what was known before. */
  let unsettled: { version: number; met: readonly Met[] } = { version: -1, met: [] };
  /** Where versions end, as the references count events, oldest first. */
  let ends: { version: number; place: number }[] = [];
  let moments: { place: number; moment: Moment }[] = [];
  let arrivals: Ranked[] = [];
  let leftOut = 0;
  let popularity: Float64Array | undefined;

  function settle(ofVersion: number): void {
    for (const met of unsettled.met) trends.add(met);
    unsettled = { version: ofVersion, met: [] };
  }

  function ended(ofVersion: number): void {
    if (ends.at(-1)?.version === ofVersion) ends.pop();
    ends.push({ version: ofVersion, place: references.place });
    if (ends.length > MOST_ENDS) ends.shift();
  }

  function silence(): void {
    [arrivals, leftOut, popularity] = [[], 0, undefined];
  }

  return {
    salt,
    histories,
    silence,
    get trends() {
      return trends;
    },
    get before() {
      return gains;
    },
    get place() {
      return references.place;
    },
    asOf(ofVersion) {
      const end = ends.findLast((each) => each.version <= ofVersion) ?? ends[0];
      const place = end?.place ?? 0;
      const found = moments.find((each) => each.place === place);
      if (found) return found.moment;
      const moment = references.asOf(place);
      moments = [...moments, { place, moment }].slice(-2); // of the published model, and of the candidate
      return moment;
    },
    take(batch, ofVersion) {
      popularity ??= histories.popularity();
      if (unsettled.version !== ofVersion) settle(ofVersion);
      const news = meet(batch, histories, ofVersion, limit, references, trends);
      unsettled = { version: ofVersion, met: [...unsettled.met, ...news.met] };
      arrivals.push(...news.ranked);
      leftOut += news.leftOut;
      ended(ofVersion);
      return news.met;
    },
    news() {
      const news = { arrivals, leftOut, popularity: popularity ?? histories.popularity() };
      silence();
      return news;
    },
    recount(caughtUp, ofVersion) {
      ({ references, gains, trends } = caughtUp);
      [ends, moments] = [[], []];
      unsettled = { version: ofVersion, met: [] };
      ended(ofVersion);
    },
  };
}

/** As many versions as are ever between a model and the newest: of a version a second, a day's. */
const MOST_ENDS = 100_000;
