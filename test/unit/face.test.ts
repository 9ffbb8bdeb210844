// Beyond loopback: who may read a service's figures, which secrets count as kept, and who is there of those that share
// a data directory.
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { faceHost, refusalOfFigures } from "../../shared/http/face-access.ts";
import { discover, reachable, register } from "../../shared/http/registry.ts";
import { linesOf, tokensOf } from "../../shared/http/token.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-face-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a service listens to this machine alone unless it is told otherwise, and then only with a token", () => {
  expect(faceHost({})).toEqual({ host: "127.0.0.1", tokens: undefined });
  expect(() => faceHost({ TRIBUTARY_HTTP_HOST: "0.0.0.0" })).toThrow("--token-file");
  const file = join(folder, "tokens");
  writeFileSync(file, "reader abc\ntrainer def\n");
  chmodSync(file, 0o644);
  expect(() => faceHost({ TRIBUTARY_HTTP_HOST: "0.0.0.0", TRIBUTARY_TOKEN_FILE: file })).toThrow("chmod 600");
  chmodSync(file, 0o600);
  expect(faceHost({ TRIBUTARY_HTTP_HOST: "0.0.0.0", TRIBUTARY_TOKEN_FILE: file }).tokens).toHaveLength(2);
});

test("probes need no token, figures need a reader's, and this machine needs none", () => {
  const tokens = tokensOf(linesOf("reader abc\ntrainer def"));
  const from = (url: string, token?: string, remote = "10.0.0.7") =>
    refusalOfFigures(tokens, url, token && `Bearer ${token}`, remote);
  expect(from("/live")).toBeUndefined();
  expect(from("/ready?x")).toBeUndefined();
  expect(from("/metrics", "abc")).toBeUndefined();
  expect(from("/metrics", undefined, "::ffff:127.0.0.1")).toBeUndefined();
  expect(from("/metrics")).toMatch("wrong or missing");
  expect(from("/status", "abd")).toMatch("wrong or missing");
  expect(from("/status", "def")).toMatch("role trainer may not");
  expect(from("/live/../status")).toMatch("wrong or missing");
});

test("of another machine who shares the folder is there as long as its entry is touched", () => {
  const leave = register(folder, "trainer", "http://10.0.0.7:9464");
  const [name] = readdirSync(folder);
  expect(name).toBe(`trainer-${hostname()}-${process.pid}.json`);
  register(folder, "serve", "http://127.0.0.1:8081")();
  expect(discover(folder)).toMatchObject([{ service: "trainer", url: "http://10.0.0.7:9464" }]);
  const entry = JSON.parse(readFileSync(join(folder, name!), "utf8")) as object;
  const other = join(folder, "trainer-elsewhere-1.json");
  writeFileSync(other, JSON.stringify({ ...entry, host: "elsewhere", pid: 2 ** 22 + 1 }));
  expect(discover(folder)).toHaveLength(2);
  utimesSync(other, new Date(), new Date(Date.now() - 60_000));
  expect(discover(folder)).toHaveLength(1);
  leave();
  expect(discover(folder)).toEqual([]);
});

test("who listens everywhere is told to others by an address of this machine, never by one that means everywhere", () => {
  expect(reachable("127.0.0.1")).toBe("127.0.0.1");
  expect(reachable("0.0.0.0")).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
  expect(reachable("0.0.0.0")).not.toBe("0.0.0.0");
});
