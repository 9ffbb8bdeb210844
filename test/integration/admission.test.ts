// The server's port from outside: tokens and their roles, TLS, web pages, strangers who say nothing, the command line
// of both ends.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { readCertificate } from "../../services/server/admission/certificate.ts";
import { MOST_STRANGERS } from "../../services/server/admission/limits.ts";
import { linesOf, tokensOf } from "../../shared/http/token.ts";
import { authority } from "./certificates.ts";
import { killAll, start, until } from "./processes.ts";
import { closeAll, connect, hello, startScheduler } from "./talker.ts";
import { freePort, hashOf, openCluster } from "./training-cluster.ts";

const dir = mkdtempSync(join(tmpdir(), "tributary-admission-"));
const at = (name: string) => join(dir, name);

/** A certificate and its key as files. */
function certify(name: string, host: string, days: number): void {
  const { cert, key } = issuer.issue(host, days);
  writeFileSync(at(`${name}.pem`), cert);
  writeFileSync(at(`${name}.key`), key, { mode: 0o600 });
}
const issuer = authority();

beforeAll(() => {
  writeFileSync(at("ca.pem"), issuer.cert);
  certify("good", "127.0.0.1", 1);
  certify("other", "elsewhere.example.com", 1);
  certify("expired", "127.0.0.1", -1);
  writeFileSync(at("tokens"), "trainer tttt\nevaluator eeee\nreader rrrr\n", { mode: 0o600 });
});
afterEach(closeAll);
afterAll(() => {
  killAll();
  rmSync(dir, { recursive: true });
});

const certificate = (name: string) => readCertificate({ tlsCert: at(`${name}.pem`), tlsKey: at(`${name}.key`) });
const tokens = tokensOf(linesOf("trainer tttt\nevaluator eeee\nreader rrrr"));
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

test.each([
  ["no token", {}, /401/],
  ["a wrong token", bearer("xxxx"), /401/],
  ["an evaluator's token", bearer("eeee"), /403/],
  ["a reader's token", bearer("rrrr"), /403/],
  ["a trainer's token on a web page", { ...bearer("tttt"), origin: "https://example.com" }, /403/],
])("with %s nobody gets in", async (_, options, code) => {
  const { peers } = await startScheduler(undefined, { tokens });
  await expect(connect(peers.url, options)).rejects.toThrow(code);
  expect(peers.list()).toEqual([]);
});

test("with a trainer's token one gets in", async () => {
  const { peers } = await startScheduler(undefined, { tokens });
  const peer = await connect(peers.url, bearer("tttt"));
  peer.say(hello);
  await peer.hear("welcome");
  expect(peers.list()).toHaveLength(1);
});

test("a reader sees every figure, an evaluator and a trainer how far the run is, a stranger nothing", async () => {
  const { peers } = await startScheduler(undefined, { tokens });
  const codes = async (path: string) => {
    const url = `${peers.url.replace("ws", "http")}${path}`;
    const answers = [{}, ...["xxxx", "tttt", "eeee", "rrrr"].map(bearer)].map(
      async (options) => (await fetch(url, options)).status,
    );
    return await Promise.all(answers);
  };
  expect(await codes("/status")).toEqual([401, 401, 200, 200, 200]);
  expect(await codes("/metrics")).toEqual([401, 401, 403, 403, 200]);
  expect(await codes("/other")).toEqual([404, 404, 404, 404, 404]);
  const url = peers.url.replace("ws", "http");
  expect(await (await fetch(`${url}/status`, bearer("eeee"))).json()).toMatchObject({ parts: { total: 0 } });
  expect(await (await fetch(`${url}/metrics`, bearer("rrrr"))).text()).toMatch(/tributary_process_cpu/);
  expect((await fetch(`${url}/status`, { ...bearer("eeee"), method: "POST" })).status).toBe(404);
});

test("over TLS trainers and readers get in by the same certificate", async () => {
  const { peers } = await startScheduler(undefined, { tokens, certificate: certificate("good") });
  expect(peers.url).toMatch(/^wss:/);
  const ca = readFileSync(at("ca.pem"));
  const peer = await connect(peers.url, { ...bearer("tttt"), ca });
  peer.say(hello);
  await peer.hear("welcome");
  const status = await new Promise((resolve, reject) =>
    request(`${peers.url.replace("wss", "https")}/status`, { ...bearer("rrrr"), ca }, ({ statusCode }) =>
      resolve(statusCode),
    )
      .on("error", reject)
      .end(),
  );
  expect(status).toBe(200);
});

test("strangers who say nothing are bounded in number, and keep nobody out for long", async () => {
  const { peers } = await startScheduler();
  const port = Number(new URL(peers.url).port);
  let closed = 0;
  const strangers = Array.from({ length: 2 * MOST_STRANGERS }, () =>
    connectTcp(port, "127.0.0.1")
      .on("error", () => undefined)
      .on("close", () => closed++)
      .resume(),
  );
  await until("half of them are turned away", () => closed >= MOST_STRANGERS);
  expect(closed).toBe(MOST_STRANGERS);
  await until("the others are, since they say nothing", () => closed === strangers.length, 20_000);
  const peer = await connect(peers.url);
  peer.say(hello);
  await peer.hear("welcome");
});

const trainer = (url: string, ...flags: string[]) =>
  start(["trainer", "--server", url, "--engine", "wasm", "--data-dir", at("data"), ...flags]).ended;

test.each([
  [
    "an expired certificate",
    "expired",
    ["--tls-ca", "ca.pem"],
    /CERTIFICATE_REFUSED: the server's certificate has expired/,
  ],
  [
    "a certificate of another host",
    "other",
    ["--tls-ca", "ca.pem"],
    /CERTIFICATE_REFUSED: the server's certificate is for another host/,
  ],
  ["an authority that it does not know", "good", [], /CERTIFICATE_REFUSED: no authority known here/],
])("a trainer that meets %s ends with words, not a stack", async (_, name, flags, words) => {
  const { peers } = await startScheduler(undefined, { certificate: certificate(name) });
  const { code, stderr } = await trainer(peers.url, ...flags.map((flag) => (flag.endsWith("pem") ? at(flag) : flag)));
  expect(stderr).toMatch(words);
  expect(stderr).not.toMatch(/INTERNAL|\n {4}at /);
  expect(code).toBe(3);
});

test("a trainer that speaks TLS to a server that does not is told so", async () => {
  const { peers } = await startScheduler();
  const { code, stderr } = await trainer(peers.url.replace("ws", "wss"));
  expect(stderr).toMatch(/CERTIFICATE_REFUSED: the server speaks no TLS/);
  expect(code).toBe(3);
});

test("a trainer without the token, or with a reader's, ends and says why", async () => {
  writeFileSync(at("wrong"), "trainer rrrr\n", { mode: 0o600 });
  const { peers } = await startScheduler(undefined, { tokens });
  expect(await trainer(peers.url)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/PEER_REJECTED: the token is wrong or missing/),
  });
  const reader = await trainer(peers.url, "--token-file", at("wrong"));
  expect(reader).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/PEER_REJECTED: the token is not a trainer's/),
  });
  expect(reader.stderr).not.toMatch(/rrrr/);
});

test("a trainer with token and authority of its own joins over TLS, and leaves when the run is over", async () => {
  const { peers } = await startScheduler(undefined, { tokens, certificate: certificate("good") });
  const ended = trainer(peers.url, "--token-file", at("tokens"), "--tls-ca", at("ca.pem"));
  await until("it is there", () => peers.list().length === 1);
  await peers.close(true);
  expect(await ended).toMatchObject({ code: 0, stderr: expect.not.stringMatching(/tttt/) });
});

test("a run whose weights and answers travel over TLS ends with the bytes of one in the clear", async () => {
  const cluster = openCluster();
  try {
    const hashes = await Promise.all(
      [
        ["ws", [], []] as const,
        [
          "wss",
          ["--tls-cert", at("good.pem"), "--tls-key", at("good.key"), "--token-file", at("tokens")],
          ["--tls-ca", at("ca.pem")],
        ] as const,
      ].map(async ([scheme, serverFlags, trainerFlags]) => {
        const out = join(cluster.dir, scheme);
        const run = ["--data", cluster.data, "--epochs", "2", "--no-shared-memory"];
        const port = await freePort();
        const server = cluster.startServer(out, port, ...run, ...serverFlags);
        const url = `${scheme}://127.0.0.1:${port}`;
        for (let k = 0; k < 2; k++)
          cluster.startTrainer(port, "--server", url, "--token-file", at("tokens"), ...trainerFlags);
        expect(await server.exited).toBe(0);
        return hashOf(out);
      }),
    );
    expect(hashes[1]).toBe(hashes[0]);
  } finally {
    await cluster.free();
  }
});

const server = (...flags: string[]) =>
  start(["server", "--data", at("none"), "--epochs", "1", "--out", at("out"), "--data-dir", at("data"), ...flags])
    .ended;

test.each([
  [["--tls-cert", "good.pem"], /USAGE: --tls-cert and --tls-key go together/],
  [
    ["--tls-cert", "good.pem", "--tls-key", "other.key"],
    /USAGE: --tls-cert and --tls-key are no PEM certificate and its private key/,
  ],
  [["--listen", "0.0.0.0:0"], /USAGE: --listen 0.0.0.0 is open to other machines: give --token-file/],
])("`server %s` is a mistake that is told", async (flags, words) => {
  const { code, stderr } = await server(
    ...flags.map((flag) => (/pem$|key$/.test(flag) && !flag.startsWith("--") ? at(flag) : flag)),
  );
  expect(stderr).toMatch(words);
  expect(code).toBe(2);
});

test("a token that travels in the clear is warned of", async () => {
  const { stderr, stdout } = await server("--listen", "0.0.0.0:0", "--token-file", at("tokens"));
  expect(stdout + stderr).toMatch(/can read the token and the weights/);
});
