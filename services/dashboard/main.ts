// The dashboard: asks every service how it is once a second, remembers, and shows one page that follows by itself. Nothing depends on it; it reads only, but for rolling back with an operator's token.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { isPassing } from "../../shared/errors/os-errors.ts";
import type { Picture } from "../../shared/health/picture.ts";
import { serveFace } from "../../shared/http/http.ts";
import { readTokens } from "../../shared/http/token.ts";
import { defineCommand } from "../../shared/runtime/command.ts";
import { sleep } from "../../shared/runtime/lifecycle.ts";
import { folder } from "../../shared/runtime/location.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { hostsOf, refuseHosts } from "./hosts.ts";
import { looker } from "./look.ts";
import { serveModels } from "./models.ts";
import { readPages, servePages } from "./pages.ts";
import { placesOf } from "./places.ts";
import { poller } from "./poll.ts";
import { openProblems } from "./problems.ts";
import { openRing } from "./ring.ts";
import { type Stream, serveStream } from "./stream.ts";

/** Samples that are older reach a page as means. Ms. */
const [inFull, mean] = [3_600_000, 30_000];
const dist = fileURLToPath(new URL("./dist", import.meta.url));

export const command = defineCommand({
  name: "dashboard",
  summary: "One page that says whether the flow is healthy, and if not, where",
  options: z.object({
    dataDir: folder().default(".tributary").describe("the data directory whose services are shown"),
    port: z.coerce.number().int().min(0).max(65_535).default(8080).describe("port of the page, 0 for any free one"),
    host: z.string().default("127.0.0.1").describe("address to listen on; the page has no log-in, keep it private"),
    allowedHosts: z
      .string()
      .optional()
      .describe("names, separated by commas, that the page may be asked for by beside its address and localhost: a reverse proxy's"),
    tokenFile: z.string().optional().describe("file with a token of the role operator, who may roll models back from the page"),
  }),
  async run(config, until) {
    const log = createLog("dashboard");
    const paths = pathsOf(config.dataDir);
    const pages = readPages(dist);
    const tokens = readTokens(config.tokenFile, "operator");
    const hosts = hostsOf(config.host, config.allowedHosts);
    mkdirSync(paths.root, { recursive: true });
    const refused = (what: string) => (error: Error) => log.warn({ problem: error.message }, `${what} kept in memory only`);
    const ring = await openRing(paths.history, refused("history is"));
    const problems = await openProblems(paths.problems, refused("recent problems are"));
    let picture: Picture | null = null;
    let stream: Stream | undefined;
    const face = await serveFace({
      service: "dashboard",
      runDir: paths.run,
      host: config.host,
      port: config.port,
      metrics: createMetrics("dashboard"),
      status: () => ({ service: "dashboard", url: face.url }),
      placeOf: placesOf(pages.keys()),
      routes: (app, admit) => {
        refuseHosts(app, hosts);
        servePages(app, pages);
        serveModels(app, { modelsDir: paths.models, tokens, log, hosts });
        stream = serveStream(app, {
          now: () => ({ dataDir: paths.root, picture }),
          history: ring.history,
          thin: () => ({ before: Date.now() - inFull, every: mean }),
          admit,
        });
      },
    });
    log.info({ url: face.url }, "dashboard");
    const look = looker({ ask: poller(paths.run, 800), ring, problems });
    while (!until.signal.aborted) {
      const startedAt = performance.now();
      try {
        const { news, kept, ...seen } = await look();
        picture = seen.picture;
        stream?.send({ dataDir: paths.root, picture, news });
        await kept;
      } catch (error) {
        if (!isPassing(error)) throw error;
        log.warn({ problem: (error as Error).message }, "the services could not be looked at");
      }
      await sleep(1000 - (performance.now() - startedAt), until.signal);
    }
    stream?.close();
    await face.close();
  },
});
