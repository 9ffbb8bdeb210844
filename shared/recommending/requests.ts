// What recommendation requests and their answers look like. One schema each: requests are read with it, openapi.ts
// describes it. Pure.
import { z } from "zod";
import { AppError } from "../errors/errors.ts";
import { type Filters, filters } from "./items/filters.ts";

const MOST_ITEMS = 10_000;
const MOST_LISTED = 1000;
/** Of a list whose items are held against each other. */
export const MOST_DIVERSE = 100;
/** Requests in one call, and requests that are scored in one product. */
export const MOST_TOGETHER = 64;

const MOST_LETTERS = 256;
const noId = `must be text of 1 to ${MOST_LETTERS} characters or an integer`;
/** As in events: text of 1 to 256 characters, or an integer, kept as its decimal text. */
const id = z.union([z.string().min(1).max(MOST_LETTERS), z.int().transform(String)], { error: noId });

/** The same ten thousand times, one by one: each as a schema of its own would take ten times as long. */
const ids = z
  .array(z.unknown())
  .max(MOST_ITEMS)
  .transform((list, context): string[] =>
    list.map((value, k) => {
      if (typeof value === "string" ? value.length > 0 && value.length <= MOST_LETTERS : Number.isSafeInteger(value))
        return String(value);
      context.issues.push({ code: "custom", message: noId, input: value, path: [k] });
      return "";
    }),
  )
  .meta({ type: "array", maxItems: MOST_ITEMS, items: z.toJSONSchema(id, { io: "input" }) });

export const recommendRequest = z
  .strictObject({
    items: ids.optional().describe("the history: items of somebody, known to the table or not"),
    user: id.optional().describe("instead of items: whoever has events in the table"),
    k: z.int().min(1).max(MOST_LISTED).default(10).describe("how many are listed, at most"),
    exclude: ids.default([]).describe("items that are never listed, beside the history"),
    includeSeen: z.boolean().default(false).describe("list items of the history too"),
    candidates: ids.optional().describe("list only these, where the model knows them; of none none"),
    filters: filters
      .optional()
      .describe("list only items whose attributes in the items table pass every one of these, by name of the column"),
    diversity: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .describe(
        `how much items are to differ from those above them, by the model's own vectors of items: 0 not at all, 1 ` +
          `whatever their scores; above 0 k is at most ${MOST_DIVERSE}`,
      ),
  })
  .refine(({ items, user }) => (items === undefined) !== (user === undefined), "give either items or user")
  .refine(({ k, diversity = 0 }) => diversity === 0 || k <= MOST_DIVERSE, {
    message: `at most ${MOST_DIVERSE} with diversity`,
    path: ["k"],
  })
  .meta({
    description: "either items or user",
    oneOf: [{ required: ["items"] }, { required: ["user"] }],
    if: { properties: { diversity: { exclusiveMinimum: 0 } }, required: ["diversity"] },
    // biome-ignore lint/suspicious/noThenProperty: JSON Schema calls it so
    then: { properties: { k: { maximum: MOST_DIVERSE } } },
  });
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
  empty: z
    .enum(["candidates", "filters", "seen"])
    .optional()
    .describe(
      "why nothing is listed: the model knows none of the candidates; no item passes the filters; what is left is in " +
        "the history or excluded",
    ),
});
export type RecommendAnswer = z.output<typeof recommendAnswer>;

export const similarQuery = z.strictObject({
  item: z.string().min(1).max(256).describe("to which others are to be similar"),
  k: z.coerce.number().int().min(1).max(MOST_LISTED).default(10).describe("how many are listed, at most"),
  filters: z.string().optional().describe("as in RecommendRequest, as JSON"),
});
export const similarAnswer = z.object({
  model: z.string().describe("version of the published model, or the step of a checkpoint"),
  item: z.string().describe("that was asked for"),
  items: z
    .array(z.object({ item: z.string(), score: z.number().describe("cosine of the two items' vectors, -1..1") }))
    .describe("most similar first, without the item itself"),
  fallback: z
    .literal("following")
    .optional()
    .describe(
      "the model has no vector of the item, so these are what is met after it now; the score is by how much more often",
    ),
  empty: z.literal("filters").optional().describe("why nothing is listed: no item passes the filters"),
});
export type SimilarAnswer = z.output<typeof similarAnswer>;

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

/** Of the query of an address. Throws likewise. */
export const readSimilar = (query: unknown): { item: string; k: number; filters: Filters | undefined } => {
  const { filters: text, ...wish } = reading(similarQuery, query);
  return { ...wish, filters: text === undefined ? undefined : readFilters(text) };
};

/** Of JSON. Throws likewise. */
export function readFilters(text: string): Filters {
  let value: unknown;
  try {
    value = JSON.parse(text, (key, value) => (key === "__proto__" ? JSON.parse("") : value)); // zod would leave it out
  } catch {
    throw new AppError("REQUEST_MALFORMED", { what: 'filters: no JSON, such as {"genre": "comedy"}' });
  }
  return reading(z.strictObject({ filters }), { filters: value }).filters;
}

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
