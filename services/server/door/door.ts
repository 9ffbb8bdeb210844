// The one port of the parameter server: TLS, tokens, how many may come, /status and /metrics for who may read them. Whoever gets past it is a websocket of peers.ts.
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { Metrics } from "../../../shared/runtime/metrics.ts";
import type { Tokens } from "../../../shared/runtime/token.ts";
import { MAX_PAYLOAD } from "../../../shared/wire/frames.ts";
import { type Refusal, refusalOf, refusalOfPage } from "./access.ts";
import type { Certificate } from "./certificate.ts";
import { MOST_CONNECTIONS, MOST_STRANGERS } from "./limits.ts";

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

export interface Door {
  /** ws://host:port or wss://host:port, the port as it came out. */
  readonly url: string;
  close(): Promise<void>;
}

/** A stranger's TLS, headers, and the whole of a request for a page. */
const HANDSHAKE_MS = 5_000;
const CLOSE_MS = 1_000;

/** Throws EADDRINUSE. */
export async function openDoor(listen: Listen, entered: (socket: WebSocket) => void): Promise<Door> {
  const { host, port, certificate, tokens, pages } = listen;
  const patience = { headersTimeout: HANDSHAKE_MS, requestTimeout: HANDSHAKE_MS, connectionsCheckingInterval: 1_000 };
  const server = certificate ? createTlsServer({ ...patience, ...certificate, handshakeTimeout: HANDSHAKE_MS }) : createServer(patience);
  server.maxConnections = MOST_CONNECTIONS;
  server.timeout = 2 * HANDSHAKE_MS; // a websocket is freed of it
  const inside = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MAX_PAYLOAD });

  let connections = 0;
  server.on("connection", (socket) => {
    connections++;
    socket.once("close", () => connections--);
    if (connections - inside.clients.size > MOST_STRANGERS) socket.destroy();
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const { origin, authorization } = request.headers;
    const refusal = refusalOfPage(origin) ?? refusalOf("train", tokens, authorization);
    if (refusal) return refuse(socket, refusal);
    inside.handleUpgrade(request, socket, head, entered);
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
    return { right: "read /status", type: "application/json; charset=utf-8", body: () => JSON.stringify(status()) } as const;
  if (path === "/metrics") return { right: "read /metrics", type: metrics.contentType, body: () => metrics.text() } as const;
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

/** Of a websocket that is none yet. */
function refuse(socket: Duplex, refusal: Refusal): void {
  const headers = Object.entries(plain(refusal)).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.on("error", () => socket.destroy());
  socket.end(`HTTP/1.1 ${refusal.code} ${STATUS_CODES[refusal.code]}\r\n${headers.join("")}\r\n${refusal.why}\n`);
}
