// Who may roll a model back from the page: an operator, from the dashboard's own page; everybody else is told why not.
import { expect, test } from "vitest";
import { mustBeOperator, mustBeOwnPage } from "../../services/dashboard/operator.ts";
import { refuse } from "../../services/dashboard/refusals.ts";
import { AppError } from "../../shared/errors/errors.ts";
import { linesOf, tokensOf } from "../../shared/http/token.ts";

const tokens = tokensOf(linesOf("operator o\nreader r\ntrainer t"));

test("an operator may", () => {
  expect(() => mustBeOperator(tokens, "Bearer o")).not.toThrow();
  expect(() => mustBeOperator(tokensOf(linesOf("bare", "operator")), "bearer bare")).not.toThrow();
});

test.each([
  ["no token", tokens, undefined, "wrong or missing"],
  ["a wrong one", tokens, "Bearer x", "wrong or missing"],
  ["a scheme of another kind", tokens, "Basic o", "wrong or missing"],
  ["a reader", tokens, "Bearer r", "reader may not roll back"],
  ["a trainer", tokens, "Bearer t", "trainer may not roll back"],
  ["nobody is known", undefined, "Bearer o", "without --token-file"],
])("%s may not", (_, known, authorization, why) => {
  expect(() => mustBeOperator(known, authorization)).toThrow(why);
});

test("the dashboard's own page and programs may ask, another site's page may not", () => {
  const host = "127.0.0.1:8080";
  for (const headers of [
    {},
    { origin: "http://127.0.0.1:8080" },
    { origin: "https://127.0.0.1:8080", "sec-fetch-site": "same-origin" },
  ])
    expect(() => mustBeOwnPage({ host, ...headers })).not.toThrow();
  for (const headers of [
    { origin: "http://127.0.0.1:8081" },
    { origin: "null" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
  ])
    expect(() => mustBeOwnPage({ host, ...headers })).toThrow("ORIGIN_REFUSED");
});

test("a refusal has a code and a hint, and nothing of what is inside", () => {
  expect(refuse(new AppError("REQUEST_MALFORMED", { what: "version is missing" }))).toMatchObject({
    status: 400,
    body: { code: "REQUEST_MALFORMED", message: "version is missing", hint: expect.stringContaining("POST JSON") },
  });
  const { status, body } = refuse(new Error("/secret/path"));
  expect(status).toBe(500);
  expect(JSON.stringify(body)).not.toContain("secret");
});
