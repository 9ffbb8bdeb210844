// What a recommendation request and its answer look like, and what a client is told when a request is no good. Pure.
import { z } from "zod";
import { AppError, type ErrorCode, errors } from "../../shared/runtime/errors.ts";

/** As in events: text of 1 to 256 characters, or an integer, kept as its decimal text. */
const id = z.union([z.string().min(1).max(256), z.int().transform(String)], { error: "must be text of 1 to 256 characters or an integer" });
const ids = z.array(id).max(10_000);

const recommendRequest = z
  .strictObject({
    items: ids.optional(),
    user: id.optional(),
    k: z.int().min(1).max(1000).default(10),
    exclude: ids.default([]),
    includeSeen: z.boolean().default(false),
  })
  .refine(({ items, user }) => (items === undefined) !== (user === undefined), "give either items or user");
export type RecommendRequest = z.output<typeof recommendRequest>;

export const recommendAnswer = z.object({
  /** Version of the published model, or the step of a checkpoint. */
  model: z.string(),
  items: z.array(z.object({ item: z.string(), score: z.number() })),
  /** Items of the request that the model has never met: named, then ignored. */
  unknown: z.array(z.string()).optional(),
  /** There was no known history, so these are the items that everybody likes. */
  fallback: z.literal("popular").optional(),
});
export type RecommendAnswer = z.output<typeof recommendAnswer>;

/** Throws AppError REQUEST_MALFORMED that lists every problem. */
export function readRequest(body: unknown): RecommendRequest {
  const parsed = recommendRequest.safeParse(body);
  if (parsed.success) return parsed.data;
  const shown = parsed.error.issues.slice(0, 5).map(({ path, message }) => (path.length > 0 ? `${path.join(".")}: ${message}` : message));
  const more = parsed.error.issues.length - shown.length;
  throw new AppError("REQUEST_MALFORMED", { what: shown.join("; ") + (more > 0 ? `; and ${more} more problems` : "") });
}

export const refusalAnswer = z.object({ code: z.string(), message: z.string(), hint: z.string() });
export type RefusalAnswer = z.output<typeof refusalAnswer>;

const statusOf: Partial<Record<ErrorCode, number>> = { REQUEST_MALFORMED: 400, USER_UNKNOWN: 404, MODEL_MISSING: 503 };

/** HTTP status and body for anything that was thrown. What is our own fault is told without its inside. */
export function refuse(error: unknown): { status: number; body: RefusalAnswer } {
  if (error instanceof AppError && statusOf[error.code] !== undefined) {
    return { status: statusOf[error.code]!, body: answer(error.code, String(error.facts.what ?? error.message)) };
  }
  const { statusCode, message } = error as { statusCode?: number; message?: string };
  // The HTTP library's own refusals: broken JSON, a body that is too large, another content type.
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return { status: statusCode, body: answer("REQUEST_MALFORMED", message ?? "bad request") };
  return { status: 500, body: { code: "INTERNAL", message: "the request could not be answered", hint: "the service's log says why" } };
}

const answer = (code: ErrorCode, message: string): RefusalAnswer => ({ code, message, hint: errors[code].hint });
