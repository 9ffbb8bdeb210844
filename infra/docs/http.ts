// reference/http.md: what the services answer, from the tables of their routes and the OpenAPI document of serve.
import { pageRoutes } from "../../services/dashboard/interface.ts";
import { limits } from "../../services/serve/limits.ts";
import { openapi } from "../../services/serve/openapi.ts";
import { faceRoutes } from "../../shared/http/http.ts";
import { code, tableOf } from "./markdown.ts";

interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly $ref?: string;
  readonly [limit: string]: unknown;
}
interface Operation {
  readonly summary: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly required: boolean;
    readonly description: string;
    readonly schema: Schema;
  }[];
  readonly requestBody?: { readonly content: { readonly "application/json": { readonly schema: Schema } } };
  readonly responses: Readonly<Record<string, { readonly description: string }>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** Names of the least and the most that a type allows. */
const bounds: Readonly<Record<string, readonly [least: string, most: string]>> = {
  string: ["minLength", "maxLength"],
  integer: ["minimum", "maximum"],
  array: ["minItems", "maxItems"],
};

function typeOf({ type = "any", items, anyOf, $ref, const: only, ...rest }: Schema): string {
  if ($ref) return $ref.split("/").at(-1)!;
  if (only !== undefined) return JSON.stringify(only);
  if (anyOf) return anyOf.map(typeOf).join(" or ");
  const [least, most] = (bounds[String(type)] ?? []).map((name) => rest[name] as number | undefined);
  const isBounded = most !== undefined && most < Number.MAX_SAFE_INTEGER; // zod says that much of every whole number
  const range = isBounded ? (least === undefined ? ` of at most ${most}` : ` of ${least} to ${most}`) : "";
  return type === "array" ? `list${range}: ${typeOf(items ?? {})}` : `${[type].flat().join(" or ")}${range}`;
}

function sectionOf(name: string, { properties = {}, required = [], description }: Schema, isRequest: boolean): string {
  const rows = Object.entries(properties).map(([key, schema]) => [
    code(key),
    typeOf(schema),
    schema.default === undefined
      ? required.includes(key)
        ? isRequest
          ? "required"
          : "always"
        : ""
      : code(JSON.stringify(schema.default)),
    schema.description ?? "",
  ]);
  return (
    `### ${name}\n\n${description ? `${description}.\n\n` : ""}` +
    `${tableOf(["field", "type", isRequest ? "default" : "there", "meaning"], rows)}`
  );
}

export function httpPage(): string {
  const { paths, components } = openapi(false) as unknown as Document;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ route: `${method.toUpperCase()} ${path}`, operation })),
  );
  return `# HTTP

\`\`\`text
$ curl -s http://127.0.0.1:8081/v1/recommend -H 'content-type: application/json' -d '{"items": ["i3", "i14"], "k": 2}'
{"model":"v000007","items":[{"item":"i2","score":4.1},{"item":"i9","score":3.9}]}
\`\`\`

## Every service

${tableOf(
  ["route", "answer"],
  Object.entries(faceRoutes).map(([route, meaning]) => [`\`GET ${route}\``, meaning]),
)}

On loopback they ask for nothing. Beyond it (\`TRIBUTARY_HTTP_HOST\`, \`serve --host\`, \`server --listen\`)
\`/status\` and \`/metrics\` ask for \`authorization: Bearer TOKEN\` of the role \`reader\`
([tokens](../guides/remote-trainers.md#tokens-and-a-certificate)).

## Recommendations: serve

${tableOf(
  ["route", "what", "body"],
  operations.map(({ route, operation }) => [code(route), operation.summary, bodyOf(operation)]),
)}

\`GET /openapi.json\` is this as OpenAPI 3.1. Unknown fields, and whatever else does not fit, get a 4xx with a
[Refusal](#refusal). Bodies may be compressed (\`content-encoding: gzip\`, \`deflate\` or \`br\`), of at most
${limits.bodyBytes >> 20} MiB when they are read. Further limits: ${limits.headerBytes >> 10} KiB of headers,
${limits.patienceMs / 1000} s for a request to arrive, ${limits.silentMs / 1000} s without a byte,
${limits.connections.toLocaleString("en")} connections.

${operations
  .map(
    ({ route, operation }) =>
      `### ${route}\n\n${tableOf(
        ["status", "when"],
        Object.entries(operation.responses).map(([status, { description }]) => [status, description]),
      )}${queryOf(operation)}`,
  )
  .join("\n\n")}

${Object.entries(components.schemas)
  .map(([name, schema]) => sectionOf(name, schema, name.endsWith("Request")))
  .join("\n\n")}

## The page: dashboard

${tableOf(
  ["route", "answer"],
  Object.entries(pageRoutes).map(([route, meaning]) => [code(route), meaning]),
)}

## Training: server

A websocket for trainers at \`--listen\`, and on the same port \`GET /status\` and \`GET /metrics\`. With a token file a
trainer's token opens the websocket, an evaluator's \`/status\`, a reader's both of the others.
`;
}

function queryOf({ parameters = [] }: Operation): string {
  const rows = parameters.map(({ name, required, description, schema }) => [
    code(name),
    typeOf(schema),
    required ? "required" : code(schema.default === undefined ? "" : JSON.stringify(schema.default)),
    description,
  ]);
  return rows.length === 0 ? "" : `\n\n${tableOf(["in the query", "type", "default", "meaning"], rows)}`;
}

function bodyOf({ requestBody }: Operation): string {
  const ref = requestBody?.content["application/json"].schema.$ref?.split("/").at(-1);
  return ref === undefined ? "" : `[${ref}](#${ref.toLowerCase()})`;
}
