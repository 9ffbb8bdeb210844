// The HTTP face that every service has: /live, /ready, /status, /metrics. A service adds its own routes before
// `listen`.
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import Fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import { AppError } from "../errors/errors.ts";
import { collectEveryMinute } from "../runtime/collecting.ts";
import { sleep } from "../runtime/lifecycle.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { readCompressed } from "./bodies.ts";
import { faceHost, refusalOfFigures } from "./face-access.ts";
import { guardPort } from "./port-guard.ts";
import { reachable, register } from "./registry.ts";
import { plainPath } from "./request-path.ts";

/** What every service answers. docs/reference/http.md is made from it. */
export const faceRoutes = {
  "/live": "200 while the process is well; 503: it should be restarted",
  "/ready": "200 when it can be used; 503 before that, and while it drains",
  "/status": "what it does and how far it is, as JSON",
  "/metrics": "its [metrics](metrics.md), for Prometheus",
} as const;
type FaceRoute = keyof typeof faceRoutes;

export interface Face {
  readonly service: string;
  /** Where the registration goes; see registry.ts. */
  readonly runDir: string;
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly metrics: Metrics;
  /** What /status answers, JSON. */
  status(): unknown;
  ready?(): boolean;
  /** False turns /live red: the process should be restarted. */
  live?(): boolean;
  /** Where else a path leads, of one that has been decoded; a query may follow. */
  placeOf?(path: string): string;
  /**
   * `admit` makes a connection that stays for good, such as a stream of events, none of those that are counted and
   * waited for.
   */
  routes?(app: FastifyInstance, admit: (socket: Socket) => void): void;
  /**
   * Longest that a client may take to send a request; after six times as long without a byte either way its connection
   * ends.
   */
  readonly patienceMs?: number;
  /** Longest that requests in flight are waited for at `close`; without it they are cut off. */
  readonly drainMs?: number;
  /** What a client is told, as JSON, that speaks no HTTP, is too slow, or sends headers without end. */
  refusal?(status: number, what: string): object;
}

export interface Listening {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Connections of clients; whoever has stood longest goes for one more. Each of those who are sending may hold a body
 * that is not whole yet.
 */
export const MOST_CONNECTIONS = 1024;
const MOST_SENDING = 128;
/** A client that takes nothing of its answer, in patiences. */
export const SILENT_PATIENCES = 6;
/** After an answer, for the next request: more than the HTTP library's own 72 s. */
const IDLE_MS = 75_000;
/** For a client that is sent away to read why. */
const FAREWELL_MS = 1_000;
/**
 * A draining service answers on for so long, and says on each answer that the connection ends: clients that are busy
 * leave by themselves.
 */
const LINGER_MS = 200;

/** Of an address that is another machine's, or none. */
const notOurs = new Set(["EADDRNOTAVAIL", "ENOTFOUND", "EAI_AGAIN", "EAI_FAIL", "EAFNOSUPPORT"]);

/**
 * Routes check what comes in with zod. Fastify would load compilers of JSON schemas all the same, half of what it
 * consists of, when a service starts.
 */
const noSchema = (): never => {
  throw new Error("a route has a JSON schema");
};

/**
 * Throws EADDRINUSE when the port is taken (AppError PORT_IN_USE at the edge), USAGE when the address is none of this
 * machine's.
 */
export async function serveFace(face: Face): Promise<Listening> {
  const { host, tokens } = face.host === undefined ? faceHost(process.env) : { host: face.host, tokens: undefined };
  const patience = face.patienceMs ?? 30_000;
  const refusal = face.refusal ?? ((status, message) => ({ error: STATUS_CODES[status], message, statusCode: status }));
  const app = Fastify({
    bodyLimit: 1 << 20,
    requestTimeout: patience,
    rewriteUrl: ({ url = "/" }) => (face.placeOf ?? String)(plainPath(url)),
    // of a client that takes nothing of its answer, or has nothing more to ask
    connectionTimeout: face.patienceMs === undefined ? 0 : SILENT_PATIENCES * patience,
    http: { headersTimeout: patience, connectionsCheckingInterval: Math.min(1_000, patience / 4) },
    forceCloseConnections: face.drainMs === undefined,
    return503OnClosing: false,
    schemaController: { compilersFactory: { buildValidator: noSchema, buildSerializer: noSchema } },
    clientErrorHandler: (error, socket) => turnAway(error, socket, refusal),
    frameworkErrors: ({ message }, _, reply) => void (reply as FastifyReply).code(400).send(refusal(400, message)),
  });
  const slow = patience + 2_000; // behind the HTTP library's own, which answers with words
  const guard = guardPort(app.server, {
    most: MOST_CONNECTIONS,
    mostAt: { sending: MOST_SENDING },
    patience: {
      asking: slow,
      sending: slow,
      answering: SILENT_PATIENCES * patience,
      idle: IDLE_MS,
      refused: FAREWELL_MS,
      greeting: slow,
    },
  });
  let draining = false;
  app.addHook("onSend", async (_, reply) => {
    if (draining) reply.header("connection", "close");
  });
  if (tokens)
    app.addHook("onRequest", async (request, reply) => {
      const { url, headers, socket } = request;
      const refused = refusalOfFigures(tokens, url, headers.authorization, socket.remoteAddress);
      if (refused) return reply.code(401).header("www-authenticate", "Bearer").send(refusal(401, refused));
    });
  readCompressed(app);
  const answer = (name: FaceRoute, ok: () => boolean) =>
    app.get(name, (_, reply) => reply.code(ok() ? 200 : 503).send({ service: face.service, ok: ok() }));
  answer("/live", face.live ?? (() => true));
  answer("/ready", () => !draining && (face.ready?.() ?? true));
  app.get("/status" satisfies FaceRoute, () => face.status());
  app.get("/metrics" satisfies FaceRoute, async (_, reply) =>
    reply.type(face.metrics.contentType).send(await face.metrics.text()),
  );
  face.routes?.(app, guard.admit);
  await app.listen({ port: face.port, host }).catch((error: NodeJS.ErrnoException) => {
    const from = face.host === undefined ? "TRIBUTARY_HTTP_HOST" : "--host (TRIBUTARY_HOST)";
    if (notOurs.has(error.code ?? ""))
      throw new AppError("USAGE", { what: `${from} "${host}" is no address of this machine` }, { cause: error });
    throw error;
  });
  const place = reachable(host);
  const url = `http://${place.includes(":") ? `[${place}]` : place}:${(app.server.address() as { port: number }).port}`;
  const unregister = register(face.runDir, face.service, url);
  const collected = collectEveryMinute();
  return {
    url,
    close: async () => {
      unregister();
      collected();
      draining = true;
      if (face.drainMs === undefined) return await app.close();
      await sleep(LINGER_MS);
      const impatient = setTimeout(() => app.server.closeAllConnections(), face.drainMs);
      await app.close();
      clearTimeout(impatient);
    },
  };
}

/** Answers what is no request, and ends the connection: nothing that comes after it can be understood. */
function turnAway(
  { code }: NodeJS.ErrnoException,
  socket: Socket,
  refusal: (status: number, what: string) => object,
): void {
  if (code === "ECONNRESET" || socket.destroyed) return;
  const [status, what] =
    code === "ERR_HTTP_REQUEST_TIMEOUT"
      ? [408, "the request did not come to its end in time"]
      : code === "HPE_HEADER_OVERFLOW"
        ? [431, "the headers are too long"]
        : [400, "this is no HTTP request"];
  const body = JSON.stringify(refusal(status, what));
  const head =
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-type: ` +
    `application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;
  if (socket.writable) socket.write(head + body);
  socket.destroySoon();
}
