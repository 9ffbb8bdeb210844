// A model's figures on held-out users, as the evaluator keeps them: in its curve, and beside every published model.
import { z } from "zod";
import type { Evaluation } from "../ranking/evaluate.ts";

export const figures = z.object({
  ...{ "ndcg@100": z.number(), "recall@20": z.number(), "recall@50": z.number(), "ndcg@100:se": z.number() },
  /** Absent in lines of before they were kept. */
  ...{ "recall@20:se": z.number().optional(), "recall@50:se": z.number().optional() },
});
export type Figures = z.output<typeof figures>;

export const figuresOf = (result: Evaluation): Figures => ({
  "ndcg@100": result["ndcg@100"].mean,
  "ndcg@100:se": result["ndcg@100"].standardError,
  "recall@20": result["recall@20"].mean,
  "recall@20:se": result["recall@20"].standardError,
  "recall@50": result["recall@50"].mean,
  "recall@50:se": result["recall@50"].standardError,
});
