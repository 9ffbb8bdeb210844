// The HTTP interface of recommendations: POST /v1/recommend and :batch, GET /v1/similar, /v1/models/current,
// /openapi.json. Reads requests, hands them on, tells refusals.
import type { FastifyInstance } from "fastify";
import { AppError } from "../../shared/errors/errors.ts";
import type { Tokens } from "../../shared/http/token.ts";
import { recommendTogether, type Wish } from "../../shared/recommending/recommender.ts";
import {
  type BatchAnswer,
  MOST_TOGETHER,
  type RecommendAnswer,
  type RecommendRequest,
  readBatch,
  readRequest,
  readSimilar,
  type SimilarAnswer,
} from "../../shared/recommending/requests.ts";
import { similar } from "../../shared/recommending/similar.ts";
import type { Log } from "../../shared/runtime/log.ts";
import type { Metrics } from "../../shared/runtime/metrics.ts";
import { mustBeAllowed } from "./access.ts";
import type { Items } from "./items.ts";
import { limits } from "./limits.ts";
import { openapi } from "./openapi.ts";
import type { PublishedModel } from "./published.ts";
import { refuse } from "./refusals.ts";
import { together } from "./together.ts";

export interface Counts {
  requests: number;
  errors: number;
}

export interface Serving {
  readonly published: Pick<PublishedModel, "get" | "about">;
  readonly items: Pick<Items, "filterOf">;
  /** Throws AppError USER_UNKNOWN. */
  historyOf(user: string): Promise<string[]>;
  readonly tokens: Tokens | undefined;
  readonly counts: Counts;
  readonly metrics: Metrics;
  readonly log: Log;
}

export function routes(app: FastifyInstance, serving: Serving): void {
  const { published, items: attributes, historyOf, tokens, counts, metrics, log } = serving;
  const total = metrics.counter("tributary_requests_total");
  const seconds = metrics.histogram("tributary_request_seconds");
  const size = metrics.histogram("tributary_scored_together");
  const asked = metrics.counter("tributary_requests_with_total");
  const counted = (status: number) => {
    counts.requests++;
    if (status >= 400) counts.errors++;
    total.inc({ status: String(status) });
  };

  // The model is asked for when it scores, not when the request came: it may have changed in between.
  const score = together(MOST_TOGETHER, (wishes: readonly Wish[]) => {
    size.observe(wishes.length);
    return recommendTogether(published.get(), wishes);
  });
  const answer = async (body: unknown): Promise<RecommendAnswer> => {
    const request = readRequest(body);
    const { items, user, filters, ...wish } = request;
    for (const what of optionsOf(request)) asked.inc({ what });
    const filter = filters && attributes.filterOf(filters);
    const answered = await score({ history: items ?? (await historyOf(user!)), filter, ...wish });
    if (answered instanceof AppError) throw answered;
    return answered;
  };

  app.post("/v1/recommend", { bodyLimit: limits.bodyBytes }, (request) => answer(request.body));
  app.post("/v1/recommend::batch", { bodyLimit: limits.bodyBytes }, async (request): Promise<BatchAnswer> => {
    const entries = readBatch(request.body);
    published.get(); // without a model there is one answer to all
    return {
      answers: await Promise.all(
        entries.map((entry) => answer(entry).catch((error) => refuse(logged(error, request.url)).body)),
      ),
    };
  });
  app.get("/v1/similar", (request): SimilarAnswer => {
    const { filters, ...wish } = readSimilar(request.query);
    asked.inc({ what: "similar" });
    return similar(published.get(), { ...wish, filter: filters && attributes.filterOf(filters) });
  });
  app.get("/v1/models/current", () => published.about());
  const document = openapi(tokens !== undefined);
  app.get("/openapi.json", () => document);

  const logged = (error: unknown, url: string) => {
    if (refuse(error).status === 500) log.error({ err: error, url: url.slice(0, 200) }, "a request failed");
    return error;
  };
  app.addHook("onRequest", async ({ url, headers, socket }) => {
    mustBeAllowed(tokens, {
      path: url.split("?")[0]!,
      authorization: headers.authorization,
      remote: socket.remoteAddress,
    });
  });
  app.addHook("onResponse", async (request, reply) => {
    if (!request.url.startsWith("/v1/")) return;
    counted(reply.statusCode);
    if (/^\/v1\/(recommend|similar)$/.test(request.routeOptions.url ?? "")) seconds.observe(reply.elapsedTime / 1000);
  });
  app.setErrorHandler(async (error, request, reply) => {
    const { status, body } = refuse(logged(error, request.url));
    if (status === 503) reply.header("retry-after", "5");
    if (status === 401) reply.header("www-authenticate", "Bearer");
    return reply.code(status).send(body);
  });
  app.setNotFoundHandler(async (request, reply) => {
    const hint =
      "POST /v1/recommend, POST /v1/recommend:batch, GET /v1/similar, GET /v1/models/current, /openapi.json, " +
      "/status, /metrics, /live, /ready";
    return reply
      .code(404)
      .send({ code: "ROUTE_UNKNOWN", message: `there is no ${request.method} ${request.url.slice(0, 200)}`, hint });
  });
}

/** What a request asks for beside the best items, for the counts. */
function optionsOf({ candidates, exclude, filters, diversity = 0 }: RecommendRequest): string[] {
  const has = { candidates: candidates !== undefined, exclude: exclude.length > 0, filters: filters !== undefined };
  return Object.entries({ ...has, diversity: diversity > 0 }).flatMap(([what, is]) => (is ? [what] : []));
}
