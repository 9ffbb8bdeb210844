// The table of events as the evaluator follows it: histories to judge with, and on the way there the arrivals that the
// published model is scored on, each ranked by the references before it counts.
import { Histories } from "../../shared/events/histories.ts";
import { type CaughtUp, caughtUp } from "../../shared/judging/caught-up.ts";
import { meet, type Ranked } from "../../shared/judging/meeting.ts";
import type { Followed, News } from "../../shared/judging/prequential.ts";
import type { Met } from "../../shared/ranking/newest.ts";
import { type Moment, REMEMBERED, References } from "../../shared/ranking/references.ts";
import { Trends } from "../../shared/ranking/trends.ts";
import { catchUpOrNewest, followTable, type Mark } from "../../shared/table/follow.ts";
import { newestEvents } from "../../shared/table/newest-events.ts";

export interface Stream extends Followed {
  /** Table version taken in; -1 before the first. */
  readonly version: number;
  advance(): Promise<News & { readonly marks: readonly Mark[] }>;
}

/**
 * Everything up to version `silentUntil` (Infinity: all that is there) is taken in as what was known before. At most
 * about `limit` arrivals of a table version are told.
 */
export function openStream(tableDir: string, salt: string, silentUntil: number, limit: number): Stream {
  const histories = new Histories(salt);
  let { references, gains, trends }: CaughtUp = { references: new References([], 0), gains: [], trends: new Trends() };
  /** Of the newest version: what came with it is scored by what was known before. */
  let unsettled: { version: number; met: readonly Met[] } = { version: -1, met: [] };
  /** Where versions end, as the references count events, oldest first. */
  let ends: { version: number; place: number }[] = [];
  let moments: { place: number; moment: Moment }[] = [];
  let version = -1;
  let watermark = 0;
  let arrivals: Ranked[] = [];
  let leftOut = 0;
  let popularity: Float64Array | undefined;
  /** Rows that are told anew are no news, and in no order. */
  let silent = true;
  let isAnew = true;
  const follower = followTable(tableDir, {
    append(batch, ofVersion) {
      if (silent) {
        histories.append(batch, ofVersion);
        return;
      }
      popularity ??= histories.popularity();
      if (unsettled.version !== ofVersion) settle(ofVersion);
      const news = meet(batch, histories, ofVersion, limit, references, trends);
      unsettled = { version: ofVersion, met: [...unsettled.met, ...news.met] };
      arrivals.push(...news.ranked);
      leftOut += news.leftOut;
      ended(ofVersion);
    },
    clear() {
      [silent, isAnew] = [true, true];
      [arrivals, leftOut, popularity] = [[], 0, undefined];
      histories.clear();
    },
  });

  function settle(ofVersion: number): void {
    for (const met of unsettled.met) trends.add(met);
    unsettled = { version: ofVersion, met: [] };
  }

  function ended(ofVersion: number): void {
    if (ends.at(-1)?.version === ofVersion) ends.pop();
    ends.push({ version: ofVersion, place: references.place });
    if (ends.length > MOST_ENDS) ends.shift();
  }

  async function countAnew(): Promise<void> {
    ({ references, gains, trends } = caughtUp(await newestEvents(tableDir, version, REMEMBERED), histories));
    [ends, moments, isAnew] = [[], [], false];
    unsettled = { version, met: [] };
    ended(version);
  }

  return {
    salt,
    histories,
    get version() {
      return version;
    },
    get trends() {
      return trends;
    },
    get watermark() {
      return watermark;
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
    async advance() {
      if (version < 0) {
        ({ version, watermark } = await catchUpOrNewest(follower, silentUntil));
        if (version >= 0) await countAnew();
      }
      silent = version < 0;
      const taken = await follower.catchUp();
      ({ version, watermark } = taken);
      if (isAnew && version >= 0) await countAnew();
      const news = { arrivals, leftOut, popularity: popularity ?? histories.popularity(), marks: taken.marks };
      [arrivals, leftOut, popularity] = [[], 0, undefined];
      return news;
    },
  };
}

/** As many versions as are ever between a model and the newest: of a version a second, a day's. */
const MOST_ENDS = 100_000;
