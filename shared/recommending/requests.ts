// What recommendation requests and their answers look like. One schema each: requests are read with it, openapi.ts
// describes it. Pure.
import { z } from "zod";
import { AppError } from "../errors/errors.ts";

const MOST_ITEMS = 10_000;
const MOST_LISTED = 1000;
/** Requests in one call, and requests that are scored in one product. */
export const MOST_TOGETHER = 64;

/** As in events: text of 1 to 256 characters, or an integer, kept as its decimal text. */
const id = z.union([z.string().min(1).max(256), z.int().transform(String)], {
  error: "must be text of 1 to 256 characters or an integer",
});
const ids = z.array(id).max(MOST_ITEMS);

export const recommendRequest = z
  .strictObject({
    items: ids.optional().describe("the history: items of somebody, known to the table or not"),
    user: id.optional().describe("instead of items: whoever has events in the table"),
    k: z.int().min(1).max(MOST_LISTED).default(10).describe("how many are listed, at most"),
    exclude: ids.default([]).describe("items that are never listed, beside the history"),
    includeSeen: z.boolean().default(false).describe("list items of the history too"),
  })
  .refine(({ items, user }) => (items === undefined) !== (user === undefined), "give either items or user")
  .meta({ description: "either items or user", oneOf: [{ required: ["items"] }, { required: ["user"] }] });
export type RecommendRequest = z.output<typeof recommendRequest>;

const calls = <S extends z.ZodType>(entry: S) => z.strictObject({ requests: z.array(entry).min(1).max(MOST_TOGETHER) });
export const batchRequest = calls(recommendRequest);
/** Its entries are read one by one: what is wrong with one is told in its place. */
const entries = calls(z.unknown());

export const recommendAnswer = z.object({
  model: z.string().describe("version of the published model, or the step of a checkpoint"),
  items: z
    .array(z.object({ item: z.string(), score: z.number().describe("logit: comparable within one answer") }))
    .describe("best first"),
  unknown: z
    .array(z.string())
    .optional()
    .describe("items of the request that the model has never met: named, then ignored"),
  fallback: z
    .literal("popular")
    .optional()
    .describe("there was no known history, so these are the items that everybody likes"),
});
export type RecommendAnswer = z.output<typeof recommendAnswer>;

export const refusalAnswer = z.object({
  code: z.string().describe("of docs/reference/errors.md, ROUTE_UNKNOWN or INTERNAL"),
  message: z.string().describe("what is wrong"),
  hint: z.string().describe("what to do"),
});
export type RefusalAnswer = z.output<typeof refusalAnswer>;

export const batchAnswer = z.object({
  answers: z
    .array(z.union([recommendAnswer, refusalAnswer]))
    .describe("one for each request, in their order: recommendations, or what is wrong with it"),
});
export type BatchAnswer = z.output<typeof batchAnswer>;

export const modelAnswer = z.object({
  model: z.string().describe("version of the published model"),
  step: z.number(),
  round: z.number(),
  tableVersion: z.number().nullable().describe("newest version of the table that it was trained on"),
  watermark: z.number().nullable().describe("arrival of the newest event that it was trained on, ms since 1970"),
  items: z.number().describe("size of the vocabulary"),
  createdAt: z.number().describe("ms since 1970"),
  evaluation: z.unknown().describe("what the evaluator measured when it published this version, or null"),
});
export type ModelAnswer = z.output<typeof modelAnswer>;

/** Throws AppError REQUEST_MALFORMED that lists every problem. */
export const readRequest = (body: unknown): RecommendRequest => reading(recommendRequest, body);

/** The entries, not yet read themselves. Throws likewise. */
export const readBatch = (body: unknown): unknown[] => reading(entries, body).requests;

function reading<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  const shown = issues
    .slice(0, 5)
    .map(({ path, message }) => (path.length > 0 ? `${path.join(".")}: ${message}` : message).slice(0, 200));
  const more = issues.length - shown.length;
  throw new AppError("REQUEST_MALFORMED", { what: shown.join("; ") + (more > 0 ? `; and ${more} more problems` : "") });
}
