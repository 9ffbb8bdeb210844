// Bodies of requests that come compressed: read as they were meant, bounded as if they had come plain; a coding that is
// not known here is refused. On every face of http.ts.
import type { Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import type { FastifyInstance } from "fastify";

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** As the HTTP library's own errors carry their status. */
const refused = (what: string) => Object.assign(new Error(what), { statusCode: 415 });

export function readCompressed(app: FastifyInstance): void {
  app.addHook("preParsing", async ({ headers }, reply, payload) => {
    const coding = (headers["content-encoding"] ?? "identity").trim().toLowerCase();
    const hasBody = headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
    if (coding === "identity" || coding === "" || !hasBody) return payload;
    const open = Object.hasOwn(decoders, coding) ? decoders[coding] : undefined;
    if (!open) {
      reply.header("accept-encoding", "gzip, deflate, br");
      throw refused(
        `the body's content-encoding "${coding.slice(0, 50)}" is not known here: send gzip, deflate, br or none`,
      );
    }
    // by which the HTTP library tells whether all has come
    const body = Object.assign(open(), { receivedEncodedLength: 0 });
    payload.on("data", ({ length }: Buffer) => {
      body.receivedEncodedLength += length;
    });
    payload.on("error", (error) => body.destroy(error));
    body.on("error", (error: Error) => {
      // before the HTTP library hears it, and calls it 400
      error.message = `the body is no ${coding}: ${error.message}`;
    });
    // Whoever was answered before the end is inflated no further: of a bomb, the most that a body may be.
    reply.raw.once("close", () => body.destroy());
    reply.raw.once("finish", () => body.destroy());
    return payload.pipe(body);
  });
}
