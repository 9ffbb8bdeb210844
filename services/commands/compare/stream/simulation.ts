// The flow in one process: events in their order, versions of the table, models that are published later than they were
// pinned, every arrival ranked by all contestants before anybody learns it. What decides, scores and chooses is the
// evaluator's own: intake.ts, prequential.ts, verdict.ts of shared/judging.
import type { EventColumns } from "../../../../shared/corpus/liang.ts";
import { hash32 } from "../../../../shared/events/hash.ts";
import type { Histories } from "../../../../shared/events/histories.ts";
import { textOf } from "../../../../shared/events/text.ts";
import { asked } from "../../../../shared/judging/asked.ts";
import { mixFor } from "../../../../shared/judging/choosing.ts";
import { servedGains, type Trained } from "../../../../shared/judging/gains.ts";
import { openIntake } from "../../../../shared/judging/intake.ts";
import type { Ranked } from "../../../../shared/judging/meeting.ts";
import { openPrequential } from "../../../../shared/judging/prequential.ts";
import { verdictOn } from "../../../../shared/judging/verdict.ts";
import type { Scored } from "../../../../shared/judging/window.ts";
import { followingIn, hotIn, type Mix } from "../../../../shared/ranking/mix.ts";
import type { Met } from "../../../../shared/ranking/newest.ts";
import { FEWEST_USERS } from "../../../../shared/ranking/paired.ts";
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
  parts,
} from "./contestants.ts";
import { type Candidate, type Learner, trainUsersOf } from "./learners.ts";

export interface Pace {
  /** Events of a table version: what is hot is known a version late. */
  readonly perVersion: number;
  /** Versions from one round of training to the next, and from a round's to its publication. */
  readonly everyVersions: number;
  readonly lateVersions: number;
  /** Arrivals of a version that are ranked, about. */
  readonly ranked: number;
  /** Event from which on the frozen model stands still. */
  readonly frozenFrom: number;
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

/** What is judged, beside what was published before. */
export interface Judgement {
  readonly learner: LearnerName;
  readonly event: number;
  /** Null: it was published. */
  readonly reason: string | null;
  readonly mix: Mix | undefined;
}

export interface Seeing {
  /** Arrivals of a version, all of the same events. */
  ranked(lines: readonly Line[]): void;
  judged(judgement: Judgement): void;
  /** The frozen model when it stops, and what there is by then. */
  frozen(model: Candidate, histories: Histories): void;
  /** After each version, with the events until then. */
  reached(event: number): void;
}

/** What becomes of it where it is asked for learners: they read the histories that the simulation fills. */
export type OpenLearners = (histories: Histories) => ReadonlyMap<LearnerName, Learner>;

export const SALT = "tributary";
/** Arrivals that a mix is chosen on, as in the evaluator. */
const RECENT = 5_000;
/** Held-out users that a candidate is judged on. */
const HELD_OUT = 500;
/** As the evaluator has it. */
const TOLERANCE = 0.01;
/** Before there is so much, the parameter server waits. */
const FEWEST_TRAINED = 50;
const FEWEST_EVENTS = 1_000;

interface Published {
  readonly model: Candidate;
  readonly mix: Mix | undefined;
  /** Chosen as if the part was not there. */
  readonly mixWithout: Readonly<Partial<Record<Part, Mix | undefined>>>;
}

export interface Played {
  /** The newest published model of each learner, and the frozen one; whoever asked disposes of them. */
  readonly models: ReadonlyMap<LearnerName | "frozen", Candidate>;
  readonly histories: Histories;
}

/** Throws the signal's reason when aborted. */
export async function simulate(
  events: EventColumns,
  wanted: readonly ContestantName[],
  pace: Pace,
  open: OpenLearners,
  see: Seeing,
  signal: AbortSignal,
): Promise<Played> {
  const intake = openIntake(SALT, pace.ranked);
  const { histories } = intake;
  const learners = open(histories);
  const prequential = openPrequential({ append: async () => {} }, { window: RECENT, everyMs: Infinity }, () => 0);
  /** As they stood when the version began. */
  const behind = new References();
  const metCounts: number[] = [];
  const published = new Map<LearnerName | "frozen", Published>();
  const pending: { learner: LearnerName; candidate: Candidate; from: number }[] = [];
  const withouts = parts.filter((part) => wanted.some((name) => contestant(name).without === part));
  let recent: readonly Ranked[] = [];
  let recentLate: readonly ReferenceGains[] = [];
  let [version, rounds, isEnough] = [-1, 0, false];

  const followed = () => ({
    ...{ histories, version, watermark: 0, salt: SALT, trends: intake.trends, place: intake.place },
    ...{ before: intake.before, asOf: intake.asOf },
  });

  async function publish(learner: LearnerName, candidate: Candidate, event: number): Promise<void> {
    const before = published.get(learner);
    const rival: Trained | null = before ? { ...before.model, mix: before.mix } : null;
    if (learner === "ease") return replace(learner, { model: candidate, mix: undefined, mixWithout: {} });
    const onArrivals = {
      mixOf: (model: Trained, over: Trained | null) => prequential.mixOf(model, over, followed(), signal),
      beside: (model: Trained, over: Trained | null) => prequential.beside(model, over, followed(), signal),
    };
    const rules = { salt: SALT, maxUsers: HELD_OUT, tolerance: TOLERANCE, allowBelowPopularNow: false };
    const { mix, reason } = await verdictOn(candidate, rival, onArrivals, histories, rules, signal);
    see.judged({ learner, event, reason, mix });
    if (reason !== null) return candidate.dispose();
    const mixWithout: Partial<Record<Part, Mix | undefined>> = {};
    if (learner === "continuous")
      for (const part of withouts) mixWithout[part] = await mixLess(part, candidate, before?.mixWithout[part]);
    replace(learner, { model: candidate, mix, mixWithout });
  }

  function replace(learner: LearnerName, next: Published): void {
    const before = published.get(learner);
    if (before && before.model !== published.get("frozen")?.model) before.model.dispose();
    published.set(learner, next);
  }

  /** The mix that would have been chosen without a part: the others may make up for it. */
  async function mixLess(part: Part, candidate: Candidate, before: Mix | undefined): Promise<Mix | undefined> {
    const model = part === "model" ? mute(candidate) : candidate;
    const unseen = recent.filter((arrival) => arrival.version > candidate.tableVersion);
    const enough = new Set(unseen.map(({ user }) => user)).size >= FEWEST_USERS ? unseen : [];
    const arrivals = enough.map((arrival) => arrivalWithout(arrival, part));
    const evidence = { ...followed(), recent, unseen: asked(arrivals, model, histories) };
    return (await mixFor(model, { ...model, mix: before }, evidence, signal)).mix;
  }

  async function modelGains(
    arrivals: readonly Ranked[],
    { by, isServed, without }: Contestant,
  ): Promise<Gain[] | undefined> {
    const found = by && (published.get(by) ?? (by === "frozen" ? published.get("continuous") : undefined));
    if (!found) return undefined;
    const { model, mix, mixWithout } = found;
    const laid = without ? mixWithout[without] : isServed ? mix : undefined;
    const own = { ...(without === "model" ? mute(model) : model), mix: laid };
    const seen = without ? arrivals.map((arrival) => arrivalWithout(arrival, without)) : arrivals;
    return await servedGains(seen, own, histories, signal);
  }

  /** Of users who come for the first time, who are no arrivals: nobody can say what they like, only what is hot. */
  function firsts(met: readonly Met[]): Ranked[] {
    const hot = hotIn(intake.trends);
    return met
      .filter(({ user, seen }) => seen?.length === 0 && hash32(histories.users[user]!, FIRST_SEED) % FIRSTS === 0)
      .slice(0, Math.ceil(pace.ranked / FIRSTS))
      .map(({ user, item }) => ({
        ...{ user, item: histories.vocabulary.items[item]!, foldIn: new Int32Array(0), version, hot },
        ...{ following: followingIn(intake.trends, []), now: behind.gainsOf(item, new Int32Array(0)) },
      }));
  }

  async function rank(scored: readonly Scored[], arrivals: readonly Ranked[], met: readonly Met[], event: number) {
    const all = [...arrivals, ...firsts(met)];
    const late = all.map(({ item, foldIn }) => behind.gainsOf(histories.vocabulary.column(item)!, foldIn));
    const window = bestWindow(recentLate);
    const servedFirsts = async () => (await modelGains(all.slice(arrivals.length), contestant("served"))) ?? [];
    const columns = new Map<ContestantName, readonly (Gain | undefined)[]>();
    for (const name of wanted) columns.set(name, await of(name));
    see.ranked(
      all.map(({ user, item, foldIn }, k) => ({
        ...{ event, user, met: metCounts[histories.vocabulary.column(item)!] ?? 0, had: foldIn.length },
        gains: wanted.map((name) => columns.get(name)?.[k]),
      })),
    );
    recentLate = [...recentLate, ...late.slice(0, arrivals.length)].slice(-RECENT);

    /** What the evaluator has scored is taken as it is. */
    async function of(name: ContestantName): Promise<readonly (Gain | undefined)[]> {
      switch (name) {
        case "served":
          return [...scored.map(({ model }) => model), ...(await servedFirsts())];
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
          return (await modelGains(all, contestant(name))) ?? [];
      }
    }
  }

  for (let from = 0; from < events.userOf.length; from += pace.perVersion) {
    signal.throwIfAborted();
    for (; pending[0] && pending[0].from <= version + 1; pending.shift())
      await publish(pending[0].learner, pending[0].candidate, from);
    if (!published.has("frozen") && from >= pace.frozenFrom && published.has("continuous")) {
      published.set("frozen", published.get("continuous")!);
      see.frozen(published.get("frozen")!.model, histories);
    }
    version++;
    const batch = batchAt(events, from, Math.min(events.userOf.length, from + pace.perVersion));
    const met = intake.take(batch, version);
    const news = intake.news();
    const current = published.get("continuous");
    const served = current ? { ...current.model, mix: current.mix } : null;
    const { scored } = await prequential.take(news, served, followed(), signal);
    if (served) await rank(scored, news.arrivals, met, from);
    recent = [...recent, ...news.arrivals].slice(-RECENT);
    for (const each of met) {
      behind.add(each);
      if (each.seen) metCounts[each.item] = (metCounts[each.item] ?? 0) + 1;
    }
    for (const learner of learners.values()) learner.hear?.(met);
    isEnough ||= histories.events >= FEWEST_EVENTS && trainUsersOf(histories).length >= FEWEST_TRAINED;
    if (isEnough && version >= rounds * pace.everyVersions) {
      rounds = Math.floor(version / pace.everyVersions) + 1;
      for (const [learner, { round }] of learners) {
        const candidate = await round(version, signal);
        if (candidate) pending.push({ learner, candidate, from: version + 1 + pace.lateVersions });
      }
    }
    see.reached(Math.min(events.userOf.length, from + pace.perVersion));
  }
  for (const { candidate } of pending) candidate.dispose();
  for (const learner of learners.values()) learner.dispose();
  return { models: new Map([...published].map(([name, { model }]) => [name, model])), histories };
}

/** One in so many users who come for the first time is ranked. */
const FIRSTS = 4;
const FIRST_SEED = 5; // arrivals.ts takes 4

function batchAt({ users, items, userOf, itemOf }: EventColumns, from: number, to: number) {
  const names = (of: Int32Array, list: readonly string[]) => textOf(Array.from(of.subarray(from, to), (k) => list[k]!));
  return { length: to - from, user: names(userOf, users), item: names(itemOf, items) };
}
