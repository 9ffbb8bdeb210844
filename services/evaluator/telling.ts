// An evaluation as a log line and as metrics.
import { passes } from "../../shared/errors/os-errors.ts";
import { behindOf } from "../../shared/health/facts/freshness.ts";
import type { EvaluationLine, Published } from "../../shared/health/status/evaluator.ts";
import type { ModelMetrics } from "../../shared/judging/metrics.ts";
import { HALF_LIVES } from "../../shared/ranking/trends.ts";
import { asAppError } from "../../shared/runtime/lifecycle.ts";
import type { Log } from "../../shared/runtime/log.ts";
import type { Metrics } from "../../shared/runtime/metrics.ts";

export const outcomes = ["published", "refused", "held"] as const satisfies EvaluationLine["outcome"][];

export function tell(evaluation: EvaluationLine, published: Published | null, log: Log, metrics: Metrics): void {
  const { outcome, reason, warning, version, round, step, users, model, popularity, seconds } = evaluation;
  const numbers = { round, step, users, ndcg: model?.["ndcg@100"], popularity: popularity?.["ndcg@100"], seconds };
  if (outcome === "published" && warning) log.warn({ version, warning, ...numbers }, "published");
  else if (outcome === "published") log.info({ version, ...numbers }, "published");
  else if (outcome === "held") log.info({ reason, ...numbers }, "held");
  else log.warn({ reason, ...numbers }, "refused");

  metrics.counter("tributary_publications_total").inc({ outcome });
  const ratio = metrics.gauge("tributary_evaluation_ratio");
  for (const [name, values] of Object.entries({ model, popularity, incumbent: evaluation.incumbent })) {
    for (const metric of ["ndcg@100", "recall@20", "recall@50"] as const satisfies (keyof ModelMetrics)[]) {
      if (values) ratio.set({ metric, model: name }, values[metric]);
    }
  }
  if (published?.watermark != null) metrics.gauge("tributary_model_watermark_seconds").set(published.watermark / 1000);
}

/**
 * Of evaluations, oldest first, how many of the newest fell below the one before them, in a row; those that could not
 * be judged do not count.
 */
export function fallingOf(evaluations: readonly Pick<EvaluationLine, "model">[]): number {
  const ndcg = evaluations.flatMap(({ model }) => (model ? [model["ndcg@100"]] : []));
  let falling = 0;
  while (falling + 1 < ndcg.length && ndcg.at(-1 - falling)! < ndcg.at(-2 - falling)!) falling++;
  return falling;
}

/**
 * How far the published model is behind the table at `now`; `newest`: arrival of the table's newest event, both ms
 * since 1970. Nothing before there is a model.
 */
export function tellAge(published: Published | null, newest: number | null, now: number, metrics: Metrics): void {
  if (published?.watermark == null) return;
  const { watermark, at } = published;
  metrics.gauge("tributary_model_age_seconds").set(behindOf({ watermark, at }, newest, now) ?? Number.NaN);
  metrics.gauge("tributary_model_watermark_seconds").set(published.watermark / 1000);
}

/** What is laid over the published model, as far as its record says so. */
export function tellMix(published: Published | null, metrics: Metrics): void {
  if (!published?.mix) return;
  const { weights, since } = published.mix;
  const gauge = metrics.gauge("tributary_mix_weight");
  gauge.set({ part: "model" }, weights?.model ?? 1);
  for (const [k, halfLife] of HALF_LIVES.entries()) gauge.set({ part: `hot-${halfLife}` }, weights?.hot[k] ?? 0);
  gauge.set({ part: "follows" }, weights?.follows ?? 0);
  metrics.gauge("tributary_mix_since_seconds").set(since / 1000);
}

/**
 * For `catch`: what another look can mend (a checkpoint removed meanwhile, no table yet, a disk that refuses) is told
 * once; anything else is thrown on.
 */
export function temporary(log: Log, signal: AbortSignal): (error: unknown) => undefined {
  let told = "";
  return (error) => {
    if (signal.aborted) return undefined;
    const refusal = asAppError(error);
    if (!refusal || !(passes(refusal) || refusal.code === "CHECKPOINT_MISSING" || refusal.code === "TABLE_MISSING"))
      throw error;
    if (refusal.message !== told) log.warn(refusal.message);
    told = refusal.message;
    return undefined;
  };
}
