// The dashboard: asks every service how it is once a second, remembers, and shows one page that follows by itself.
// Nothing depends on it; it reads only, but for rolling back with an operator's token.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { DashboardStatus } from "../../shared/health/status/dashboard.ts";
import type { Health } from "../../shared/health/views/health.ts";
import { serveFace } from "../../shared/http/http.ts";
import { readTokens } from "../../shared/http/token.ts";
import { defineCommand } from "../../shared/runtime/command.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import type { History } from "./history.ts";
import { hostsOf, refuseHosts } from "./hosts.ts";
import { keepLooking, looker } from "./look.ts";
import { serveModels } from "./models.ts";
import { options } from "./options.ts";
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
  options,
  async run(config, until) {
    const log = createLog("dashboard");
    const paths = pathsOf(config.dataDir);
    const pages = readPages(dist);
    const tokens = readTokens(config.tokenFile, "operator");
    const hosts = hostsOf(config.host, config.allowedHosts);
    mkdirSync(paths.root, { recursive: true });
    const refused = (what: string) => (error: Error) =>
      log.warn({ problem: error.message }, `${what} kept in memory only`);
    const ring = await openRing(paths.history, refused("history is"));
    const problems = await openProblems(paths.problems, refused("recent problems are"));
    let health: Health | null = null;
    let stream: Stream | undefined;
    const face = await serveFace({
      service: "dashboard",
      runDir: paths.run,
      host: config.host,
      port: config.port,
      metrics: createMetrics("dashboard"),
      status: (): DashboardStatus => ({ service: "dashboard", url: face.url }),
      placeOf: placesOf(pages.keys()),
      routes: (app, admit) => {
        refuseHosts(app, hosts);
        servePages(app, pages);
        serveModels(app, { modelsDir: config.models ?? paths.models, tokens, log, hosts });
        stream = serveStream(app, {
          now: () => ({ dataDir: paths.root, health }),
          history: ring.history,
          thin: () => ({ before: Date.now() - inFull, every: mean }),
          admit,
        });
      },
    });
    log.info({ url: face.url }, "dashboard");
    const look = looker({ ask: poller(paths.run, 800), ring, problems });
    const seen = (now: Health, news: History) => {
      health = now;
      stream?.send({ dataDir: paths.root, health, news });
    };
    await keepLooking(look, seen, log, until.signal);
    stream?.close();
    await face.close();
  },
});
