// Measures one checkpoint beside the published model and plain popularity, on the same users; gate.ts then decides.
// Pauses between batches, so that the service answers.
import type { Histories } from "../events/histories.ts";
import type { Vocabulary } from "../events/vocabulary.ts";
import { type Evaluation, evaluation, popularityScores, type ScoreBatch } from "../ranking/evaluate.ts";
import { finish } from "../runtime/finish.ts";
import { type Comparison, refusal } from "./gate.ts";
import { heldOut, popularityIn, translated, translation } from "./held-out.ts";
import { type ModelMetrics, metricsOf } from "./metrics.ts";
import type { Scored } from "./per-user.ts";

/** A model that can score; `scoreBatch` takes and gives its own vocabulary's columns. */
export interface Judged {
  readonly vocabulary: Vocabulary;
  readonly scoreBatch: ScoreBatch;
}

export interface Measured {
  readonly users: number;
  readonly model: ModelMetrics | null;
  readonly popularity: ModelMetrics | null;
  readonly incumbent: (ModelMetrics & { version: string }) | null;
  /** Null: may be published. */
  readonly refusal: string | null;
  /** The candidate's figures of each user; undefined where nobody was scored, or not all scores are finite. */
  readonly perUser: Scored | undefined;
}

export interface Limits {
  readonly salt: string;
  readonly maxUsers: number;
  /** Difference of NDCG@100 by which a model may be worse than the published one. */
  readonly tolerance: number;
  /** See gate.ts. */
  readonly isAbovePopularNow?: boolean;
}

/**
 * `further` are comparisons with the incumbent beside that on the hold-out. Throws the signal's reason when aborted
 * half-way.
 */
export async function judge(
  candidate: Judged,
  incumbent: (Judged & { version: string }) | null,
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
  const before = incumbent && (await measure(inColumnsOf(candidate.vocabulary, incumbent)));
  const comparisons = [...(model && before ? [holdOut(model, before)] : []), ...further];
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
    refusal: refusal(evidence, limits.tolerance),
    perUser:
      model && finite
        ? { part: "validation", scorer: "model", users: users.map(({ user }) => user), metrics: model.perUser }
        : undefined,
  };
}

/** The same users under both, in the same order. */
function holdOut(candidate: Evaluation, incumbent: Evaluation): Comparison {
  const before = incumbent.perUser["ndcg@100"];
  return { name: "hold-out", differences: candidate.perUser["ndcg@100"].map((ndcg, user) => ndcg - before[user]!) };
}

/** A model's scores in the columns of a newer vocabulary: what it has never met comes last. */
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
