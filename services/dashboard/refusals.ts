// What the page, or whoever asks in its place, is told when a request is no good: HTTP status, code, message, hint.
// Pure.
import { AppError, type ErrorCode, errors } from "../../shared/errors/errors.ts";

export interface RefusalAnswer {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

const statusOf: Partial<Record<ErrorCode, number>> = {
  ...{ TOKEN_REFUSED: 401, ORIGIN_REFUSED: 403, HOST_REFUSED: 421, MODEL_UNKNOWN: 404, MODEL_MISSING: 404 },
  ...{ REQUEST_MALFORMED: 400, CHECKPOINT_CORRUPT: 409, CHECKPOINT_MISSING: 409 },
};
const malformed = 'POST JSON such as {"version": "v000007"}; two versions are compared with ?a=v000006&b=v000007';

export function refuse(error: unknown): { status: number; body: RefusalAnswer } {
  if (error instanceof AppError && statusOf[error.code] !== undefined) {
    const hint = error.code === "REQUEST_MALFORMED" ? malformed : errors[error.code].hint;
    return {
      status: statusOf[error.code]!,
      body: { code: error.code, message: String(error.facts.what ?? error.message), hint },
    };
  }
  const { statusCode, message } = error as { statusCode?: number; message?: string };
  // The HTTP library's own refusals: broken JSON, a body that is too large, another content type.
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return {
      status: statusCode,
      body: { code: "REQUEST_MALFORMED", message: message ?? "bad request", hint: malformed },
    };
  return {
    status: 500,
    body: { code: "INTERNAL", message: "the request could not be answered", hint: "the dashboard's log says why" },
  };
}
