// Admission to the one port of the parameter server: TLS, tokens, how many may come, /status and /metrics for who may
// read them. Whoever gets past it is a websocket of peers.ts.
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { guardPort, type PortGuard } from "../../../shared/http/port-guard.ts";
import type { Tokens } from "../../../shared/http/token.ts";
import type { Metrics } from "../../../shared/runtime/metrics.ts";
import { MAX_PAYLOAD } from "../../../shared/training/frames.ts";
import { type Refusal, refusalOf, refusalOfPage } from "./access.ts";
import type { Certificate } from "./certificate.ts";
import { REQUEST_WITHIN, strangers } from "./limits.ts";

export interface Listen {
  readonly host: string;
  readonly port: number;
  /** wss and https with it, ws and http without. */
  readonly certificate?: Certificate | undefined;
  readonly tokens?: Tokens | undefined;
  /** What /status and /metrics answer; absent: nothing. */
  readonly pages?: Pages | undefined;
}

export interface Pages {
  status(): unknown;
  readonly metrics: Pick<Metrics, "text" | "contentType">;
}

export interface Admission {
  /** ws://host:port or wss://host:port, the port as it came out. */
  readonly url: string;
  close(): Promise<void>;
}

const CLOSE_MS = 1_000;
/** Of one message: ours come in one, and a proxy may cut them. */
const MOST_FRAGMENTS = 1_024;
/** What a refused stranger may still send while it reads why. */
const MOST_IN_VAIN = 1 << 20;

/** `entered` gets a stranger's websocket, and what makes it no stranger. Throws EADDRINUSE. */
export async function openAdmission(
  listen: Listen,
  entered: (socket: WebSocket, admit: () => void) => void,
): Promise<Admission> {
  const { host, port, certificate, tokens, pages } = listen;
  const patience = {
    headersTimeout: REQUEST_WITHIN,
    requestTimeout: REQUEST_WITHIN,
    connectionsCheckingInterval: 1_000,
  };
  const server = certificate
    ? createTlsServer({ ...patience, ...certificate, handshakeTimeout: REQUEST_WITHIN })
    : createServer(patience);
  const guard = guardPort(server, strangers);
  const inside = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_PAYLOAD,
    maxFragments: MOST_FRAGMENTS,
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const { origin, authorization } = request.headers;
    const refusal = refusalOfPage(origin) ?? refusalOf("train", tokens, authorization);
    if (refusal) return refuse(guard, socket, refusal);
    inside.handleUpgrade(request, socket, head, (guest) => {
      guard.moved(socket, "greeting");
      entered(guest, () => guard.admit(socket));
    });
  });
  server.on("request", async (request: IncomingMessage, response: ServerResponse) => {
    const page = pages && request.method === "GET" ? pageOf(request.url ?? "", pages) : undefined;
    if (!page) return deny(response, notFound);
    const refusal = refusalOf(page.right, tokens, request.headers.authorization);
    if (refusal) return deny(response, refusal);
    response.writeHead(200, { "content-type": page.type }).end(await page.body());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve(void server.off("error", reject)));
  });

  const scheme = certificate ? "wss" : "ws";
  return {
    url: `${scheme}://${host.includes(":") ? `[${host}]` : host}:${(server.address() as { port: number }).port}`,
    close: () =>
      new Promise((resolve) => {
        const impatient = setTimeout(() => {
          for (const socket of inside.clients) socket.terminate();
          server.closeAllConnections();
          resolve();
        }, CLOSE_MS);
        server.close(() => {
          clearTimeout(impatient);
          resolve();
        });
      }),
  };
}

const notFound: Refusal = { code: 404, why: "GET /status and GET /metrics are here, and a websocket for trainers" };

function pageOf(path: string, { status, metrics }: Pages) {
  if (path === "/status")
    return {
      right: "read /status",
      type: "application/json; charset=utf-8",
      body: () => JSON.stringify(status()),
    } as const;
  if (path === "/metrics")
    return { right: "read /metrics", type: metrics.contentType, body: () => metrics.text() } as const;
  return undefined;
}

const plain = ({ code, why }: Refusal) => ({
  "content-type": "text/plain; charset=utf-8",
  "content-length": String(Buffer.byteLength(why) + 1),
  connection: "close",
  ...(code === 401 ? { "www-authenticate": "Bearer" } : {}),
});

function deny(response: ServerResponse, refusal: Refusal): void {
  response.writeHead(refusal.code, plain(refusal)).end(`${refusal.why}\n`);
}

/** Of a websocket that is none yet. The server's own timers have let go of it. */
function refuse(guard: PortGuard, socket: Duplex, refusal: Refusal): void {
  const headers = Object.entries(plain(refusal)).map(([name, value]) => `${name}: ${value}\r\n`);
  let inVain = 0;
  guard.moved(socket, "refused");
  socket.on("error", () => socket.destroy());
  // What it sends is read and forgotten: unread, it would take the answer with it.
  socket.on("data", ({ length }: Buffer) => {
    inVain += length;
    if (inVain > MOST_IN_VAIN) socket.destroy();
  });
  socket.end(`HTTP/1.1 ${refusal.code} ${STATUS_CODES[refusal.code]}\r\n${headers.join("")}\r\n${refusal.why}\n`);
}
