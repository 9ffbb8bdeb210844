// The table of events as the evaluator follows it: histories to judge with, and on the way there the arrivals that the
// published model is scored on.
import { Histories } from "../../shared/events/histories.ts";
import { type Arrival, arrivalsOf } from "../../shared/judging/arrivals.ts";
import type { Followed, News } from "../../shared/judging/prequential.ts";
import { catchUpOrNewest, followTable, type Mark } from "../../shared/table/follow.ts";

export interface Stream extends Followed {
  readonly salt: string;
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
  let version = -1;
  let watermark = 0;
  let arrivals: Arrival[] = [];
  let leftOut = 0;
  let popularity: Float64Array | undefined;
  /** Rows that are told anew are no news. */
  let silent = true;
  const follower = followTable(tableDir, {
    append(batch, ofVersion) {
      if (!silent) {
        popularity ??= histories.popularity();
        const news = arrivalsOf(batch, histories, ofVersion, limit);
        arrivals.push(...news.scored);
        leftOut += news.leftOut;
      }
      histories.append(batch, ofVersion);
    },
    clear() {
      silent = true;
      [arrivals, leftOut, popularity] = [[], 0, undefined];
      histories.clear();
    },
  });

  return {
    salt,
    histories,
    get version() {
      return version;
    },
    get watermark() {
      return watermark;
    },
    async advance() {
      if (version < 0) ({ version, watermark } = await catchUpOrNewest(follower, silentUntil));
      silent = version < 0;
      const caughtUp = await follower.catchUp();
      ({ version, watermark } = caughtUp);
      const news = { arrivals, leftOut, popularity: popularity ?? histories.popularity(), marks: caughtUp.marks };
      [arrivals, leftOut, popularity] = [[], 0, undefined];
      return news;
    },
  };
}
