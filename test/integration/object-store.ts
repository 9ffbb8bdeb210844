// For tests: a real S3 server on loopback (moto's), and between it and us a proxy at which any request may meet a fate.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse, request as send } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { sleep } from "../../shared/runtime/lifecycle.ts";

export type Fate =
  | "pass"
  | "slow"
  /** The server does what was asked, and half of its answer comes. */
  | "cut off"
  /** Who asked is cut off, and the server hears of it later. */
  | "late"
  | { readonly status: number; readonly code: string; readonly headers?: Readonly<Record<string, string>> };

export interface Request {
  readonly method: string;
  /** With what stands behind it. */
  readonly path: string;
}

export interface ObjectStore {
  /** What processes reach it by, through the proxy. */
  readonly env: Readonly<Record<string, string>>;
  /** The same without the proxy, for who asks while this process waits. */
  readonly past: Readonly<Record<string, string>>;
  /** Since they were last emptied, with what became of them. */
  readonly requests: (Request & { readonly fate: Fate })[];
  fateOf: (request: Request) => Fate;
  close(): Promise<void>;
}

export const unavailable: Fate = { status: 503, code: "SlowDown" };
const SLOW_MS = 700;
const LATE_MS = 300;

/** With a bucket called `tables`. */
export async function openObjectStore(): Promise<ObjectStore> {
  const python = process.env.TRIBUTARY_TEST_PYTHON;
  if (!python) throw new Error("TRIBUTARY_TEST_PYTHON names no Python with moto; `npm test` sets it");
  const script = fileURLToPath(new URL("s3-server.py", import.meta.url));
  const server: ChildProcess = spawn(python, [script], { stdio: ["pipe", "pipe", "inherit"] });
  const [said] = await Promise.race([
    once(server.stdout!, "data"),
    once(server, "exit").then(() => Promise.reject(new Error("the S3 server does not start"))),
  ]);
  const port = Number(String(said));
  const made = await fetch(`http://127.0.0.1:${port}/tables`, { method: "PUT" });
  if (!made.ok) throw new Error(`the bucket cannot be made: ${made.status}`);

  const requests: ObjectStore["requests"][number][] = [];
  const proxy = createServer((from, to) => void pass(from, to).catch(() => to.destroy()));

  async function pass(from: IncomingMessage, to: ServerResponse): Promise<void> {
    const body = Buffer.concat(await from.toArray());
    const request = { method: from.method!, path: from.url! };
    const fate = store.fateOf(request);
    requests.push({ ...request, fate });
    if (typeof fate === "object") {
      const xml = `<?xml version="1.0"?><Error><Code>${fate.code}</Code><Message>${fate.code}</Message></Error>`;
      to.writeHead(fate.status, { "content-type": "application/xml", ...fate.headers }).end(
        from.method === "HEAD" ? undefined : xml,
      );
      return;
    }
    if (fate === "late") {
      to.destroy();
      await sleep(LATE_MS);
    }
    if (fate === "slow") await sleep(SLOW_MS);
    const { status, headers, bytes } = await asked(from, body);
    if (fate === "late") return;
    to.writeHead(status, headers);
    if (fate !== "cut off") return void to.end(bytes);
    to.write(bytes.subarray(0, bytes.length / 2), () => to.destroy());
  }

  async function asked({ method, url, headers }: IncomingMessage, body: Buffer) {
    const upstream = send({ port, host: "127.0.0.1", method, path: url, headers }).end(body);
    const [answer] = (await once(upstream, "response")) as [IncomingMessage];
    const { connection: _, ...said } = answer.headers;
    return { status: answer.statusCode!, headers: said, bytes: Buffer.concat(await answer.toArray()) };
  }

  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const store: ObjectStore = {
    env: reachedAt((proxy.address() as AddressInfo).port),
    past: reachedAt(port),
    requests,
    fateOf: () => "pass",
    close: async () => {
      proxy.closeAllConnections();
      proxy.close();
      server.stdin!.end();
      if (server.exitCode === null) await once(server, "exit");
    },
  };
  return store;
}

const reachedAt = (port: number) => ({
  AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
  ...{ AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "secret", AWS_REGION: "us-east-1" },
  AWS_EC2_METADATA_DISABLED: "true",
});
