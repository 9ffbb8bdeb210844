// Serve at its sockets: clients that never finish, send what is no HTTP, or too much of it; several in one breath; who
// is answered when it stops; tokens.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { publish } from "../../shared/checkpoints/models.ts";
import { type Listening, serveFace } from "../../shared/http/http.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { killAll, start } from "./processes.ts";
import { eventually, type Service, startService, writeCheckpoint, writeTable } from "./published.ts";

const dataDir = mkdtempSync(join(tmpdir(), "serve-sockets-"));
const services: Service<"serve">[] = [];
async function serving(...flags: string[]): Promise<Service<"serve">> {
  const service = await startService("serve", dataDir, flags);
  services.push(service);
  return service;
}

beforeAll(async () => {
  const histories = await writeTable(pathsOf(dataDir).table);
  await publish(pathsOf(dataDir).models, await writeCheckpoint(dataDir, 1, histories), {});
});
afterAll(async () => {
  killAll();
  for (const { process } of services) await process.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

/** A client that writes what it likes. */
function talk(url: string): { socket: Socket; said: Promise<string>; text(): string } {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = "";
  socket.setEncoding("utf8").on("data", (more: string) => {
    text += more;
  });
  socket.on("error", () => undefined); // cut off in the middle of what it says
  const said = new Promise<string>((resolve) => socket.once("close", () => resolve(text)));
  return { socket, said, text: () => text };
}
const answersIn = (text: string) => text.split(/(?=HTTP\/1\.1 )/);
const bodyOf = (answer: string) => JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4));
const head = (length: number | "chunked") =>
  "POST /v1/recommend HTTP/1.1\r\nhost: here\r\ncontent-type: " +
  `application/json\r\n${length === "chunked" ? "transfer-encoding: chunked" : `content-length: ${length}`}\r\n\r\n`;
const good = '{"items": ["i0"], "k": 3}';
const refusal = { code: "REQUEST_MALFORMED", message: expect.any(String), hint: expect.any(String) };

async function expectAnswered(url: string): Promise<void> {
  const response = await fetch(`${url}/v1/recommend`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: good,
  });
  expect(response.status).toBe(200);
}

describe("clients that do as they like", () => {
  let url: string;
  beforeAll(async () => {
    ({ url } = await serving());
  });
  afterEach(() => expectAnswered(url));

  test("several requests in one write are answered in their order", async () => {
    const { socket, text } = talk(url);
    const bodies = Array.from({ length: 20 }, (_, k) => `{"items": ["i${k % 5}"], "k": ${k + 1}}`);
    socket.write(bodies.map((body) => head(body.length) + body).join(""));
    await eventually(async () => answersIn(text()).length === 20 && text().endsWith("]}"));
    socket.destroy();
    expect(answersIn(text()).map((answer) => bodyOf(answer).items.length)).toEqual(bodies.map((_, k) => k + 1));
  });

  test.each([
    ["garbage", "\x16\x03\x01 nothing that anybody understands\r\n\r\n", 400],
    ["a length that is no number", head(7).replace(": 7", ": seven"), 400],
    ["two lengths", head(7).replace("content-length: 7", "content-length: 7\r\ncontent-length: 8"), 400],
    ["headers of 100 kB", head(7).replace("host: here", `host: here\r\nx: ${"y".repeat(100_000)}`), 431],
    ["an address that cannot be read", "GET /v1/%zz HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n", 400],
  ])("%s is told so in JSON, and the connection ends", async (_, text, status) => {
    const { socket, said } = talk(url);
    socket.write(text);
    const answer = await said;
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(bodyOf(answer)).toEqual(refusal);
    expect(answer).not.toContain("node_modules");
  });

  const codings = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync };
  const send = (body: BodyInit, coding: string) =>
    fetch(`${url}/v1/recommend`, {
      method: "POST",
      body,
      headers: { "content-type": "application/json", "content-encoding": coding },
    });
  const bomb = (coding: keyof typeof codings) => new Uint8Array(codings[coding](Buffer.alloc(64 << 20, " ")));

  test.each(["gzip", "deflate", "br"] as const)(
    "serve-percent-encoded-colon: a body in %s is read, and cut off at 4 MiB of what it holds",
    async (coding) => {
      const answer = await send(new Uint8Array(codings[coding](good)), coding);
      expect(answer.status).toBe(200);
      expect(await answer.json()).toMatchObject({ items: expect.any(Array) });
      expect((await send(bomb(coding), coding)).status).toBe(413);
      for (const torn of [new Uint8Array(codings[coding](good).subarray(0, -9)), "no such thing"]) {
        const refused = await send(torn, coding);
        expect(refused.status).toBe(400);
        expect(await refused.json()).toMatchObject({
          ...refusal,
          message: expect.stringContaining(`the body is no ${coding}`),
        });
      }
    },
  );

  test.each(["zstd", "gzip, gzip", "constructor", "aws-chunked"])(
    "a body in %s is refused with 415, and with what is read",
    async (coding) => {
      const refused = await send(good, coding);
      expect([refused.status, refused.headers.get("accept-encoding")]).toEqual([415, "gzip, deflate, br"]);
      expect(await refused.json()).toEqual(refusal);
    },
  );

  test.each(["%3A", "%3a"])("serve-percent-encoded-colon: %s is a colon in a path", async (colon) => {
    const batch = (path: string) =>
      fetch(`${url}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: `{"requests": [${good}]}`,
      });
    expect((await batch(`/v1/recommend${colon}batch`)).status).toBe(200);
    expect((await batch(`/v1/recommend${colon.replace("%", "%25")}batch`)).status).toBe(404);
  });

  test("a good request with garbage behind it harms nobody", async () => {
    const { socket, said } = talk(url);
    socket.write(`${head(good.length)}${good}garbage\r\n\r\n`);
    expect(await said).toMatch(/HTTP\/1\.1 400 /);
  });

  test("a body without end is cut off with 413 at 4 MiB, while others are answered", async () => {
    const { socket, said, text } = talk(url);
    let sent = 0;
    const chunk = `10000\r\n${" ".repeat(0x10000)}\r\n`;
    const pour = () => {
      while (!socket.destroyed && text() === "" && socket.write(chunk)) sent += chunk.length;
      sent += chunk.length;
    };
    socket.on("drain", pour);
    socket.write(head("chunked"));
    pour();
    await expectAnswered(url);
    await eventually(async () => text() !== "");
    expect(text()).toMatch(/^HTTP\/1.1 413 /);
    socket.destroy();
    await said;
    expect(sent).toBeLessThan(32 << 20); // what it read and what lies in the sockets' buffers
  });
});

describe("a client that does not go on", () => {
  let face: Listening;
  let gone: Promise<void>;
  beforeAll(async () => {
    face = await serveFace({
      service: "patient",
      runDir: join(dataDir, "patient"),
      port: 0,
      metrics: createMetrics("patient"),
      status: () => ({}),
      patienceMs: 400,
      refusal: (status, message) => ({ status, message }),
      routes: (app) => {
        app.post("/v1/recommend", () => ({}));
        gone = new Promise((resolve) => {
          app.get("/endless", (_, reply) => {
            reply.raw.once("close", () => resolve());
            return "x".repeat(64 << 20);
          });
        });
      },
    });
    return () => face.close();
  });

  test.each([
    ["with its body", `${head(1000)}{"items": [`],
    ["with its headers", "POST /v1/recommend HTTP/1.1\r\nhost: "],
  ])("%s, though bytes come, ends with 408, while others are answered", async (_, beginning) => {
    const { socket, said } = talk(face.url);
    socket.write(beginning);
    const dripping = setInterval(() => socket.write("x"), 20);
    expect((await fetch(`${face.url}/live`)).status).toBe(200);
    const answer = await said;
    clearInterval(dripping);
    expect(answer).toMatch(/^HTTP\/1.1 408 /);
    expect(bodyOf(answer)).toEqual({ status: 408, message: expect.any(String) });
  });

  test("with reading its answer is cut off, while others are answered", async () => {
    const { socket } = talk(face.url);
    socket.pause();
    socket.write("GET /endless HTTP/1.1\r\nhost: here\r\n\r\n");
    expect((await fetch(`${face.url}/live`)).status).toBe(200);
    await gone;
    socket.destroy();
  });
});

describe("when it is told to stop", () => {
  test("it answers what had begun, says that the connection ends, and exits with 0", async () => {
    const { url, process } = await serving();
    const half = talk(url);
    half.socket.write(head(good.length) + good.slice(0, 5));
    const idle = talk(url);
    idle.socket.write(head(good.length) + good);
    await eventually(async () => idle.text() !== "");
    process.child.kill("SIGTERM");
    await eventually(
      async () =>
        !(await fetch(`${url}/ready`).then(
          ({ ok }) => ok,
          () => false,
        )),
    );
    half.socket.write(good.slice(5));
    const answer = await half.said;
    expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(answer).toMatch(/\r\nconnection: close\r\n/i);
    expect(bodyOf(answer).items).toHaveLength(3);
    await idle.said; // an idle connection is closed, not waited for
    expect(await process.exited).toBe(0);
  });

  test("clients under way get every answer: none is lost between the last one and the end of the connection", async () => {
    const { url, process } = await serving();
    let answers = 0;
    const client = async () => {
      const { socket, said, text } = talk(url);
      for (let asked = 1; ; asked++) {
        socket.write(head(good.length) + good);
        await Promise.race([eventually(async () => answersIn(text()).length === asked && text().endsWith("]}")), said]);
        const answer = answersIn(text())[asked - 1] ?? "";
        if (!answer.startsWith("HTTP/1.1 200 "))
          throw new Error(`answer ${asked} of a connection: ${JSON.stringify(answer)}`);
        answers++;
        if (/connection: close/i.test(answer)) return;
      }
    };
    const clients = Array.from({ length: 8 }, client);
    await eventually(async () => answers > 50);
    process.child.kill("SIGTERM");
    await Promise.all(clients);
    expect(await process.exited).toBe(0);
  });

  test("a client that never finishes does not keep it", async () => {
    const { url, process } = await serving();
    const endless = talk(url);
    endless.socket.write(`${head(1000)}{"items": [`);
    await expectAnswered(url);
    process.child.kill("SIGTERM");
    expect(await process.exited).toBe(0);
    await endless.said;
  });
});

describe("with --token-file", () => {
  const file = join(dataDir, "tokens");
  const run = (...flags: string[]) => start([...flags, "--data-dir", dataDir]).ended;
  beforeAll(() => {
    writeFileSync(file, "reader sesame\ntrainer other\n");
    chmodSync(file, 0o600);
  });

  test("it listens beyond loopback, which it refuses without", async () => {
    const { code, stderr } = await run("serve", "--host", "0.0.0.0", "--http-port", "0");
    expect(code).toBe(2);
    expect(stderr).toMatch(/USAGE.*open to other machines.*--token-file/);
    const { url } = await serving("--host", "0.0.0.0", "--token-file", file);
    expect(url).not.toContain("0.0.0.0"); // others are told an address that they can use
    expect((await fetch(`http://127.0.0.1:${new URL(url).port}/ready`)).status).toBe(200);
  });

  test("`recommend` brings the token, and is told without it", async () => {
    const { url } = await serving("--token-file", file);
    const wish = ["recommend", "--server", url, "--items", "i0", "--json"];
    const { code, stdout } = await run(...wish, "--token-file", file);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ model: "v000001", items: expect.any(Array) });
    const refused = await run(...wish);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain("TOKEN_REFUSED");
    writeFileSync(join(dataDir, "bare"), "sesame\n", { mode: 0o600 });
    expect((await run(...wish, "--token-file", join(dataDir, "bare"))).code).toBe(0);
  });
});
