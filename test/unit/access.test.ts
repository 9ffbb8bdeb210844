// Who may come in, and where: addresses, token files, roles, certificates, what a trainer says of a certificate that it
// does not trust.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type Right, refusalOf, refusalOfPage } from "../../services/server/admission/access.ts";
import { listenAddress } from "../../services/server/admission/address.ts";
import { readCertificate } from "../../services/server/admission/certificate.ts";
import { certificateProblem, readAccess } from "../../services/trainer/access.ts";
import { isLoopback, mustBeGuarded } from "../../shared/http/loopback.ts";
import { linesOf, readToken, readTokens, roleOf, tokensOf } from "../../shared/http/token.ts";

const dir = mkdtempSync(join(tmpdir(), "tributary-access-"));
afterAll(() => rmSync(dir, { recursive: true }));
function file(name: string, text: string, mode = 0o600): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

test.each(["127.0.0.1", "127.8.9.10", "localhost", "[::1]"])("%s needs no token", (host) => {
  expect(listenAddress(`${host}:7070`, false)).toEqual({
    host: host.replace(/[[\]]/g, ""),
    port: 7070,
    isLoopback: true,
  });
});

test.each(["0.0.0.0", "[::]", "192.168.1.5", "trainers.example.com", "127.example.com", "[::ffff:10.0.0.1]"])(
  "%s does",
  (host) => {
    expect(() => listenAddress(`${host}:7070`, false)).toThrow(/USAGE.*open to other machines.*--token-file/);
    expect(listenAddress(`${host}:0`, true)).toMatchObject({ port: 0, isLoopback: false });
  },
);

test.each(["7070", "localhost", "localhost:70700", "::1:7070", ":7070", ""])('"%s" is no address', (text) => {
  expect(() => listenAddress(text, true)).toThrow(/not HOST:PORT/);
});

test.each([
  ["127.0.0.1", true],
  ["::1", true],
  ["::ffff:127.0.0.1", true],
  ["localhost", true],
  ["0.0.0.0", false],
  ["::", false],
  ["10.0.0.1", false],
  ["::ffff:10.0.0.1", false],
  ["127.example.com", false],
])("whether %s is this machine alone: %s", (host, alone) => {
  expect(isLoopback(host)).toBe(alone);
  const guard = (hasToken: boolean) => () => mustBeGuarded("--host", host, hasToken);
  expect(guard(true)).not.toThrow();
  if (alone) expect(guard(false)).not.toThrow();
  else expect(guard(false)).toThrow(/USAGE.*--host.*--token-file/);
});

test("a bare token is of the role that its reader asks for", () => {
  const path = file("bare-reader", "secret\n");
  expect(roleOf(readTokens(path, "reader")!, "secret")).toBe("reader");
  expect(roleOf(readTokens(path)!, "secret")).toBe("trainer");
  expect(readToken(path, "reader")).toBe("secret");
  const others = file("no-reader", "trainer one\nevaluator two\n");
  expect(() => readToken(others, "reader")).toThrow(/no token of the role reader/);
});

const all = "# ours\ntrainer one\ntrainer two # until Friday\n\nevaluator three\r\nreader four\n";

test("a file of roles serves both ends: the server knows every line, the trainer takes its first", () => {
  const path = file("roles", all);
  expect(["one", "two", "three", "four", "five", ""].map((token) => roleOf(readTokens(path)!, token))).toEqual([
    "trainer",
    "trainer",
    "evaluator",
    "reader",
    undefined,
    undefined,
  ]);
  expect(readToken(path)).toBe("one");
});

test("a file of one bare token is a trainer's, and no file is no token", () => {
  const path = file("bare", "secret\n");
  expect(roleOf(readTokens(path)!, "secret")).toBe("trainer");
  expect(readToken(path)).toBe("secret");
  expect([readTokens(undefined), readToken(undefined)]).toEqual([undefined, undefined]);
});

test.each([
  ["an unknown role", "trainer 111\nadmin 222", /`role token`.*line 2/],
  ["a role without a token", "trainer 111\nreader", /`role token`.*line 2/],
  ["too many words", "trainer 111 222\nreader 333", /`role token`.*line 1/],
  ["a token that no header can carry", "trainer schlüssel", /ASCII.*line 1/],
])("a file with %s is refused, without the token in the message", (_, text, why) => {
  expect(() => linesOf(text)).toThrow(why);
  expect(() => linesOf(text)).not.toThrow(/111|222|333|schlüssel/);
});

test("one token cannot stand for two roles", () => {
  expect(() => tokensOf(linesOf("trainer same\nreader same"))).toThrow(/two roles/);
});

test.each([0o640, 0o604, 0o644])("a token file of mode %o is refused: others may read it", (mode) => {
  expect(() => readTokens(file("open", "secret", mode))).toThrow(/USAGE.*chmod 600/);
  expect(() => readToken(file("open", "secret", mode))).toThrow(/USAGE.*chmod 600/);
});

test("a token file that is empty, missing or without a trainer says so", () => {
  expect(() => readTokens(file("empty", " \n"))).toThrow(/USAGE.*empty/);
  expect(() => readTokens(join(dir, "none"))).toThrow(/FILE_MISSING/);
  expect(() => readToken(file("readers", "reader one"))).toThrow(/USAGE.*no token of the role trainer/);
});

test.each<[Right, Record<string, number | undefined>]>([
  ["train", { one: undefined, three: 403, four: 403, five: 401 }],
  ["read /status", { one: undefined, three: undefined, four: undefined, five: 401 }],
  ["read /metrics", { one: 403, three: 403, four: undefined, five: 401 }],
])("who may %s", (right, expected) => {
  const tokens = tokensOf(linesOf(all));
  for (const [token, code] of Object.entries(expected)) {
    expect(refusalOf(right, tokens, `Bearer ${token}`)?.code, token).toBe(code);
    expect(refusalOf(right, undefined, `Bearer ${token}`)).toBeUndefined();
  }
  for (const header of [undefined, "", "Bearer", "Bearer ", "Basic one", "one"])
    expect(refusalOf(right, tokens, header)?.code).toBe(401);
});

test("a web page is refused whatever it shows", () => {
  expect(refusalOfPage("https://example.com")?.code).toBe(403);
  expect(refusalOfPage("null")?.code).toBe(403);
  expect(refusalOfPage(undefined)).toBeUndefined();
});

test("certificate and key go together, are PEM, and the key is nobody else's to read", () => {
  const [cert, key] = [file("cert", "no certificate", 0o644), file("key", "no key")];
  expect(readCertificate({})).toBeUndefined();
  expect(() => readCertificate({ tlsCert: cert })).toThrow(/USAGE.*go together/);
  expect(() => readCertificate({ tlsKey: key })).toThrow(/USAGE.*go together/);
  expect(() => readCertificate({ tlsCert: cert, tlsKey: key })).toThrow(/USAGE.*no PEM certificate/);
  expect(() => readCertificate({ tlsCert: join(dir, "none"), tlsKey: key })).toThrow(/FILE_MISSING/);
  expect(() => readCertificate({ tlsCert: cert, tlsKey: file("key", "no key", 0o644) })).toThrow(
    /--tls-key.*chmod 600/,
  );
});

test("a trainer shows its token in a header, and reads an authority of its own", () => {
  expect(readAccess({})).toEqual({ headers: {}, ca: undefined });
  expect(readAccess({ tokenFile: file("bare", "secret") }).headers).toEqual({ authorization: "Bearer secret" });
  expect(() => readAccess({ tlsCa: file("ca", "none") })).toThrow(/USAGE.*no certificate/);
});

test.each([
  ["CERT_HAS_EXPIRED", /expired/],
  ["ERR_TLS_CERT_ALTNAME_INVALID", /another host/],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", /no authority/],
  ["EPROTO", /no TLS/],
  ["CERT_REVOKED", /CERT_REVOKED/],
])("%s is told in words", (code, words) => {
  expect(certificateProblem(code)).toMatch(words);
});

test.each(["ECONNREFUSED", "ENOTFOUND", "ECONNRESET", undefined])("%s is worth another attempt", (code) => {
  expect(certificateProblem(code)).toBeUndefined();
});
