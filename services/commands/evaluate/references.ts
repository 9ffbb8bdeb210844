// Scores the same held-out users by the model and by what it is measured against: plain popularity, EASE where it can
// be solved, and for those who came back what it served, what was popular just then, and co-visits. Between main.ts and
// report.ts.
import type { Engine } from "../../../shared/compute/engine.ts";
import { servedThen } from "../../../shared/judging/recent.ts";
import type { PartName, Subject } from "../../../shared/judging/subject.ts";
import { type Interval, intervals } from "../../../shared/ranking/bootstrap.ts";
import { type CatalogueFigures, openCatalogue } from "../../../shared/ranking/catalogue.ts";
import {
  type Evaluation,
  evaluation,
  type NamedUser,
  popularityScores,
  type ScoreBatch,
} from "../../../shared/ranking/evaluate.ts";
import type { Summary } from "../../../shared/ranking/metrics.ts";
import type { Mix } from "../../../shared/ranking/mix.ts";
import type { Known } from "../../../shared/ranking/trending.ts";
import { finish } from "../../../shared/runtime/finish.ts";
import { memoryLimit } from "../../../shared/runtime/memory.ts";
import { told } from "../../../shared/runtime/working.ts";
import { easeObstacle, largestEase, solveEase } from "../../../shared/systems/ease/ease.ts";
import { solveSparseEase, sparseBytes } from "../../../shared/systems/sparse-edlae/sparse-edlae.ts";

export type ScorerName = "model" | "served" | "popularity" | "ease" | "popularNow" | "coVisits";

export interface Line {
  readonly metrics: Readonly<Record<string, Summary & { readonly interval: Interval }>>;
  /** By k. */
  readonly lists: Readonly<Record<string, CatalogueFigures>>;
  readonly perUser: Evaluation<number>["perUser"];
}

export interface PartResult {
  readonly users: number;
  readonly withoutTarget: number;
  readonly lines: Readonly<Partial<Record<ScorerName, Line>>>;
}

export interface Wish {
  readonly ks: readonly number[];
  /** Null: without EASE. */
  readonly lambda: number | null;
  /** Of the bootstrap. */
  readonly seed: number;
}

export interface Measured extends Record<PartName, PartResult | null> {
  readonly validation: PartResult;
  readonly test: PartResult;
  /** What became of EASE, for the contract. */
  readonly ease: string;
}

/** A model, and what is laid over it where it serves. */
interface Served extends Known {
  readonly mix: Mix | undefined;
}

/** Throws the signal's reason when aborted. */
export async function measure(
  engine: Engine,
  model: Served,
  subject: Subject,
  { ks, lambda, seed }: Wish,
  signal: AbortSignal,
): Promise<Measured> {
  const { scoreBatch, vocabulary, mix } = model;
  const items = vocabulary.items.length;
  const popularity_I = new Float64Array(items);
  for (const row of subject.train) for (const column of row) popularity_I[column]!++;
  const scorers: [ScorerName, ScoreBatch][] = [
    ["model", scoreBatch],
    ["popularity", popularityScores(popularity_I)],
  ];
  const ease = lambda === null ? "not wanted (--no-ease)" : await easeOf(engine, subject.train, items, lambda, signal);
  if (typeof ease !== "string") scorers.push(["ease", ease.scoreBatch]);

  const part = async (
    of: PartName,
    users: readonly NamedUser[],
    further: readonly [ScorerName, ScoreBatch][] = [],
  ): Promise<PartResult> => {
    const results: Result[] = [];
    for (const [name, score] of [...scorers, ...further]) {
      const catalogue = openCatalogue(popularity_I, subject.train.length, ks);
      const result = await told(`judging ${name} on ${users.length} ${of} users`, (along) =>
        finish(evaluation(score, users, items, ks, catalogue.see), signal, along),
      );
      results.push([name, result, catalogue.figures()]);
    }
    const [, { users: count, withoutTarget }] = results[0]!;
    return { users: count, withoutTarget, lines: linesOf(results, seed) };
  };
  const [validation, test] = [await part("validation", subject.validation), await part("test", subject.test)];
  const { recent } = subject;
  const ofNow: [ScorerName, ScoreBatch][] = recent
    ? [
        ...(mix ? [["served", servedThen(model, mix, recent)] satisfies [ScorerName, ScoreBatch]] : []),
        ["popularNow", recent.popularNow],
        ["coVisits", recent.coVisits],
      ]
    : [];
  const temporal = subject.temporal.length > 0 ? await part("temporal", subject.temporal, ofNow) : null;
  return { validation, test, temporal, ease: typeof ease === "string" ? `left out: ${ease}` : ease.how };
}

/** Of each item, where there are too many for the inverse of all. */
const NEIGHBOURS = 200;

/** EASE, or why it is left out. */
async function easeOf(
  engine: Engine,
  rows: readonly Int32Array[],
  items: number,
  lambda: number,
  signal: AbortSignal,
): Promise<{ readonly scoreBatch: ScoreBatch; readonly how: string } | string> {
  if (items > largestEase) {
    if (sparseBytes(items, NEIGHBOURS) > memoryLimit()) return `${items} items take more memory than there is`;
    const scoreBatch = await told(`solving EASE for ${items} items, each by ${NEIGHBOURS} others`, (along) =>
      finish(solveSparseEase(rows, items, lambda, NEIGHBOURS), signal, along),
    );
    return { scoreBatch, how: `lambda ${lambda}, each item by ${NEIGHBOURS} others` };
  }
  const obstacle = easeObstacle(engine, items);
  if (obstacle !== null) return obstacle;
  const { scoreBatch } = await told(`solving EASE for ${items} items`, (along) =>
    finish(solveEase(engine, rows, items, lambda), signal, along),
  );
  return { scoreBatch, how: `lambda ${lambda}` };
}

type Result = readonly [ScorerName, Evaluation<number>, Record<number, CatalogueFigures>];

/** The intervals of all scorers and metrics come from the same draws. */
function linesOf(results: readonly Result[], seed: number): PartResult["lines"] {
  const names = Object.keys(results[0]![1].perUser) as (keyof Evaluation<number>["perUser"])[];
  const columns = results.flatMap(([, { perUser }]) =>
    Object.values(perUser).map((values) => values.filter((value) => !Number.isNaN(value))),
  );
  const found = intervals(columns, seed);
  return Object.fromEntries(
    results.map(([scorer, result, lists], row) => {
      const metrics = names.map((name, k) => [name, { ...result[name]!, interval: found[row * names.length + k]! }]);
      return [scorer, { metrics: Object.fromEntries(metrics), lists, perUser: result.perUser } satisfies Line];
    }),
  );
}
