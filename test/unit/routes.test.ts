// Serve's HTTP interface without sockets: batches, the OpenAPI document, tokens, and whatever a client may come up
// with.
import fc from "fast-check";
import Fastify from "fastify";
import pino from "pino";
import { describe, expect, test } from "vitest";
import { noItems } from "../../services/serve/items.ts";
import { openapi } from "../../services/serve/openapi.ts";
import { routes } from "../../services/serve/routes.ts";
import { AppError } from "../../shared/errors/errors.ts";
import { Vocabulary } from "../../shared/events/vocabulary.ts";
import { linesOf, tokensOf } from "../../shared/http/token.ts";
import { denseVectors } from "../../shared/ranking/vectors.ts";
import { filterOf } from "../../shared/recommending/items/filters.ts";
import { recommending } from "../../shared/recommending/recommender.ts";
import { readRequest } from "../../shared/recommending/requests.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";
import { itemsTable, made } from "./items-table.ts";

const items = ["a", "b", "c", "d", "e"];
/** The more items somebody has, the higher the last columns. */
const model = recommending("v000001", {
  vocabulary: new Vocabulary(items),
  scoreBatch: (foldIns) =>
    Float32Array.from(foldIns.flatMap((row) => items.map((_, column) => column * (row.length - 1.5)))),
  vectors: made(denseVectors(Float32Array.of(1, 0, 1, 0.1, 0, 1, 0, 0.9, 0, 0), 2)),
});
const attributes = itemsTable({ year: [1990, 1991, 1992, 1993, 1994], constructor: ["x", "y", "x", "y", "x"] }, items);

function serving({ hasModel = true, tokens = "", broken = false, hasTable = true } = {}) {
  const app = Fastify();
  const metrics = createMetrics("serve");
  const counts = { requests: 0, errors: 0 };
  const paths: string[] = [];
  app.addHook("onRoute", ({ method, url }) => void paths.push(`${method} ${url.replace("::", ":")}`));
  routes(app, {
    published: {
      get: () => {
        if (broken) throw new Error("/secret/path");
        if (!hasModel) throw new AppError("MODEL_MISSING", { what: "none yet" });
        return model;
      },
      about: () => ({
        model: "v000001",
        step: 1,
        round: 1,
        tableVersion: 1,
        watermark: 1,
        items: 5,
        createdAt: 1,
        evaluation: null,
      }),
    },
    items: hasTable ? { filterOf: (filters) => filterOf(filters, attributes) } : noItems,
    historyOf: async (user) => {
      if (user !== "u1") throw new AppError("USER_UNKNOWN", { what: "no event of the user" });
      return ["a", "b"];
    },
    tokens: tokens === "" ? undefined : tokensOf(linesOf(tokens, "reader")),
    counts,
    metrics,
    log: pino({ enabled: false }),
  });
  const post = async (url: string, payload: unknown, headers: Record<string, string> = {}) => {
    const body = typeof payload === "string" || payload instanceof Buffer ? payload : JSON.stringify(payload);
    const response = await app.inject({
      method: "POST",
      url,
      headers: { "content-type": "application/json", ...headers },
      body,
    });
    return {
      status: response.statusCode,
      text: response.body,
      body: JSON.parse(response.body),
      headers: response.headers,
    };
  };
  return { app, counts, paths, post, metrics };
}

const one = "/v1/recommend";
const several = "/v1/recommend:batch";

describe("several requests in one call", () => {
  test("are answered in their order, each as if it were alone, and what is wrong with one is told in its place", async () => {
    const { post } = serving();
    const requests = [{ items: ["a", "b"] }, { user: "nobody" }, { items: 3 }, { user: "u1", k: 1 }, { items: [] }];
    const { status, body } = await post(several, { requests });
    expect(status).toBe(200);
    const alone = await Promise.all(requests.map(async (request) => (await post(one, request)).body));
    expect(body.answers).toEqual(alone);
    expect(alone).toMatchObject([
      { items: expect.any(Array) },
      { code: "USER_UNKNOWN" },
      { code: "REQUEST_MALFORMED" },
      { model: "v000001" },
      { fallback: "popular" },
    ]);
  });

  test.each([
    ["none", { requests: [] }],
    ["65", { requests: Array(65).fill({ items: [] }) }],
    ["no list", { requests: { items: [] } }],
    ["an unknown field", { requests: [{ items: [] }], k: 3 }],
  ])("%s is refused as a whole", async (_, body) => {
    expect(await serving().post(several, body)).toMatchObject({
      status: 400,
      body: { code: "REQUEST_MALFORMED", hint: expect.any(String) },
    });
  });

  test("without a model are told so once", async () => {
    expect(await serving({ hasModel: false }).post(several, { requests: [{ items: [] }] })).toMatchObject({
      status: 503,
      body: { code: "MODEL_MISSING" },
    });
  });
});

test("what breaks inside is told without the inside", async () => {
  const { status, text } = await serving({ broken: true }).post(one, { items: ["a"] });
  expect(status).toBe(500);
  expect(text).not.toContain("secret");
});

describe("what is asked of a list", () => {
  test.each([
    ["candidates", { candidates: ["d", "c", "nowhere"] }, ["d", "c"]],
    ["filters", { filters: { year: { min: 1992 } } }, ["e", "d", "c"]],
    ["a column of a hostile name", { filters: { constructor: "y" } }, ["d"]],
    ["both", { candidates: ["d", "c"], filters: { year: [1992, 1999] } }, ["c"]],
  ])("%s: nothing else is listed, alone and in a batch", async (_, options, expected) => {
    const { post } = serving();
    const body = { items: ["a", "b"], ...options };
    const alone = (await post(one, body)).body;
    expect(alone.items.map(({ item }: { item: string }) => item)).toEqual(expected);
    expect((await post(several, { requests: [{ items: [] }, body] })).body.answers[1]).toEqual(alone);
  });

  test("filters that nobody can read are told in their place, the others of the batch are answered", async () => {
    const requests = [
      { items: ["a"], filters: { colour: "red" } },
      { items: ["a"], filters: { year: "red" } },
      { items: ["a"], filters: { year: {} } },
      { items: ["a"], filters: { year: { min: 1, surplus: 2 } } },
      { items: ["a"], filters: { year: 1990 }, includeSeen: true },
    ];
    const { answers } = (await serving().post(several, { requests })).body;
    expect(answers.map(({ code, message }: Record<string, string>) => [code, message])).toEqual([
      ["REQUEST_MALFORMED", expect.stringMatching(/"colour".*no such column.*"year", "constructor"/)],
      ["REQUEST_MALFORMED", expect.stringMatching(/"year".*holds numbers, and "red" is none/)],
      ["REQUEST_MALFORMED", "filters.year: give min, max, above or below"],
      ["REQUEST_MALFORMED", expect.stringContaining('filters.year: Unrecognized key: "surplus"')],
      [undefined, undefined],
    ]);
  });

  test("filters without an items table are refused with 409 and the flag that is missing", async () => {
    const answer = await serving({ hasTable: false }).post(one, { items: ["a"], filters: {} });
    expect(answer).toMatchObject({
      status: 409,
      body: { code: "ITEMS_TABLE_MISSING", hint: expect.stringContaining("--items-table") },
    });
  });

  test("k beyond what diversity looks through is refused, without diversity it is not", async () => {
    const { post } = serving();
    expect(await post(one, { items: ["a"], k: 101, diversity: 0.1 })).toMatchObject({
      status: 400,
      body: { message: "k: at most 100 with diversity" },
    });
    expect((await post(one, { items: ["a"], k: 101, diversity: 0 })).status).toBe(200);
    expect((await post(one, { items: ["a", "b"], k: 100, diversity: 1 })).body.items[0].item).toBe("e");
  });

  test("each is counted", async () => {
    const { post, app, metrics } = serving();
    await post(one, { items: ["a"], candidates: [], filters: {}, diversity: 0.5, exclude: ["b"] });
    await post(one, { items: ["a"], exclude: [], diversity: 0 });
    await app.inject("/v1/similar?item=a");
    for (const what of ["candidates", "filters", "diversity", "exclude", "similar"])
      expect(await metrics.text()).toContain(`tributary_requests_with_total{what="${what}",service="serve"} 1`);
  });
});

describe("similar items", () => {
  const ask = async (query: string, options = {}) => {
    const answer = await serving(options).app.inject(`/v1/similar${query}`);
    return { status: answer.statusCode, body: answer.json() };
  };

  test("are the nearest by the model's vectors, without the item itself", async () => {
    const { status, body } = await ask("?item=a&k=2");
    expect(status).toBe(200);
    expect(body).toEqual({
      model: "v000001",
      item: "a",
      items: [
        { item: "b", score: expect.closeTo(0.995, 3) },
        { item: "c", score: 0 },
      ],
    });
  });

  test("pass filters, given as JSON", async () => {
    const filters = (text: string) => ask(`?item=a&filters=${encodeURIComponent(text)}`);
    expect((await filters('{"year": {"above": 1991}}')).body.items.map(({ item }: { item: string }) => item)).toEqual([
      "c",
      "d",
      "e",
    ]);
    expect((await filters('{"year": 1}')).body).toMatchObject({ items: [], empty: "filters" });
    for (const text of ["", "{", "[]", "3", '{"year": {}}', '{"__proto__": 1}'])
      expect(await filters(text), text).toMatchObject({ status: 400, body: { code: "REQUEST_MALFORMED" } });
  });

  test.each([
    ["", 400],
    ["?item=", 400],
    ["?item=a&item=b", 400],
    ["?item=a&k=0", 400],
    ["?item=a&k=1001", 400],
    ["?item=a&k=x", 400],
    ["?item=a&n=3", 400],
    ["?item=nowhere", 404],
    ["?item=e", 409],
    [`?item=${"x".repeat(257)}`, 400],
    ["?item=%ff", 404],
  ])("%s is refused with %d, code and hint", async (query, status) => {
    expect(await ask(query)).toMatchObject({ status, body: { code: expect.any(String), hint: expect.any(String) } });
  });

  test("without a model are told so with 503", async () => {
    expect(await ask("?item=a", { hasModel: false })).toMatchObject({ status: 503, body: { code: "MODEL_MISSING" } });
  });
});

describe("the OpenAPI document", () => {
  const document = openapi(false) as {
    openapi: string;
    paths: Record<string, Record<string, unknown>>;
    components: { schemas: Record<string, object> };
  };

  test("is served, and describes exactly the routes that there are", async () => {
    const { app, paths } = serving();
    expect((await app.inject("/openapi.json")).json()).toEqual(document);
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.sort()).toEqual(paths.filter((path) => path.includes(" /v1/") && !path.startsWith("HEAD")).sort());
  });

  test("refers to nothing that it does not hold, and every schema is referred to", () => {
    const text = JSON.stringify(document);
    const referred = new Set([...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name));
    expect(text.match(/"\$ref"/g)!.length).toBe(text.match(/"\$ref":"#\/components\/schemas\/\w+"/g)!.length);
    expect([...referred].sort()).toEqual(Object.keys(document.components.schemas).sort());
    expect(document.openapi).toBe("3.1.0");
  });

  test("says that a token is needed where one is", async () => {
    const { app } = serving({ tokens: "secret" });
    const answer = await app.inject({ url: "/openapi.json", headers: { authorization: "Bearer secret" } });
    expect(answer.json()).toMatchObject({
      security: [{ token: [] }],
      components: { securitySchemes: { token: { scheme: "bearer" } } },
    });
  });

  test("lets through what requests are read as, and nothing else", async () => {
    // ajv, a validator of JSON Schema that knows nothing of zod, reads the document's own schema here.
    const judge = Fastify({
      ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, strict: false } },
    });
    judge.post("/", { schema: { body: document.components.schemas.RecommendRequest } }, () => "good");
    const isGood = async (payload: unknown) => {
      const headers = { "content-type": "application/json" };
      return (
        (await judge.inject({ method: "POST", url: "/", headers, payload: JSON.stringify(payload) })).statusCode === 200
      );
    };
    const isRead = (request: unknown) => {
      try {
        return readRequest(request) !== undefined;
      } catch {
        return false;
      }
    };
    let good = 0;
    await fc.assert(
      fc.asyncProperty(request, async (request) => {
        expect(await isGood(request)).toBe(isRead(request));
        if (isRead(request)) good++;
      }),
      { seed: 7, numRuns: 500 },
    );
    expect(good).toBeGreaterThan(50);
  });
});

const knownId = fc.oneof(fc.constantFrom(...items, "zz", "x".repeat(256)), fc.integer());
const goodParts = {
  k: fc.integer({ min: 1, max: 1000 }),
  exclude: fc.array(knownId, { maxLength: 3 }),
  includeSeen: fc.boolean(),
  candidates: fc.array(knownId, { maxLength: 3 }),
  filters: fc.dictionary(
    fc.constantFrom("year", "constructor"),
    fc.oneof(
      fc.constantFrom<unknown>(1990, "x", null, true, [], [1990, "x", null], { min: 1, below: "2000" }),
      fc.constant({ max: 3 }),
    ),
  ),
  diversity: fc.constantFrom(0, 0.5, 1),
};
const good = fc.oneof(
  fc.record({ ...goodParts, items: fc.array(knownId, { maxLength: 3 }) }, { requiredKeys: ["items"] }),
  fc.record({ ...goodParts, user: fc.constant("u1") }, { requiredKeys: ["user"] }),
);
const badId = fc.constantFrom<unknown>("", "x".repeat(257), 1.5, 2 ** 60, null, true, ["a"]);
const badPart = fc.oneof(
  fc.record({ items: fc.oneof(fc.array(badId, { minLength: 1, maxLength: 3 }), fc.constantFrom("a", {}, null)) }),
  fc.record({ user: badId }),
  fc.record({ k: fc.constantFrom<unknown>(0, -1, 1001, 1e6, 1.5, "10", null) }),
  fc.record({ includeSeen: fc.constant("yes") }),
  fc.record({ surplus: fc.constant(1) }),
  fc.record({ candidates: fc.constantFrom<unknown>("a", null, [null], { a: 1 }) }),
  fc.record({ diversity: fc.constantFrom<unknown>(-0.1, 1.1, "1", null) }),
  fc.record({
    filters: fc.constantFrom<unknown>(null, [], "x", { "": 1 }, { year: {} }, { year: { min: true } }, { year: [[1]] }),
  }),
  fc.record({ items: fc.constant([]), user: fc.constant("u1") }),
);
/** Good ones, and good ones with something that is not. */
const request = fc.oneof(
  good,
  fc.tuple(good, badPart).map(([good, bad]) => ({ ...good, ...bad })),
);

describe("whatever a client sends", () => {
  const shapes = fc.oneof(
    request.map((each) => JSON.stringify(each)),
    fc
      .record({ requests: fc.array(fc.oneof(request, fc.jsonValue()), { maxLength: 4 }) })
      .map((each) => JSON.stringify(each)),
    fc.json(),
    fc.string({ unit: "binary" }),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.tuple(request, fc.nat(60)).map(([each, end]) => JSON.stringify(each).slice(0, end)),
  );
  const contentTypes = fc.oneof(
    { weight: 8, arbitrary: fc.constant("application/json") },
    fc.constantFrom("text/plain", "multipart/form-data", "json", "application/json; charset=utf-7"),
  );

  test("gets an answer, or a refusal with code, message and hint; nothing breaks", async () => {
    const { post, counts } = serving();
    const statuses = new Set<number>();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(one, several, "/v1/nothing"),
        shapes,
        contentTypes,
        async (url, payload, contentType) => {
          const { status, body, text } = await post(url, payload, { "content-type": contentType });
          statuses.add(status);
          expect([200, 400, 404, 413, 415]).toContain(status);
          if (status !== 200)
            expect(body).toEqual({
              code: expect.stringMatching(/^[A-Z_]+$/),
              message: expect.any(String),
              hint: expect.any(String),
            });
          expect(text).not.toMatch(/node_modules|\.ts:\d|\n\s+at /);
        },
      ),
      { seed: 7, numRuns: 1_000 },
    );
    expect([...statuses].sort()).toEqual([200, 400, 404, 415]);
    expect(counts.errors).toBeLessThan(counts.requests);
  });

  const deep = (depth: number) => `{"items": ${"[".repeat(depth)}${"]".repeat(depth)}}`;
  test.each([
    ["lists in lists, a million deep", deep(1_000_000)],
    ["objects in objects", `{"items": ${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}}`],
    ["a key __proto__", '{"items": ["a"], "__proto__": {"k": 1}}'],
    ["a key constructor", '{"items": ["a"], "constructor": {"prototype": {"k": 1}}}'],
    ["a user of 10 kB", JSON.stringify({ user: "u".repeat(10_000) })],
    ["an unknown field whose name is long", JSON.stringify({ items: [], ["x".repeat(100_000)]: 1 })],
    ["nothing", ""],
    ["null", "null"],
    ["a number that is none", '{"items": ["a"], "k": NaN}'],
    ["a k beyond all numbers", '{"items": ["a"], "k": 1e999}'],
    ["half of a surrogate as JSON", '{"items": "\\ud800"}'],
    ["a body that is not UTF-8", Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
    ["10,001 items", { items: Array(10_001).fill("a") }],
  ])("%s is refused in a few words", async (_, payload) => {
    const { status, body, text } = await serving().post(one, payload);
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: "REQUEST_MALFORMED", hint: expect.any(String) });
    expect(text.length).toBeLessThan(2_000);
  });

  test("10,000 items are fine, whoever they are", async () => {
    const { status, body } = await serving().post(one, {
      items: Array.from({ length: 10_000 }, (_, k) => (k < 2 ? items[k] : `x${k}`)),
      k: 1000,
    });
    expect(status).toBe(200);
    expect(body.unknown).toHaveLength(9_998);
    expect(body.items).toHaveLength(3);
  });

  test("more than 4 MiB are refused with 413", async () => {
    expect(await serving().post(one, `{"items": ["${"x".repeat(5 << 20)}"]}`)).toMatchObject({
      status: 413,
      body: { code: "REQUEST_MALFORMED" },
    });
  });
});

describe("with tokens", () => {
  const { app } = serving({ tokens: "reader good\nreader newer\ntrainer other\n" });
  const ask = async (authorization?: string, url = "/v1/models/current", remoteAddress = "10.1.2.3") => {
    const response = await app.inject({
      url,
      remoteAddress,
      headers: authorization === undefined ? {} : { authorization },
    });
    return { status: response.statusCode, body: response.json(), headers: response.headers };
  };

  test.each(["Bearer good", "bearer newer"])("whoever sends a reader's may ask (%s)", async (authorization) => {
    expect((await ask(authorization)).status).toBe(200);
  });

  test.each([undefined, "", "Bearer", "Bearer bad", "Bearer good x", "Basic Z29vZA==", "good", "Bearer other"])(
    "anything else is refused (%j)",
    async (authorization) => {
      const { status, body, headers } = await ask(authorization);
      expect(status).toBe(401);
      expect(body).toMatchObject({ code: "TOKEN_REFUSED", hint: expect.stringContaining("reader") });
      expect(headers["www-authenticate"]).toBe("Bearer");
    },
  );

  test("no path gets round it: unknown ones tell nothing, figures are for this machine, probes for everybody", async () => {
    for (const url of ["/openapi.json", "/v1/nothing", "/status", "/metrics", "//live", "/live/../status"])
      expect((await ask(undefined, url)).status, url).toBe(401);
    for (const remote of ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
      expect((await ask(undefined, "/status", remote)).status).toBe(404);
    expect((await ask(undefined, "/v1/models/current", "127.0.0.1")).status).toBe(401);
    expect((await ask(undefined, "/live")).status).toBe(404); // let through: this app has none
  });

  test("a body is not read before its sender is known", async () => {
    const response = await app.inject({
      method: "POST",
      url: one,
      headers: { "content-type": "application/json" },
      payload: "{",
    });
    expect(response.statusCode).toBe(401);
  });
});
