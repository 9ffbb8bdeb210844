// By which names the dashboard's page may be asked for, and below which paths.
import fc from "fast-check";
import { expect, test } from "vitest";
import { hostsOf, isOwnHost, nameIn } from "../../services/dashboard/hosts.ts";
import { mustBeOwnPage } from "../../services/dashboard/operator.ts";
import { placesOf, withSlash } from "../../services/dashboard/places.ts";
import { plainPath } from "../../shared/http/request-path.ts";

const here = hostsOf("127.0.0.1");
const proxied = hostsOf("127.0.0.1", "ops.example.com, Other.example.com:8443");
const wide = hostsOf("0.0.0.0");

test.each([
  ["127.0.0.1:8080", true, true],
  ["localhost:8080", true, true],
  ["LOCALHOST", true, true],
  ["[::1]:8080", true, true],
  ["127.9.9.9", true, true],
  ["evil.example", false, false],
  ["evil.example:8080", false, false],
  ["localhost.evil.example", false, false],
  ["127.0.0.1.evil.example", false, false],
  ["127.0.0.1@evil.example", false, false],
  ["192.168.1.5:8080", false, true],
  ["[2001:db8::1]:8080", false, true],
  ["", false, false],
  [undefined, false, false],
])("the name %s: of the dashboard at 127.0.0.1 %s, of one at every address %s", (host, own, everywhere) => {
  expect(isOwnHost(here, host)).toBe(own);
  expect(isOwnHost(wide, host)).toBe(everywhere);
});

test("names of a proxy are given; an address that it listens on needs none", () => {
  for (const host of ["ops.example.com", "ops.example.com:443", "OPS.example.com.", "other.example.com"])
    expect(isOwnHost(proxied, host)).toBe(true);
  expect(isOwnHost(proxied, "example.com")).toBe(false);
  expect(isOwnHost(hostsOf("192.168.1.5"), "192.168.1.5:8080")).toBe(true);
  expect(isOwnHost(hostsOf("box.lan"), "box.lan:8080")).toBe(true);
  expect(() => hostsOf("127.0.0.1", "https://ops.example.com")).toThrow("--allowed-hosts");
  expect(nameIn("[::1")).toBeUndefined();
});

test("a page behind a proxy that asks by another name may roll back where that name was given", () => {
  const headers = { host: "127.0.0.1:8080", origin: "https://ops.example.com", "sec-fetch-site": "same-origin" };
  expect(() => mustBeOwnPage(headers, proxied.given)).not.toThrow();
  expect(() => mustBeOwnPage(headers, here.given)).toThrow("ORIGIN_REFUSED");
  expect(() => mustBeOwnPage({ ...headers, origin: "https://evil.example" }, proxied.given)).toThrow("ORIGIN_REFUSED");
});

const place = placesOf(["/index.html", "/favicon.svg", "/assets/index-1.js"]);
test.each([
  ["/", "/"],
  ["/events", "/events"],
  ["/ops/tributary/", "/"],
  ["/ops/tributary/?x=1", "/?x=1"],
  ["/ops/tributary/events", "/events"],
  ["/ops/tributary/assets/index-1.js", "/assets/index-1.js"],
  ["/ops/tributary/api/models/diff?a=v1&b=v2", "/api/models/diff?a=v1&b=v2"],
  ["/api/api/models", "/api/models"],
  ["/api/models/", "/api/models/"],
  ["/assets/", "/assets/"],
  ["/ops/tributary", "/ops/tributary"],
  ["/ops/other.js", "/ops/other.js"],
  ["/..%2fetc/passwd", "/..%2fetc/passwd"],
])("%s is %s", (path, expected) => expect(place(path)).toBe(expected));

test("a browser that asks without the slash is sent to it, other requests are not, and nobody is sent elsewhere", () => {
  const html = "text/html,*/*";
  expect(withSlash("/ops/tributary?a=1", html)).toBe("./tributary/?a=1");
  expect(withSlash("//evil.example", html)).toBeUndefined();
  expect(withSlash("/a//evil", html)).toBe("./evil/");
  for (const [path, accept] of [
    ["/ops/tributary", "*/*"],
    ["/ops/x.js", html],
    ["/api/other", html],
    ["/ops/", html],
  ] as const)
    expect(withSlash(path, accept)).toBeUndefined();
  fc.assert(
    fc.property(fc.webPath(), (path) => void expect(withSlash(path, html) ?? "./").toMatch(/^\.\//)),
    { seed: 1337 },
  );
});

test.each([
  ["/v1/recommend%3Abatch", "/v1/recommend:batch"],
  ["/v1/recommend%3abatch?x=%3A", "/v1/recommend:batch?x=%3A"],
  ["/v1/recommend%253Abatch", "/v1/recommend%253Abatch"],
  ["/%76%31/recommend", "/v1/recommend"],
  ["/v1%2Frecommend", "/v1%2Frecommend"],
  ["/v1%3Frecommend", "/v1%3Frecommend"],
  ["http://127.0.0.1:8081/v1/recommend?x", "/v1/recommend?x"],
  ["http://127.0.0.1:8081", "/"],
  ["/v1/http://x", "/v1/http://x"],
  ["/v1/%zz", "/v1/%zz"],
  ["*", "*"],
])("a request for %s is one for %s", (target, path) => expect(plainPath(target)).toBe(path));

test("decoding a path twice is decoding it once", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("/", "%", "2", "5", "3", "A", "a", "?", ":", "#") }), (text) => {
      const once = plainPath(`/${text}`);
      expect(plainPath(once)).toBe(once);
    }),
    { seed: 1337, numRuns: 1000 },
  );
});
