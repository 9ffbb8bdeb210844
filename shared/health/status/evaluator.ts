// What the evaluator says of itself at GET /status, which is for the most part what it keeps in files: evaluations, the
// curve, the published model's record. Owned by services/evaluator, which answers and writes it; health, `up` and tests
// read it.
import { z } from "zod";
import { modelMetrics } from "../../judging/metrics.ts";
import { prequentialPoint } from "../../judging/point.ts";
import { key } from "./tolerant.ts";
import { at, count, heldUp, latency, type Said, seconds, service, text } from "./units.ts";

/** One judged checkpoint. */
export const evaluationLine = z.object({
  at: key(at("when it began")),
  seconds: seconds("that it took"),
  checkpoint: text("its folder, and when that was made"),
  round: count("of the checkpoint").nullable(),
  step: count("of the checkpoint").nullable(),
  users: count("held-out users that were scored"),
  tableVersion: count("that the candidate was trained on").nullable(),
  model: modelMetrics.nullable().describe("null where it could not be measured: torn, not finite, no users"),
  popularity: modelMetrics.nullable().describe("of scoring by popularity, on the same users"),
  incumbent: modelMetrics.extend({ version: z.string() }).nullable().describe("the published model on the same users"),
  /** Absent in lines of before it was compared. */
  overPopularNow: z
    .object({ over: z.string(), users: z.number(), "ndcg@100": z.number(), "ndcg@100:se": z.number() })
    .nullable()
    .optional()
    .describe("the model less what was popular when it was pinned, on arrivals since; null where too few users came"),
  warning: text("what was said against it for being below popular now, as a sentence").nullable().optional(),
  outcome: z.enum(["published", "refused", "held"]).describe("held: it may be published, and publication is pinned"),
  reason: text("why it was not published, as a sentence").nullable(),
  version: text("under which it was published").nullable(),
});

export type EvaluationLine = Said<typeof evaluationLine>;

/** What stands in a published model's metrics.json. */
export const publishedRecord = z.object({
  at: at("when it was published"),
  round: count("of its checkpoint"),
  step: count("of its checkpoint"),
  watermark: at("arrival of the newest event that the model covers").nullable(),
  metrics: modelMetrics.nullable(),
  popularity: modelMetrics.nullable(),
});

const points = prequentialPoint.shape;

export const evaluatorStatus = z.object({
  service: service("evaluator"),
  state: z
    .enum(["waiting for checkpoints", "evaluating", "idle"])
    .describe("idle: the newest checkpoint has its verdict"),
  heldUp,
  version: count("table version that it has taken in; null before the first look").nullable(),
  evaluations: z.array(evaluationLine).describe("the newest 500, oldest first"),
  published: z
    .object({ version: text("of the model, as its folder is named"), ...publishedRecord.shape })
    .nullable()
    .describe("the model in use; null before the first"),
  pinned: text("the version that publication is pinned to").nullable(),
  prequential: z
    .array(prequentialPoint.extend({ at: key(points.at), popularity: key(points.popularity) }))
    .describe("the newest 200 points of the curve, oldest first"),
  freshness: latency,
});
export type EvaluatorStatus = Said<typeof evaluatorStatus>;
export type Published = NonNullable<EvaluatorStatus["published"]>;
