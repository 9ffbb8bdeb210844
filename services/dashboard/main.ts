// The dashboard: asks every service how it is once a second, remembers, and shows one page that follows by itself. Nothing depends on it; it reads only, but for rolling back with an operator's token.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { defineCommand } from "../../shared/runtime/command.ts";
import { serveFace } from "../../shared/runtime/http.ts";
import { sleep } from "../../shared/runtime/lifecycle.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { type Memory, noMemory, remember } from "../../shared/picture/memory.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { type Picture, pictureOf } from "../../shared/picture/picture.ts";
import { type Flow, flowOf } from "../../shared/picture/statuses.ts";
import { readTokens } from "../../shared/runtime/token.ts";
import { folder } from "../../shared/runtime/location.ts";
import { sampleEvery, thinned } from "./history.ts";
import { serveModels } from "./models.ts";
import { newsOf } from "./news.ts";
import { readPages, servePages } from "./pages.ts";
import { poller } from "./poll.ts";
import { openRing } from "./ring.ts";
import { sampleOf } from "./sample.ts";
import { openProblems } from "./problems.ts";
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
    tokenFile: z.string().optional().describe("file with a token of the role operator, who may roll models back from the page"),
  }),
  async run(config, until) {
    const log = createLog("dashboard");
    const paths = pathsOf(config.dataDir);
    const pages = readPages(dist);
    const tokens = readTokens(config.tokenFile, "operator");
    mkdirSync(paths.root, { recursive: true });
    const refused = (what: string) => (error: Error) => log.warn({ problem: error.message }, `${what} kept in memory only`);
    const ring = await openRing(paths.history, refused("history is"));
    const problems = await openProblems(paths.problems, refused("recent problems are"));
    let picture: Picture | null = null;
    let stream: Stream | undefined;
    const whole = () => {
      const { history } = ring;
      return { dataDir: paths.root, picture, news: { ...history, samples: thinned(history.samples, Date.now() - inFull, mean) } };
    };
    const face = await serveFace({
      service: "dashboard",
      runDir: paths.run,
      host: config.host,
      port: config.port,
      metrics: createMetrics("dashboard"),
      status: () => ({ service: "dashboard", url: face.url }),
      routes: (app) => {
        servePages(app, pages);
        app.get("/api/history", whole);
        serveModels(app, { modelsDir: paths.models, tokens, log });
        stream = serveStream(app, whole);
      },
    });
    log.info({ url: face.url }, "dashboard");
    const ask = poller(paths.run, 800);
    let memory: Memory = { ...noMemory, recent: problems.before };
    let sampled: Flow | null = null;
    while (!until.signal.aborted) {
      const started = Date.now();
      const answers = await ask();
      const flow = flowOf(answers, Date.now());
      memory = remember(memory, flow);
      picture = pictureOf(flow, memory);
      const isDue = sampled === null || flow.now - sampled.now > sampleEvery - 500; // looks are a second apart, more or less
      const news = newsOf(ring.history, flow, isDue ? sampleOf(sampled, flow) : null);
      if (isDue) sampled = flow;
      await ring.keep(news);
      await problems.keep(memory.recent, flow.now);
      stream?.send({ dataDir: paths.root, picture, news });
      await sleep(1000 - (Date.now() - started), until.signal);
    }
    stream?.close();
    await face.close();
  },
});
