// Measures one checkpoint beside the published model and plain popularity, on the same users; gate.ts then decides.
// Pauses between batches, so that the service answers.
import type { Histories } from "../events/histories.ts";
import type { Vocabulary } from "../events/vocabulary.ts";
import {
  type Evaluation,
  evaluation,
  evaluationOf,
  type NamedUser,
  popularityScores,
  type ScoreBatch,
} from "../ranking/evaluate.ts";
import { finish } from "../runtime/finish.ts";
import { type Comparison, lossOf, refusal } from "./gate.ts";
import { heldOut, popularityIn, translated, translation } from "./held-out.ts";
import { type ModelMetrics, metricsOf } from "./metrics.ts";
import type { Scored } from "./per-user.ts";

/** A model that can score; `scoreBatch` takes and gives its own vocabulary's columns. */
export interface Judged {
  readonly vocabulary: Vocabulary;
  readonly scoreBatch: ScoreBatch;
}

/** What a model was worth to held-out users when it was judged itself. */
export interface Past {
  readonly users: readonly NamedUser[];
  readonly perUser: Evaluation["perUser"];
}

/** The published model. */
export interface Incumbent extends Judged {
  readonly version: string;
  readonly past?: Past | undefined;
}

export interface Measured {
  readonly users: number;
  readonly model: ModelMetrics | null;
  readonly popularity: ModelMetrics | null;
  readonly incumbent: (ModelMetrics & { version: string }) | null;
  /** Null: may be published. */
  readonly refusal: string | null;
  /** What it lost on the hold-out, where that did not refuse it. */
  readonly lost: string | null;
  /** The candidate's figures of each user; undefined where nobody was scored, or not all scores are finite. */
  readonly perUser: Scored | undefined;
  /** The same, for when it is the incumbent. */
  readonly past: Past | undefined;
}

export interface Limits {
  readonly salt: string;
  readonly maxUsers: number;
  /** Difference of NDCG@100 by which a model may be worse than the published one. */
  readonly tolerance: number;
  /** See gate.ts. */
  readonly isAbovePopularNow?: boolean;
  /** What it loses on the hold-out is said, and no more; see gate.ts. */
  readonly isOfThePast?: boolean;
}

/**
 * `further` are comparisons with the incumbent beside that on the hold-out. Throws the signal's reason when aborted
 * half-way.
 */
export async function judge(
  candidate: Judged,
  incumbent: Incumbent | null,
  histories: Histories,
  limits: Limits,
  signal: AbortSignal,
  further: readonly Comparison[] = [],
): Promise<Measured> {
  const items = candidate.vocabulary.items.length;
  const users = heldOut(histories, "validation", limits.salt, candidate.vocabulary, limits.maxUsers);
  const measure = async (scoreBatch: ScoreBatch) =>
    users.length > 0 ? await finish(evaluation(scoreBatch, users, items), signal) : null;

  let finite = true;
  const watched: ScoreBatch = (foldIns) => {
    const scores_BI = candidate.scoreBatch(foldIns);
    finite &&= allFinite(scores_BI);
    return scores_BI;
  };
  const model = await measure(watched);
  const popularity = await measure(popularityScores(popularityIn(histories, candidate.vocabulary)));
  const before = incumbent && users.length > 0 ? await again(incumbent, users, candidate.vocabulary, signal) : null;
  const onHoldOut = model && before ? [holdOut(model, before)] : [];
  const { isOfThePast = false, tolerance } = limits;
  const comparisons = isOfThePast ? further : [...onHoldOut, ...further];
  const losses = isOfThePast ? onHoldOut.map((each) => lossOf(each, incumbent!.version, tolerance)) : [];
  const measured = {
    finite,
    vocabulary: candidate.vocabulary.items,
    users: users.length,
    ndcg: model?.["ndcg@100"].mean ?? Number.NaN,
  };
  const against = incumbent && { version: incumbent.version, vocabulary: incumbent.vocabulary.items };
  const evidence = {
    candidate: measured,
    popularity: popularity?.["ndcg@100"].mean ?? Number.NaN,
    isAbovePopularNow: limits.isAbovePopularNow ?? false,
    incumbent: against,
    comparisons,
  };
  return {
    users: users.length,
    model: finite && model ? metricsOf(model) : null,
    popularity: popularity && metricsOf(popularity),
    incumbent: incumbent && before && { version: incumbent.version, ...metricsOf(before) },
    refusal: refusal(evidence, tolerance),
    lost: losses[0] ?? null,
    past: model && finite ? { users, perUser: model.perUser } : undefined,
    perUser:
      model && finite
        ? { part: "validation", scorer: "model", users: users.map(({ user }) => user), metrics: model.perUser }
        : undefined,
  };
}

/**
 * The incumbent on the users of today. One of whom nothing has come since it was judged itself is worth to it what it
 * was then: columns stay what they are, and what it has never met comes last.
 */
async function again(
  incumbent: Incumbent,
  users: readonly NamedUser[],
  vocabulary: Vocabulary,
  signal: AbortSignal,
): Promise<Evaluation> {
  const { users: before, perUser: past } = incumbent.past ?? { users: [], perUser: undefined };
  const places = new Map(before.map(({ user }, k) => [user, k]));
  const isSame = (row: Int32Array, other: Int32Array) =>
    row.length === other.length && row.every((column, k) => column === other[k]);
  const placeOf = ({ user, foldIn, target }: NamedUser) => {
    const place = places.get(user);
    const then = place === undefined ? undefined : before[place]!;
    return then && isSame(then.foldIn, foldIn) && isSame(then.target, target) ? place : undefined;
  };
  const found = users.map(placeOf);
  const others = users.filter((_, k) => found[k] === undefined);
  const items = vocabulary.items.length;
  const { perUser } = await finish(evaluation(inColumnsOf(vocabulary, incumbent), others, items), signal);
  let next = 0;
  const at = found.map((place) => place ?? next++);
  const merged = Object.fromEntries(
    (Object.keys(perUser) as (keyof typeof perUser)[]).map((name) => [
      name,
      Float64Array.from(at, (place, k) => (found[k] === undefined ? perUser : past!)[name][place]!),
    ]),
  ) as Evaluation["perUser"];
  return evaluationOf(users, merged);
}

/** The same users under both, in the same order. */
function holdOut(candidate: Evaluation, incumbent: Evaluation): Comparison {
  const before = incumbent.perUser["ndcg@100"];
  return { name: "hold-out", differences: candidate.perUser["ndcg@100"].map((ndcg, user) => ndcg - before[user]!) };
}

/** A model's scores in the columns of another vocabulary: what it has never met comes last. */
export function inColumnsOf(vocabulary: Vocabulary, model: Judged): ScoreBatch {
  const there = translation(vocabulary.items, model.vocabulary);
  const width = model.vocabulary.items.length;
  return (foldIns) => {
    const own_BI = model.scoreBatch(foldIns.map((row) => translated(row, there)));
    const scores_BI = new Float32Array(foldIns.length * there.length).fill(Number.NEGATIVE_INFINITY);
    for (let row = 0; row < foldIns.length; row++) {
      for (let column = 0; column < there.length; column++) {
        if (there[column]! >= 0) scores_BI[row * there.length + column] = own_BI[row * width + there[column]!]!;
      }
    }
    return scores_BI;
  };
}

function allFinite(values: Float32Array): boolean {
  let poison = 0; // x * 0 is 0 for every finite x and NaN otherwise
  for (let k = 0; k < values.length; k++) poison += values[k]! * 0;
  return poison === 0;
}
