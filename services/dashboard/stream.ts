// Server-sent events: a page that connects gets the history, then every update. A page that does not read is dropped; it reconnects and starts afresh.
import type { ServerResponse } from "node:http";
import type { FastifyInstance } from "fastify";
import type { Picture } from "../../shared/picture/picture.ts";
import type { History } from "./history.ts";

/** Data of the event `update`; the event `history` carries the same with the whole history as its news. */
export interface Update {
  readonly dataDir: string;
  readonly picture: Picture | null;
  readonly news: History;
}

export interface Stream {
  send(update: Update): void;
  close(): void;
}

const unreadBytes = 8 << 20;

export function serveStream(app: FastifyInstance, whole: () => Update): Stream {
  const pages = new Set<ServerResponse>();
  const write = (page: ServerResponse, event: "history" | "update", data: string) => {
    if (page.writableLength > unreadBytes) page.destroy();
    else page.write(`event: ${event}\ndata: ${data}\n\n`);
  };
  app.get("/events", (_, reply) => {
    reply.hijack();
    const page = reply.raw;
    page.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" });
    page.write("retry: 1000\n\n");
    write(page, "history", JSON.stringify(whole()));
    pages.add(page);
    page.on("close", () => pages.delete(page));
    page.on("error", () => pages.delete(page));
  });
  return {
    send: (update) => {
      const data = JSON.stringify(update);
      for (const page of pages) write(page, "update", data);
    },
    close: () => {
      for (const page of pages) page.end();
    },
  };
}
