// The HTTP interface of recommendations: POST /v1/recommend, GET /v1/models/current. Reads requests, hands them on, tells refusals.
import type { FastifyInstance } from "fastify";
import type { Log } from "../../shared/runtime/log.ts";
import type { Metrics } from "../../shared/runtime/metrics.ts";
import type { PublishedModel } from "./published.ts";
import { recommend } from "./recommender.ts";
import { readRequest, refuse } from "./requests.ts";

/** 10,000 items of 256 bytes, and as many to exclude, would be more: such a request is too large to mean anything. */
const bodyLimit = 4 << 20;

export interface Counts {
  requests: number;
  errors: number;
}

/** `historyOf` throws AppError USER_UNKNOWN. */
export function routes(
  app: FastifyInstance,
  published: PublishedModel,
  historyOf: (user: string) => string[],
  counts: Counts,
  metrics: Metrics,
  log: Log,
): void {
  const total = metrics.counter("tributary_requests_total");
  const seconds = metrics.histogram("tributary_request_seconds");
  const counted = (status: number) => {
    counts.requests++;
    if (status >= 400) counts.errors++;
    total.inc({ status: String(status) });
  };

  app.post("/v1/recommend", { bodyLimit }, (request) => {
    const { items, user, ...wish } = readRequest(request.body);
    return recommend(published.get(), { history: items ?? historyOf(user!), ...wish });
  });
  app.get("/v1/models/current", () => published.about());

  app.addHook("onResponse", async (request, reply) => {
    if (!request.url.startsWith("/v1/")) return;
    counted(reply.statusCode);
    if (request.routeOptions.url === "/v1/recommend") seconds.observe(reply.elapsedTime / 1000);
  });
  app.setErrorHandler(async (error, request, reply) => {
    const { status, body } = refuse(error);
    if (status >= 500 && status !== 503) log.error({ err: error, url: request.url }, "a request failed");
    if (status === 503) reply.header("retry-after", "5");
    return reply.code(status).send(body);
  });
  app.setNotFoundHandler(async (request, reply) => {
    const hint = "POST /v1/recommend, GET /v1/models/current, /status, /metrics, /live, /ready";
    return reply.code(404).send({ code: "ROUTE_UNKNOWN", message: `there is no ${request.method} ${request.url.slice(0, 200)}`, hint });
  });
}
