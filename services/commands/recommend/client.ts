// Asks a running serve for recommendations and similar items. Whatever goes wrong comes back as one of our errors.
import type { z } from "zod";
import { AppError, type ErrorCode, errors } from "../../../shared/errors/errors.ts";
import {
  type RecommendAnswer,
  type RecommendRequest,
  recommendAnswer,
  refusalAnswer,
  type SimilarAnswer,
  similarAnswer,
} from "../../../shared/recommending/requests.ts";

/** Throws SERVICE_UNREACHABLE, or the error that the service names (MODEL_MISSING, USER_UNKNOWN, ...). */
export async function askServer(
  server: string,
  request: Partial<RecommendRequest>,
  token?: string,
): Promise<RecommendAnswer> {
  const body = { method: "POST", body: JSON.stringify(request), headers: { "content-type": "application/json" } };
  return await ask(server, "/v1/recommend", recommendAnswer, body, token);
}

/** The same of similar items; `query` as in `GET /v1/similar`. */
export async function askSimilar(
  server: string,
  query: Readonly<Record<string, string>>,
  token?: string,
): Promise<SimilarAnswer> {
  return await ask(server, `/v1/similar?${new URLSearchParams(query)}`, similarAnswer, {}, token);
}

async function ask<S extends z.ZodType>(
  server: string,
  path: string,
  schema: S,
  { headers, ...request }: { method?: string; body?: string; headers?: Record<string, string> },
  token: string | undefined,
): Promise<z.output<S>> {
  const unreachable = (what: string, cause?: unknown) =>
    new AppError("SERVICE_UNREACHABLE", { what, server }, { cause });
  if (!URL.canParse(server))
    throw new AppError("USAGE", { what: `--server "${server}" is no address such as http://127.0.0.1:8081` });
  let status: number;
  let body: unknown;
  try {
    const response = await fetch(new URL(path, server), {
      ...request,
      headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      signal: AbortSignal.timeout(10_000),
    });
    status = response.status;
    body = await response.json();
  } catch (error) {
    throw unreachable("no answer", error);
  }
  const answer = schema.safeParse(body);
  if (status === 200 && answer.success) return answer.data;
  const refusal = refusalAnswer.safeParse(body);
  if (refusal.success && refusal.data.code in errors)
    throw new AppError(refusal.data.code as ErrorCode, { what: refusal.data.message });
  throw unreachable(`an answer of status ${status} that is not serve's`);
}
