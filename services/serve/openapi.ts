// The OpenAPI 3.1 document of /openapi.json, made from the schemas that requests are read with. Pure.
import { z } from "zod";
import {
  batchAnswer,
  batchRequest,
  modelAnswer,
  recommendAnswer,
  recommendRequest,
  refusalAnswer,
  similarAnswer,
  similarQuery,
} from "../../shared/recommending/requests.ts";
import { limits } from "./limits.ts";

const named = z.registry<{ id: string }>();
const schemas = {
  RecommendRequest: recommendRequest,
  RecommendAnswer: recommendAnswer,
  BatchRequest: batchRequest,
  BatchAnswer: batchAnswer,
  SimilarAnswer: similarAnswer,
  Model: modelAnswer,
  Refusal: refusalAnswer,
};
for (const [id, schema] of Object.entries(schemas)) named.add(schema as z.ZodType, { id });

const placeOf = (id: string) => `#/components/schemas/${id}`;
const json = (id: keyof typeof schemas) => ({ content: { "application/json": { schema: { $ref: placeOf(id) } } } });
const refusals = (of: Record<string, string>) =>
  Object.fromEntries(Object.entries(of).map(([status, description]) => [status, { description, ...json("Refusal") }]));

const everywhere = {
  "401": "the token is wrong or missing, where one is asked for",
  "503": "no model has been published yet",
};
const ofBodies = {
  ...everywhere,
  "400": "not JSON, or not of this shape",
  "408": "the request did not come to its end in time",
  "413": `a body of more than ${limits.bodyBytes >> 20} MiB`,
  "415": "the content type is not application/json",
};

const { properties: ofSimilar = {}, required: wanted = [] } = z.toJSONSchema(similarQuery, { io: "input" });
const similarParameters = Object.entries(ofSimilar).map(([name, value]) => {
  const { description, ...schema } = value as { description?: string };
  return { name, in: "query", required: wanted.includes(name), description, schema };
});

/** `hasTokens`: requests need a token. */
export function openapi(hasTokens: boolean): object {
  const { schemas: components } = z.toJSONSchema(named, { io: "input", uri: placeOf });
  return {
    openapi: "3.1.0",
    info: {
      title: "Tributary: recommendations",
      version: "1",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    ...(hasTokens ? { security: [{ token: [] }] } : {}),
    paths: {
      "/v1/recommend": {
        post: {
          operationId: "recommend",
          summary: "The best items for a history or a user",
          requestBody: { required: true, ...json("RecommendRequest") },
          responses: {
            "200": { description: "the best items", ...json("RecommendAnswer") },
            ...refusals({
              ...ofBodies,
              "404": "the table holds no event of the user",
              "409": "filters without an items table, or diversity of a model without vectors of items",
            }),
          },
        },
      },
      "/v1/recommend:batch": {
        post: {
          operationId: "recommendBatch",
          summary: "The same for several at once; what is wrong with one is told in its place",
          requestBody: { required: true, ...json("BatchRequest") },
          responses: {
            "200": { description: "an answer or a refusal for each", ...json("BatchAnswer") },
            ...refusals(ofBodies),
          },
        },
      },
      "/v1/similar": {
        get: {
          operationId: "similar",
          summary: "The items that are most like one",
          parameters: similarParameters,
          responses: {
            "200": { description: "the most similar items", ...json("SimilarAnswer") },
            ...refusals({
              ...everywhere,
              "400": "not of this shape",
              "404": "the model has never met the item, and nothing is met after it now",
              "409": "filters without an items table, or a model without vectors of items, or of this one",
            }),
          },
        },
      },
      "/v1/models/current": {
        get: {
          operationId: "currentModel",
          summary: "The model that answers now",
          responses: { "200": { description: "the published model", ...json("Model") }, ...refusals(everywhere) },
        },
      },
    },
    components: {
      schemas: Object.fromEntries(
        Object.entries(components).map(([id, { $schema: _, $id: __, ...schema }]) => [id, schema]),
      ),
      ...(hasTokens ? { securitySchemes: { token: { type: "http", scheme: "bearer" } } } : {}),
    },
  };
}
