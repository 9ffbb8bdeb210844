// The serve service: answers recommendation requests with the published model, and follows the pointer to it, the table
// of events, and the topic that the table is made of.
import { openEngine } from "../../shared/compute/open-engine.ts";
import { isPassing } from "../../shared/errors/os-errors.ts";
import type { ServeStatus } from "../../shared/health/status/serve.ts";
import { serveFace } from "../../shared/http/http.ts";
import { mustBeGuarded } from "../../shared/http/loopback.ts";
import { readTokens } from "../../shared/http/token.ts";
import { openNearest } from "../../shared/kafka/nearest.ts";
import { createTail } from "../../shared/recommending/tail.ts";
import { followUsers } from "../../shared/recommending/users.ts";
import { defineCommand } from "../../shared/runtime/command.ts";
import { sleep } from "../../shared/runtime/lifecycle.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { followTopic, noTopic } from "./following.ts";
import { openItems } from "./items.ts";
import { limits } from "./limits.ts";
import { options } from "./options.ts";
import { followPublished } from "./published.ts";
import { malformed } from "./refusals.ts";
import { routes } from "./routes.ts";
import { openTelling } from "./telling.ts";

export const command = defineCommand({
  name: "serve",
  summary: "Answers recommendation requests over HTTP with the published model (long-running)",
  options,
  async run(config, until) {
    const paths = pathsOf(config.dataDir);
    const log = createLog("serve", { run: paths.root });
    const tokens = readTokens(config.tokenFile, "reader");
    mustBeGuarded("--host", config.host, tokens !== undefined);
    const metrics = createMetrics("serve");
    const engine = await openEngine({ threads: 1 });
    const { topic } = config;
    const tail = createTail();
    const users = followUsers(config.table ?? paths.table, { topic, tail });
    const published = followPublished(engine, config.models ?? paths.models, log, () => users.moving);
    const open = () => openNearest({ ...config, signal: until.signal }, log);
    const { knows } = published;
    const following = config.follow ? followTopic({ topic, tail, users, open, knows, metrics, log }) : noTopic(topic);
    const items = openItems(config, { published, metrics, log, signal: until.signal });
    const counts = { requests: 0, errors: 0 };
    const tellOnce = openTelling(log);
    await published.refresh().catch((error: unknown) => {
      if (!isPassing(error)) throw error;
      tellOnce(error);
    });
    await items.refresh();
    const face = await serveFace({
      service: "serve",
      runDir: paths.run,
      host: config.host,
      port: config.httpPort,
      metrics,
      status: (): ServeStatus => ({
        service: "serve",
        device: engine.device,
        model: published.version,
        ...counts,
        ...following.status(),
        items: items.status(),
      }),
      ready: () => published.version !== null,
      patienceMs: limits.patienceMs,
      drainMs: limits.drainMs,
      refusal: (_, what) => malformed(what),
      routes: (app) => routes(app, { published, items, historyOf: users.historyOf, tokens, counts, metrics, log }),
    });
    log.info({ url: face.url, model: published.version }, "listening");
    const every = async (ms: number, refresh: () => Promise<void>) => {
      for (; !until.signal.aborted; await sleep(ms, until.signal)) await refresh().catch(tellOnce);
    };
    const followed = following.run(until);
    await Promise.all([every(250, published.refresh), every(1000, users.refresh), every(1000, items.refresh)]);
    await Promise.all([face.close(), Promise.race([followed, sleep(limits.drainMs)])]);
  },
});
