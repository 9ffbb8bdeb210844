// The table of events as the evaluator follows it: histories to judge with, and on the way there the arrivals that the
// published model is scored on. Between the table and shared/judging/intake.ts.
import { caughtUp } from "../../shared/judging/caught-up.ts";
import { openIntake } from "../../shared/judging/intake.ts";
import type { Followed, News } from "../../shared/judging/prequential.ts";
import { REMEMBERED, References } from "../../shared/ranking/references.ts";
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
  const intake = openIntake(salt, limit, { references: new References([], 0), gains: [], trends: new Trends() });
  const { histories } = intake;
  let version = -1;
  let watermark = 0;
  /** Rows that are told anew are no news, and in no order. */
  let silent = true;
  let isAnew = true;
  const follower = followTable(tableDir, {
    append(batch, ofVersion) {
      if (silent) histories.append(batch, ofVersion);
      else intake.take(batch, ofVersion);
    },
    clear() {
      [silent, isAnew] = [true, true];
      intake.silence();
      histories.clear();
    },
  });

  async function countAnew(): Promise<void> {
    intake.recount(caughtUp(await newestEvents(tableDir, version, REMEMBERED), histories), version);
    isAnew = false;
  }

  return {
    salt,
    histories,
    get version() {
      return version;
    },
    get trends() {
      return intake.trends;
    },
    get watermark() {
      return watermark;
    },
    get before() {
      return intake.before;
    },
    get place() {
      return intake.place;
    },
    asOf: intake.asOf,
    async advance() {
      if (version < 0) {
        ({ version, watermark } = await catchUpOrNewest(follower, silentUntil));
        if (version >= 0) await countAnew();
      }
      silent = version < 0;
      const taken = await follower.catchUp();
      ({ version, watermark } = taken);
      if (isAnew && version >= 0) await countAnew();
      return { ...intake.news(), marks: taken.marks };
    },
  };
}
