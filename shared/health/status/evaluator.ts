// What the evaluator says of itself at GET /status, which is for the most part what it keeps in files: evaluations, the
// curve, the published model's record. Owned by services/evaluator, which answers and writes it; health, `up` and tests
// read it.
import { z } from "zod";
import { modelMetrics } from "../../judging/metrics.ts";
import { prequentialPoint } from "../../judging/point.ts";
import { HALF_LIVES } from "../../ranking/trends.ts";
import { key } from "./tolerant.ts";
import { at, count, heldUp, latency, type Said, seconds, service, text } from "./units.ts";

/** What is laid over a model's scores where it serves: ranking/mix.ts. */
const mix = z.object({
  weights: z
    .object({
      model: z.number().describe("of the model's own scores"),
      hot: z
        .array(z.number())
        .describe(`of popular now, in counts that halve every ${HALF_LIVES.join(", ")} first meetings`),
      follows: z.number().describe("of what follows the user's last items"),
    })
    .nullable()
    .describe("null where nothing is"),
  why: text("why that, or why nothing, as a sentence"),
});

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
  mix: mix.nullable().optional().describe("what was chosen to be laid over its scores; absent in older lines"),
  warning: text("what was said against it for being below popular now, as a sentence").nullable().optional(),
  /** Absent in lines of before it was timed; parts that it did not come to are too. */
  took: z
    .object({
      opening: seconds("reading the candidate, and the published model where it is another"),
      arrivals: seconds("taking in what the table has gained, and scoring it"),
      mix: seconds("choosing what is laid over its scores"),
      beside: seconds("comparing it on arrivals"),
      heldOut: seconds("comparing it on held-out users"),
      publishing: seconds("until it was current"),
    })
    .partial()
    .optional()
    .describe("where the seconds went"),
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
  mix: mix
    .extend({ since: at("since when every published model has something laid over it, or none has") })
    .nullable()
    .optional()
    .describe("what is laid over its scores; absent in models of before it was told"),
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
