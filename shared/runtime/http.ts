// The HTTP face that every service has: /live, /ready, /status, /metrics. A service adds its own routes before `listen`.
import Fastify, { type FastifyInstance } from "fastify";
import type { Metrics } from "./metrics.ts";
import { register } from "./registry.ts";

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
  routes?(app: FastifyInstance): void;
}

export interface Listening {
  readonly url: string;
  close(): Promise<void>;
}

/** Throws EADDRINUSE when the port is taken (AppError PORT_IN_USE at the edge). */
export async function serveFace(face: Face): Promise<Listening> {
  const app = Fastify({ bodyLimit: 1 << 20, requestTimeout: 30_000, forceCloseConnections: true });
  const answer = (name: string, ok: () => boolean) =>
    app.get(name, (_, reply) => reply.code(ok() ? 200 : 503).send({ service: face.service, ok: ok() }));
  answer("/live", face.live ?? (() => true));
  answer("/ready", face.ready ?? (() => true));
  app.get("/status", () => face.status());
  app.get("/metrics", async (_, reply) => reply.type(face.metrics.contentType).send(await face.metrics.text()));
  face.routes?.(app);
  const host = face.host ?? "127.0.0.1";
  await app.listen({ port: face.port, host });
  const url = `http://${host}:${(app.server.address() as { port: number }).port}`;
  const unregister = register(face.runDir, face.service, url);
  return {
    url,
    close: async () => {
      unregister();
      await app.close();
    },
  };
}
