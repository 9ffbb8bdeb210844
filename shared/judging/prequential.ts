// Prequential evaluation: each arriving event of a known user is scored by the model that was published before it, and
// only then learned from. Means over the newest arrivals make a curve, and a candidate meets the published model on
// those that neither has learned from. Source: Dawid 1984; Gama, Sebastião and Rodrigues 2013.
import type { Histories } from "../events/histories.ts";
import { popularityScores } from "../ranking/evaluate.ts";
import type { Mix } from "../ranking/mix.ts";
import { FEWEST_USERS } from "../ranking/paired.ts";
import type { Gain } from "../ranking/places.ts";
import { bestWindow, type Moment, type ReferenceGains, windowInWords } from "../ranking/references.ts";
import type { Trends } from "../ranking/trends.ts";
import { mixFor } from "./choosing.ts";
import { gainsOf, servedGains, type Trained, usersOf } from "./gains.ts";
import type { Beside } from "./gate.ts";
import { popularityIn } from "./held-out.ts";
import type { Ranked } from "./meeting.ts";
import type { PrequentialPoint } from "./point.ts";
import { byUser, type Scored, SlidingWindow } from "./window.ts";

/** What the table has gained. */
export interface News {
  readonly arrivals: readonly Ranked[];
  readonly leftOut: number;
  /** Training users of each column of the histories before the first of the arrivals, [I]. */
  readonly popularity: Float64Array;
}

/** The table as far as it was taken in. */
export interface Followed {
  readonly histories: Histories;
  readonly version: number;
  /** Newest arrival up to there, ms since 1970; 0 when unknown. */
  readonly watermark: number;
  readonly salt: string;
  /** What is hot, and what follows what, but for what came with the newest version. */
  readonly trends: Trends;
  /** Events until now, as the references count them. */
  readonly place: number;
  /** What the newest arrivals before it began to follow were worth to the references. */
  readonly before: readonly ReferenceGains[];
  /** The references as they stood at a version, or at the oldest one that they remember. */
  asOf(version: number): Moment;
}

export interface Counts {
  readonly scored: number;
  readonly leftOut: number;
  /** The model was published before anybody had scored them. */
  readonly missed: number;
}

interface Taken {
  readonly counts: Counts;
  readonly line: PrequentialPoint | undefined;
  readonly scored: readonly Scored[];
}

export interface Prequential {
  /**
   * Scores what has arrived with the published model: each arrival, in their order, and the line that was written, if
   * it was time for one. Without a model it is kept for the first candidate.
   */
  take(news: News, model: Trained | null, followed: Followed, signal: AbortSignal): Promise<Taken>;
  /**
   * The candidate beside what was popular when its table version was pinned, and beside the published model, on the
   * arrivals that neither model has learned from; of nobody where they are of too few users.
   */
  beside(candidate: Trained, published: Trained | null, followed: Followed, signal: AbortSignal): Promise<Beside>;
  /**
   * The weights with which what is hot is to be laid over the candidate's scores, from the arrivals that it has not
   * learned from; see choosing.ts.
   */
  mixOf(
    candidate: Trained,
    published: Trained | null,
    followed: Followed,
    signal: AbortSignal,
  ): Promise<Mix | undefined>;
}

/** An arrival with what it was worth to the references: just before it, and when its model was pinned. */
interface Compared extends Ranked {
  readonly early: ReferenceGains;
}

interface Settings {
  /** Arrivals that a mean is taken over. */
  readonly window: number;
  /** From one line to the next, ms. */
  readonly everyMs: number;
}

/** `lines`: where the curve is kept. */
export function openPrequential(
  lines: { append(line: PrequentialPoint): Promise<void> },
  { window: size, everyMs }: Settings,
  now: () => number,
): Prequential {
  const window = new SlidingWindow(size);
  let recent: readonly Compared[] = [];
  let toldAt = Number.NEGATIVE_INFINITY;
  return {
    async take({ arrivals, leftOut, popularity }, model, followed, signal) {
      const { histories, version: tableVersion, watermark: at } = followed;
      if (!model) {
        recent = [...recent, ...arrivals.map((arrival) => ({ ...arrival, early: arrival.now }))].slice(-size);
        return { counts: { scored: 0, leftOut, missed: arrivals.length }, line: undefined, scored: [] };
      }
      const unseen = arrivals.filter(({ version }) => version > model.tableVersion);
      const counts = { scored: unseen.length, leftOut, missed: arrivals.length - unseen.length };
      if (unseen.length === 0) return { counts, line: undefined, scored: [] };
      const moment = followed.asOf(model.tableVersion);
      const compared = unseen.map(
        (arrival): Compared => ({ ...arrival, early: gainsThen(arrival, moment, histories) }),
      );
      const over = {
        now: bestWindow(recent.map(({ now }) => now)),
        early: bestWindow(recent.map(({ early }) => early)),
      };
      const scored = await scoredBy(compared, model, histories, popularity, over, signal);
      window.add(scored);
      recent = [...recent, ...compared].slice(-size);
      const means = window.means();
      if (!means || now() - toldAt < everyMs) return { counts, line: undefined, scored };
      const line: PrequentialPoint = {
        ...{ at, tableVersion, model: model.version, ...means },
        over: { popularNow: windowInWords(over.now), popularThen: windowInWords(over.early) },
        behind: followed.place - moment.place,
      };
      await lines.append(line);
      toldAt = now();
      return { counts, line, scored };
    },
    mixOf(candidate, published, followed, signal) {
      const unseen = ofEnough(recent.filter(({ version }) => version > candidate.tableVersion));
      return mixFor(candidate, published, { ...followed, unseen, recent }, signal);
    },
    async beside(candidate, published, followed, signal) {
      const { tableVersion } = candidate;
      const unseen = ofEnough(
        recent.filter(({ version }) => version > Math.max(tableVersion, published?.tableVersion ?? 0)),
      );
      const { histories } = followed;
      const moment = followed.asOf(tableVersion);
      // Chosen on what the candidate may have learned from, never on what it is judged on.
      const window = best(
        recent.filter(({ version }) => version <= tableVersion),
        followed,
      );
      const own = await servedGains(unseen, candidate, histories, signal);
      const popular = unseen.map((arrival) => gainsThen(arrival, moment, histories).popular[window]!);
      // A candidate's scores alone are compared with the published model's alone: what is hot would hide them.
      const rival = published && { ...published, mix: candidate.mix && published.mix };
      const incumbent = rival && (await servedGains(unseen, rival, histories, signal));
      const less = (other: readonly Gain[]) =>
        byUser(
          unseen,
          ({ user }) => user,
          (_, k) => own[k]!.ndcg - other[k]!.ndcg,
        );
      return {
        over: windowInWords(window),
        overPopular: less(popular),
        overIncumbent: incumbent ? less(incumbent) : new Float64Array(0),
      };
    },
  };
}

/** The window that did best on arrivals that came before. */
const best = (recent: readonly Compared[], { before }: Followed) =>
  bestWindow(recent.length > 0 ? recent.map(({ early }) => early) : before);

const ofEnough = (arrivals: readonly Compared[]): readonly Compared[] =>
  new Set(arrivals.map(({ user }) => user)).size < FEWEST_USERS ? [] : arrivals;

/** Worth nothing where the histories had no room for the item. */
function gainsThen({ item, foldIn, now }: Ranked, moment: Moment, { vocabulary }: Histories): ReferenceGains {
  const column = vocabulary.column(item);
  return column === undefined ? now : moment.gainsOf(column, foldIn);
}

/** `over`: the windows of what is popular now, and of what was then. */
async function scoredBy(
  arrivals: readonly Compared[],
  model: Trained,
  histories: Histories,
  popularity_I: Float64Array,
  over: { readonly now: number; readonly early: number },
  signal: AbortSignal,
): Promise<Scored[]> {
  const own = await servedGains(arrivals, model, histories, signal);
  const users = usersOf(arrivals, model, histories);
  const popularity = popularityScores(popularityIn(histories, model.vocabulary, popularity_I));
  const reference = await gainsOf(users, { ...model, scoreBatch: popularity }, signal);
  return arrivals.map(({ user, now, early }, k) => ({
    user,
    model: own[k]!,
    popularity: reference[k]!,
    popularNow: now.popular[over.now]!,
    popularThen: early.popular[over.early]!,
    coVisits: now.coVisits,
    coVisitsThen: early.coVisits,
    isKnown: users[k]!.target.length > 0,
  }));
}
