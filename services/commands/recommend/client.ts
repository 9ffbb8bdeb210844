// Asks a running serve for recommendations. Whatever goes wrong comes back as one of our errors.
import { AppError, type ErrorCode, errors } from "../../../shared/errors/errors.ts";
import {
  type RecommendAnswer,
  type RecommendRequest,
  recommendAnswer,
  refusalAnswer,
} from "../../../shared/recommending/requests.ts";

/** Throws SERVICE_UNREACHABLE, or the error that the service names (MODEL_MISSING, USER_UNKNOWN, ...). */
export async function askServer(
  server: string,
  request: Partial<RecommendRequest>,
  token?: string,
): Promise<RecommendAnswer> {
  const unreachable = (what: string, cause?: unknown) =>
    new AppError("SERVICE_UNREACHABLE", { what, server }, { cause });
  if (!URL.canParse(server))
    throw new AppError("USAGE", { what: `--server "${server}" is no address such as http://127.0.0.1:8081` });
  let status: number;
  let body: unknown;
  try {
    const response = await fetch(new URL("/v1/recommend", server), {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(request),
      signal: AbortSignal.timeout(10_000),
    });
    status = response.status;
    body = await response.json();
  } catch (error) {
    throw unreachable("no answer", error);
  }
  const answer = recommendAnswer.safeParse(body);
  if (status === 200 && answer.success) return answer.data;
  const refusal = refusalAnswer.safeParse(body);
  if (refusal.success && refusal.data.code in errors)
    throw new AppError(refusal.data.code as ErrorCode, { what: refusal.data.message });
  throw unreachable(`an answer of status ${status} that is not serve's`);
}
