// The flow in one process: events in their order, versions of the table, models that are published later than they were
// pinned, every arrival ranked by all contestants before anybody learns it. What decides, scores and chooses is the
// evaluator's own: intake.ts, prequential.ts, verdict.ts of shared/judging.
import type { EventColumns } from "../../../../shared/corpus/liang.ts";
import type { Histories } from "../../../../shared/events/histories.ts";
import { textOf } from "../../../../shared/events/text.ts";
import { asked } from "../../../../shared/judging/asked.ts";
import { mixFor } from "../../../../shared/judging/choosing.ts";
import type { Trained } from "../../../../shared/judging/gains.ts";
import { openIntake } from "../../../../shared/judging/intake.ts";
import type { Ranked } from "../../../../shared/judging/meeting.ts";
import { openPrequential } from "../../../../shared/judging/prequential.ts";
import { verdictOn } from "../../../../shared/judging/verdict.ts";
import type { Mix } from "../../../../shared/ranking/mix.ts";
import { FEWEST_USERS } from "../../../../shared/ranking/paired.ts";
import {
  arrivalWithout,
  type ContestantName,
  contestant,
  type LearnerName,
  mute,
  type Part,
  parts,
} from "./contestants.ts";
import { type Candidate, type Learner, trainUsersOf } from "./learners.ts";
import { type Line, openRanking, type Published } from "./ranking.ts";

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

/** They read the histories that the simulation fills. */
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

/** The newest published model of each learner, and the frozen one; whoever asked disposes of them. */
export type Models = ReadonlyMap<LearnerName | "frozen", Candidate>;

/** Throws the signal's reason when aborted. */
export async function simulate(
  events: EventColumns,
  wanted: readonly ContestantName[],
  pace: Pace,
  open: OpenLearners,
  see: Seeing,
  signal: AbortSignal,
): Promise<Models> {
  const intake = openIntake(SALT, pace.ranked);
  const { histories } = intake;
  const learners = open(histories);
  const prequential = openPrequential({ append: async () => {} }, { window: RECENT, everyMs: Infinity }, () => 0);
  const published = new Map<LearnerName | "frozen", Published>();
  const pending: { learner: LearnerName; candidate: Candidate; from: number }[] = [];
  const withouts = parts.filter((part) => wanted.some((name) => contestant(name).without === part));
  let recent: readonly Ranked[] = [];
  let [version, rounds, isEnough] = [-1, 0, false];
  const ranking = openRanking(wanted, { histories, trends: () => intake.trends }, published, pace.ranked, signal);

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
    if (served) see.ranked(await ranking.rank({ event: from, version, met, arrivals: news.arrivals, scored }));
    recent = [...recent, ...news.arrivals].slice(-RECENT);
    ranking.count(met);
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
  return new Map([...published].map(([name, { model }]) => [name, model]));
}

function batchAt({ users, items, userOf, itemOf }: EventColumns, from: number, to: number) {
  const names = (of: Int32Array, list: readonly string[]) => textOf(Array.from(of.subarray(from, to), (k) => list[k]!));
  return { length: to - from, user: names(userOf, users), item: names(itemOf, items) };
}
