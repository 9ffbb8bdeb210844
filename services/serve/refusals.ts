// What a client is told when its request is no good: HTTP status, code, message, hint; never anything of our inside.
// Pure.
import { AppError, type ErrorCode, errors } from "../../shared/errors/errors.ts";
import type { RefusalAnswer } from "../../shared/recommending/requests.ts";

const statusOf: Partial<Record<ErrorCode, number>> = {
  REQUEST_MALFORMED: 400,
  TOKEN_REFUSED: 401,
  USER_UNKNOWN: 404,
  ITEM_UNKNOWN: 404,
  VECTORS_MISSING: 409,
  ITEMS_TABLE_MISSING: 409,
  MODEL_MISSING: 503,
};

/** HTTP status and body for anything that was thrown. */
export function refuse(error: unknown): { status: number; body: RefusalAnswer } {
  if (error instanceof AppError && statusOf[error.code] !== undefined) {
    return { status: statusOf[error.code]!, body: refusal(error.code, String(error.facts.what ?? error.message)) };
  }
  const { statusCode, message } = error as { statusCode?: number; message?: string };
  // The HTTP library's own refusals: broken JSON, a body that is too large, another content type.
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return { status: statusCode, body: malformed(message ?? "bad request") };
  return {
    status: 500,
    body: { code: "INTERNAL", message: "the request could not be answered", hint: "the service's log says why" },
  };
}

/** For what never became a request. */
export const malformed = (what: string): RefusalAnswer => refusal("REQUEST_MALFORMED", what);

const refusal = (code: ErrorCode, message: string): RefusalAnswer => ({ code, message, hint: errors[code].hint });
