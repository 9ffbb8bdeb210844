// A model's metrics on held-out users, means and standard errors, as the evaluator keeps them: of each evaluation, and
// beside every published model.
import { z } from "zod";
import type { Evaluation } from "../ranking/evaluate.ts";

export const modelMetrics = z
  .object({
    ...{ "ndcg@100": z.number(), "recall@20": z.number(), "recall@50": z.number(), "ndcg@100:se": z.number() },
    /** Absent in lines of before they were kept. */
    ...{ "recall@20:se": z.number().optional(), "recall@50:se": z.number().optional() },
  })
  .describe("means over the users; `:se` are their standard errors");
export type ModelMetrics = z.output<typeof modelMetrics>;

export const metricsOf = (result: Evaluation): ModelMetrics => ({
  "ndcg@100": result["ndcg@100"].mean,
  "ndcg@100:se": result["ndcg@100"].standardError,
  "recall@20": result["recall@20"].mean,
  "recall@20:se": result["recall@20"].standardError,
  "recall@50": result["recall@50"].mean,
  "recall@50:se": result["recall@50"].standardError,
});
