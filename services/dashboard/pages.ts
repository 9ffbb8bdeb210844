// The built page, read into memory once. Nothing else is ever served from disk.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join, posix, sep } from "node:path";
import type { FastifyInstance } from "fastify";
import { AppError } from "../../shared/errors/errors.ts";
import { withSlash } from "./places.ts";

const types: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Path -> bytes of every file below `dist`; throws SETUP_MISSING when the page has not been built. */
export function readPages(dist: string): Map<string, Buffer> {
  try {
    const names = readdirSync(dist, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const files = names.map((entry) => join(entry.parentPath, entry.name));
    const pages = new Map(
      files.map((file) => [posix.join("/", ...file.slice(dist.length).split(sep)), readFileSync(file)]),
    );
    if (pages.has("/index.html")) return pages;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  throw new AppError("SETUP_MISSING", { what: "the dashboard's page is not built", path: dist });
}

export function servePages(app: FastifyInstance, pages: ReadonlyMap<string, Buffer>): void {
  const [, inline = ""] = /<script>(.*?)<\/script>/s.exec(pages.get("/index.html")?.toString() ?? "") ?? [];
  const own = `'sha256-${createHash("sha256").update(inline).digest("base64")}'`; // the page's own, and no other
  const policy =
    `default-src 'self'; script-src 'self' ${own}; img-src 'self' data:; base-uri 'none'; form-action ` +
    "'none'; frame-ancestors 'none'";
  for (const [path, bytes] of pages) {
    const hashed = path.startsWith("/assets/"); // vite puts the content's hash into the name
    app.get(path === "/index.html" ? "/" : path, (_, reply) =>
      reply
        .type(types[extname(path)] ?? "application/octet-stream")
        .header("cache-control", hashed ? "public, max-age=31536000, immutable" : "no-cache")
        .header("content-security-policy", policy)
        .header("x-content-type-options", "nosniff")
        .send(bytes),
    );
  }
  app.setNotFoundHandler(async ({ method, url, headers }, reply) => {
    const place = method === "GET" ? withSlash(url, headers.accept) : undefined;
    if (place !== undefined) return reply.redirect(place, 302);
    return reply
      .code(404)
      .send({ code: "ROUTE_UNKNOWN", message: `there is no ${method} ${url.slice(0, 200)}`, hint: "the page is at /" });
  });
}
