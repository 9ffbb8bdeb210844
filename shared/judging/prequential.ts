// Prequential evaluation: each arriving event of a known user is scored by the model that was published before it, and
// only then learned from. Means over the newest arrivals make a curve, and a candidate meets the published model on
// those that neither has learned from. Source: Dawid 1984; Gama, Sebastião and Rodrigues 2013.
import type { Histories } from "../events/histories.ts";
import { popularityScores } from "../ranking/evaluate.ts";
import { FEWEST_USERS } from "../ranking/paired.ts";
import type { Gain } from "../ranking/places.ts";
import { bestWindow, type Moment, type ReferenceGains, windowInWords } from "../ranking/references.ts";
import type { Trends } from "../ranking/trends.ts";
import type { Asked } from "./asked.ts";
import { type Choice, drifts, mixFor } from "./choosing.ts";
import { alone, aloneGains, askedOf, gainsOf, mixedGains, type Trained } from "./gains.ts";
import type { Beside } from "./gate.ts";
import { popularityIn } from "./held-out.ts";
import type { Ranked } from "./meeting.ts";
import type { PrequentialLine } from "./point.ts";
import { blockOf, byUser, type Scored, SlidingWindow } from "./window.ts";

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
  readonly line: PrequentialLine | undefined;
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
  mixOf(candidate: Trained, published: Trained | null, followed: Followed, signal: AbortSignal): Promise<Choice>;
}

/** What an arrival was worth to the references: just before it, and when its model was pinned. */
interface Past extends Pick<Ranked, "user" | "version" | "now"> {
  readonly early: ReferenceGains;
}

/** One that can be ranked again. */
interface Compared extends Ranked, Past {
  /** To the model that was published then, as it served. */
  readonly served?: { readonly by: string; readonly gain: Gain };
}

/**
 * Newest arrivals that a candidate is compared on. Most users have one or two among them, so the mean of the
 * differences to what was popular has a standard error of .004 to .011, and to the published model with the same laid
 * over both less than .005: what the gate's tolerance of .01 asks for. More of them, to be scored by each candidate,
 * cost it seconds in which it grows old.
 */
const MOST_COMPARED = 500;
/**
 * Arrivals for which a choice of what is laid over stands, before it is made anew: weights move over minutes, and to
 * choose them is half of what judging a candidate costs. Those that stand have to prove themselves for each candidate.
 */
const CHOICE_STANDS = 1_000;
/** Of a block: where lines are hours apart, it is of the newest. */
const MOST_UNTOLD = 100_000;

interface Settings {
  /** Arrivals that a mean is taken over. */
  readonly window: number;
  /** From one line to the next, ms. */
  readonly everyMs: number;
}

/** `lines`: where the curve is kept. */
export function openPrequential(
  lines: { append(line: PrequentialLine): Promise<void> },
  { window: size, everyMs }: Settings,
  now: () => number,
): Prequential {
  const window = new SlidingWindow(size);
  let recent: readonly Past[] = [];
  /** The newest of them: with what followed its user's items each takes some kilobytes, and is in the collector's way. */
  let newest: readonly Compared[] = [];
  let toldAt = Number.NEGATIVE_INFINITY;
  let untold: readonly Scored[] = [];
  let taken = 0;
  let chosen: { readonly choice: Choice; readonly at: number } | undefined;
  let sitting: { readonly of: Trained["scoreBatch"]; readonly asked: Asked<Compared> } | undefined;

  /** The arrivals since two models were pinned, as the candidate is asked of them: its scores are made once. */
  function sit(candidate: Trained, published: Trained | null, { histories }: Followed): Asked<Compared> {
    const since = Math.max(candidate.tableVersion, published?.tableVersion ?? 0);
    const unseen = ofEnough(newest.filter(({ version }) => version > since));
    const before = sitting?.asked.arrivals;
    const isSame = before?.length === unseen.length && before.every((arrival, k) => arrival === unseen[k]);
    if (sitting?.of !== candidate.scoreBatch || !isSame)
      sitting = { of: candidate.scoreBatch, asked: askedOf(unseen, candidate, histories) };
    return sitting.asked;
  }
  function remember(compared: readonly Compared[]): void {
    newest = [...newest, ...compared].slice(-MOST_COMPARED);
    const past = compared.map(({ user, version, now, early }): Past => ({ user, version, now, early }));
    recent = [...recent, ...past].slice(-size);
  }

  return {
    async take({ arrivals, leftOut, popularity }, model, followed, signal) {
      const { histories, version: tableVersion, watermark: at } = followed;
      taken += arrivals.length;
      if (!model) {
        remember(arrivals.map((arrival) => ({ ...arrival, early: arrival.now })));
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
      untold = [...untold, ...scored].slice(-MOST_UNTOLD);
      remember(compared.map((each, k) => ({ ...each, served: { by: model.version, gain: scored[k]!.model } })));
      const means = now() - toldAt < everyMs ? null : window.means();
      if (!means) return { counts, line: undefined, scored };
      const block = blockOf(untold);
      untold = [];
      const line: PrequentialLine = {
        ...{ at, tableVersion, model: model.version, ...means },
        over: { popularNow: windowInWords(over.now), popularThen: windowInWords(over.early) },
        behind: followed.place - moment.place,
        tableEvents: histories.events,
        ...(block && { block }),
      };
      await lines.append(line);
      toldAt = now();
      return { counts, line, scored };
    },
    async mixOf(candidate, published, followed, signal) {
      const standing = chosen && taken - chosen.at < CHOICE_STANDS ? chosen.choice : undefined;
      if (standing && !standing.mix) return standing;
      const evidence = { ...followed, unseen: sit(candidate, published, followed), recent };
      const choice = await mixFor(candidate, published, evidence, signal, standing?.mix);
      if (!choice.isStanding) chosen = choice.isOpen ? undefined : { choice, at: taken };
      return choice;
    },
    async beside(candidate, published, followed, signal) {
      const { tableVersion } = candidate;
      const asked = sit(candidate, published, followed);
      const { arrivals: unseen } = asked;
      sitting = undefined; // it holds the candidate's scores
      const { histories } = followed;
      const moment = followed.asOf(tableVersion);
      // Chosen on what the candidate may have learned from, never on what it is judged on.
      const window = best(
        recent.filter(({ version }) => version <= tableVersion),
        followed,
      );
      const own = await mixedGains(asked, candidate.mix, signal);
      const popular = unseen.map((arrival) => gainsThen(arrival, moment, histories).popular[window]!);
      // A candidate's scores alone are compared with the published model's alone: what is hot would hide them.
      const rival = published && { ...published, mix: candidate.mix && published.mix };
      const incumbent = rival && (await gainsBefore(unseen, rival, published.mix === rival.mix, histories, signal));
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
        drifts: drifts(recent),
      };
    },
  };
}

/** The window that did best on arrivals that came before. */
const best = (recent: readonly Past[], { before }: Followed) =>
  bestWindow(recent.length > 0 ? recent.map(({ early }) => early) : before);

const ofEnough = (arrivals: readonly Compared[]): readonly Compared[] =>
  new Set(arrivals.map(({ user }) => user)).size < FEWEST_USERS ? [] : arrivals;

/** Those of the model that was published when they came are known, where it `servesSo`. */
async function gainsBefore(
  arrivals: readonly Compared[],
  model: Trained,
  servesSo: boolean,
  histories: Histories,
  signal: AbortSignal,
): Promise<Gain[]> {
  const isKnown = ({ served }: Compared) => servesSo && served?.by === model.version;
  const others = arrivals.filter((arrival) => !isKnown(arrival));
  const found = await mixedGains(askedOf(others, model, histories), model.mix, signal);
  const gainOf = new Map(others.map((arrival, k) => [arrival, found[k]!]));
  return arrivals.map((arrival) => gainOf.get(arrival) ?? arrival.served!.gain);
}

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
  const asked = askedOf(arrivals, model, histories);
  const own = await mixedGains(asked, model.mix, signal);
  const byItself = model.mix ? await aloneGains(asked, signal) : own;
  const users = alone(asked);
  const popularity = popularityScores(popularityIn(histories, model.vocabulary, popularity_I));
  const reference = await gainsOf(users, asked.columns.known, popularity, signal);
  return arrivals.map(({ user, now, early }, k) => ({
    user,
    model: own[k]!,
    alone: byItself[k]!,
    popularity: reference[k]!,
    popularNow: now.popular[over.now]!,
    popularThen: early.popular[over.early]!,
    coVisits: now.coVisits,
    coVisitsThen: early.coVisits,
    isKnown: users[k]!.target.length > 0,
  }));
}
