// The report's model: from what the trials left and what the tests said to rows in order, for report.json and for
// whoever draws it. Pure.
import { type Summary, summary } from "../../../../shared/ranking/metrics.ts";
import type { Agenda } from "../agenda.ts";
import { type Exam, type Metric, metrics } from "../exam.ts";
import { titleOf } from "../grids.ts";
import type { Result } from "../ledger.ts";
import { chosen, type Entry, furtherSeeds, isTuned, numbersIn, type Plan, type Trial, triedOf } from "../plan.ts";
import { type Comparison, compareNeighbours } from "./comparison.ts";

/** How the validation went by epoch; `seconds` since the beginning of training. */
export interface CurvePoint {
  readonly epoch: number;
  readonly seconds: number;
  readonly validation: number;
}

export interface TriedSetting {
  readonly setting: string;
  readonly outcome: Result["outcome"];
  readonly why: string | null;
  readonly validation: number | null;
  readonly seconds: number;
}

export interface Row {
  readonly id: string;
  readonly model: string;
  readonly title: string;
  /** Why there are no figures, in words; null where there are. */
  readonly why: string | null;
  /** What a reader should know of the figures: a grid cut short by the budget, a setting that failed. */
  readonly remarks: readonly string[];
  readonly tried: readonly TriedSetting[];
  /** Settings of the grid. */
  readonly grid: number;
  readonly chosen: string | null;
  readonly settings: Readonly<Record<string, unknown>> | null;
  readonly validation: number | null;
  /** Over test users; with several seeds of each user's mean over them. */
  readonly test: Readonly<Record<Metric, Summary>> | null;
  /** Means of each seed, where there are several. */
  readonly seeds: readonly { readonly seed: number; readonly test: Readonly<Record<Metric, number>> }[];
  /** Of the chosen trial, and of all of the row's. */
  readonly seconds: number | null;
  readonly tuningSeconds: number;
  readonly peakMemoryBytes: number | null;
  readonly parameters: number | null;
  readonly curve: readonly CurvePoint[];
}

/** By the trial's id: what it left, and what its test said, or why there is none. */
export interface Evidence {
  readonly results: ReadonlyMap<string, Result>;
  readonly exams: ReadonlyMap<string, Exam | string>;
}

/** Trials that are to be tested: of every row the chosen one, and its other seeds. */
export const examinees = (plan: Plan, results: Evidence["results"]): string[] => [
  ...new Set(plan.entries.flatMap((entry) => testedOf(plan, entry, results)).map(({ id }) => id)),
];

const testedOf = (plan: Plan, entry: Entry, results: Evidence["results"]): Trial[] => {
  const best = chosen(plan, entry, results);
  return best
    ? [best, ...furtherSeeds(plan, entry, results).filter(({ id }) => results.get(id)?.validation != null)]
    : [];
};

/** From the best NDCG@100 down; rows without figures last, in the agenda's order. */
export function rowsOf(entries: readonly Entry[], agenda: Agenda, evidence: Evidence): Row[] {
  const rows = entries.map((entry) => rowOf(entry, agenda, evidence));
  return rows.sort((a, b) => (b.test?.["ndcg@100"].mean ?? -1) - (a.test?.["ndcg@100"].mean ?? -1));
}

export function rowOf(entry: Entry, { plan }: Agenda, { results, exams }: Evidence): Row {
  const tried = triedOf(plan, entry, results);
  const best = chosen(plan, entry, results);
  const result = best && results.get(best.id)!;
  const tested = testedOf(plan, entry, results).flatMap((trial) => {
    const exam = exams.get(trial.id);
    return exam === undefined || typeof exam === "string" ? [] : [{ trial, exam }];
  });
  const first = best && exams.get(best.id);
  const test = best && typeof first === "object" ? ofSeeds(tested.map(({ exam }) => exam)) : null;
  const trained = result?.trained ?? null;
  return {
    id: entry.id,
    model: entry.model,
    title: titleOf(entry.id),
    why: test ? null : whyNot(plan, entry, results, first),
    remarks: test
      ? [
          ...cutShort(entry, trained),
          ...atTheEdge(best!, tried),
          ...remarksOf(plan, entry, tried, results, tested.length),
        ]
      : [],
    tried: tried.map(({ id, setting }) => {
      const { outcome, why, validation, seconds } = results.get(id)!;
      return { setting: setting.name, outcome, why, validation, seconds };
    }),
    grid: entry.settings.length,
    chosen: best?.setting.name ?? null,
    settings: trained?.settings ?? null,
    validation: result?.validation ?? null,
    test,
    seeds: tested.length < 2 ? [] : tested.map(({ trial, exam }) => ({ seed: trial.seed, test: meansOf(exam) })),
    seconds: trained?.wallSeconds ?? null,
    tuningSeconds: tried.reduce((sum, { id }) => sum + results.get(id)!.seconds, 0),
    peakMemoryBytes: trained?.peakMemoryBytes ?? null,
    parameters: trained?.parameters ?? null,
    curve: curveOf(result),
  };
}

function whyNot(plan: Plan, entry: Entry, results: Evidence["results"], exam: Exam | string | undefined): string {
  if (typeof exam === "string") return exam;
  const tried = triedOf(plan, entry, results);
  const reasons = new Set(tried.flatMap(({ id }) => results.get(id)!.why ?? []));
  if (reasons.size > 0) return [...reasons].join("; ");
  const sources = entry.startsFrom.map(({ entry }) => entry).join(" and ");
  return entry.startsFrom.length > 0 ? `it starts from ${sources}, of which there is no model` : "not tried";
}

/** A run that neither came to its last epoch or sweep nor had stopped getting better. */
function cutShort(entry: Entry, trained: Result["trained"]): string[] {
  const limitOf = (name: string) => numbersIn(entry.flags).get(name) ?? Number.POSITIVE_INFINITY;
  const [had, best] = [trained?.epochs.length ?? 0, trained?.best.epoch ?? 0];
  const sweeps = trained?.settings?.sweeps;
  const [most, unit] =
    typeof sweeps === "number" ? [sweeps, "sweeps"] : [entry.kind === "neural" ? limitOf("epochs") : 0, "epochs"];
  return had < most && had - best < limitOf("patience") ? [`the budget was over after ${had} of ${most} ${unit}`] : [];
}

/** Chosen values beside which there is nothing of their grid on one side; no setting is less than 0. */
function atTheEdge(best: Trial, tried: readonly Trial[]): string[] {
  const all = tried.map(({ setting }) => numbersIn(setting.flags));
  return [...numbersIn(best.setting.flags)].flatMap(([flag, value]) => {
    const values = all.flatMap((each) => each.get(flag) ?? []);
    const [least, most] = [Math.min(...values), Math.max(...values)];
    if (least === most || value === 0 || (value !== least && value !== most)) return [];
    return [`${flag} ${value} is the ${value === least ? "least" : "most"} that was tried`];
  });
}

function remarksOf(
  plan: Plan,
  entry: Entry,
  tried: readonly Trial[],
  results: Evidence["results"],
  seeds: number,
): string[] {
  const failed = tried.filter(({ id }) => results.get(id)!.validation === null);
  const wanted = entry.isSeeded ? plan.seeds.length : 1;
  return [
    ...(tried.length < entry.settings.length && isTuned(plan, entry, results)
      ? [`the budget was over after ${tried.length} of ${entry.settings.length} settings`]
      : []),
    ...failed.map(({ id, setting }) => `${setting.name}: ${results.get(id)!.why}`),
    ...(seeds < wanted ? [`${seeds} of ${wanted} seeds have a test`] : []),
  ];
}

/** Each user's mean over the seeds, then mean and standard error over users. */
function ofSeeds(exams: readonly Exam[]): Row["test"] {
  const over = (metric: Metric) => summary(meanOverSeeds(exams, metric));
  return Object.fromEntries(metrics.map((metric) => [metric, over(metric)])) as Record<Metric, Summary>;
}

const meanOverSeeds = (exams: readonly Exam[], metric: Metric): Float64Array =>
  exams[0]![metric].map((_, user) => exams.reduce((sum, exam) => sum + exam[metric][user]!, 0) / exams.length);

const meansOf = (exam: Exam) =>
  Object.fromEntries(metrics.map((metric) => [metric, summary(exam[metric]).mean])) as Record<Metric, number>;

function curveOf(result: Result | undefined): CurvePoint[] {
  let seconds = 0;
  return (result?.trained?.epochs ?? []).flatMap(({ epoch, seconds: took, validation }) => {
    seconds += took;
    const ndcg = validation["ndcg@100"];
    return ndcg === null ? [] : [{ epoch, seconds, validation: ndcg }];
  });
}

/** Rows in order, as rowsOf gives them. */
export function comparisonsOf(rows: readonly Row[], { plan }: Agenda, { results, exams }: Evidence): Comparison[] {
  const ranked = rows.flatMap(({ id, title, test }) => {
    if (!test) return [];
    const entry = plan.entries.find((each) => each.id === id)!;
    const sheets = testedOf(plan, entry, results).flatMap(({ id }) => {
      const exam = exams.get(id);
      return typeof exam === "object" ? [exam] : [];
    });
    return [{ model: title, ndcg: meanOverSeeds(sheets, "ndcg@100") }];
  });
  return compareNeighbours(ranked);
}
