// The evaluator service: watches for checkpoints, judges the newest one, publishes what passes the gate. Checkpoints come in, models go out.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { openEngine } from "../../shared/compute/open-engine.ts";
import { openFreshness } from "../../shared/health/freshness.ts";
import { serveFace } from "../../shared/http/http.ts";
import { take } from "../../shared/locks/lock.ts";
import { defineCommand } from "../../shared/runtime/command.ts";
import { sleep } from "../../shared/runtime/lifecycle.ts";
import { folder } from "../../shared/runtime/location.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { openPatience } from "../../shared/runtime/patience.ts";
import { openArriving } from "./arriving.ts";
import { openEvaluator } from "./evaluator.ts";
import { fallingOf, outcomes, tell, tellAge, temporary } from "./telling.ts";

export const command = defineCommand({
  name: "evaluator",
  summary: "Judges checkpoints on held-out users and publishes those that pass (long-running)",
  options: z.object({
    dataDir: folder().default(".tributary").describe("where everything is kept"),
    checkpoints: folder().optional().describe("folder of checkpoints (default: training/checkpoints of the data directory)"),
    table: folder().optional().describe("the table (default: table of the data directory)"),
    models: folder().optional().describe("where models are published (default: models of the data directory)"),
    tolerance: z.coerce
      .number()
      .min(0)
      .max(1)
      .default(0.01)
      .describe("mean NDCG@100 that a new model may lose against the published one; a loss beyond it is refused unless it may be chance"),
    maxUsers: z.coerce.number().int().min(1).default(2000).describe("held-out users of one evaluation, at most"),
    prequentialEvents: z.coerce
      .number()
      .int()
      .min(1)
      .default(500)
      .describe("arriving events of known users that are scored of each table version, about: all of a user's or none"),
    prequentialWindow: z.coerce.number().int().min(1).default(5000).describe("scored events that a point of the prequential curve is over"),
    prequentialSeconds: z.coerce.number().min(0).default(10).describe("from one point of the curve to the next"),
    httpPort: z.coerce.number().int().min(0).max(65535).default(0).describe("port of /status and /metrics; 0 takes any free one"),
  }),
  async run(config, until) {
    const paths = pathsOf(config.dataDir);
    const places = {
      checkpoints: config.checkpoints ?? join(paths.training, "checkpoints"),
      table: config.table ?? paths.table,
      prequential: paths.prequential,
      models: config.models ?? paths.models,
      evaluations: paths.evaluations,
      perUser: paths.perUser,
    };
    await takeAlone([paths.root, places.models], until.signal);
    const log = createLog("evaluator", { run: paths.root });
    const metrics = createMetrics("evaluator");
    for (const outcome of outcomes) metrics.counter("tributary_publications_total").inc({ outcome }, 0); // the first one is an increase
    const freshness = openFreshness(metrics, "published");
    const patience = openPatience(log, until.signal);
    const arriving = await openArriving(places, config, freshness, metrics, patience);
    const evaluator = await openEvaluator({ engine: await openEngine({ threads: 1 }), arriving, patience, log }, places, config);
    metrics.onScrape(() => {
      tellAge(evaluator.published, arriving.watermark, Date.now(), metrics);
      metrics.gauge("tributary_evaluations_falling").set(fallingOf(evaluator.evaluations));
    });
    const face = await serveFace({
      service: "evaluator",
      runDir: paths.run,
      port: config.httpPort,
      metrics,
      status: () => {
        const { state, evaluations, published, pinned } = evaluator;
        const { version, curve: prequential } = arriving;
        return {
          service: "evaluator",
          state,
          heldUp: patience.waiting,
          version,
          evaluations,
          published,
          pinned,
          prequential,
          freshness: freshness.latency(),
        };
      },
    });
    log.info({ url: face.url, ...places }, "watching for checkpoints");

    const passOver = temporary(log, until.signal);
    while (!until.signal.aborted) {
      const evaluation = await evaluator.look(until.signal).catch(passOver);
      if (evaluation) tell(evaluation, evaluator.published, log, metrics);
      await sleep(500, until.signal);
    }
    await face.close();
  },
});

/** Curves and models have one writer: a second evaluator would tell each arrival twice, and judge what the first publishes. */
async function takeAlone(folders: readonly string[], signal: AbortSignal): Promise<void> {
  for (const folder of folders) {
    mkdirSync(folder, { recursive: true });
    await take(join(folder, ".evaluator"), signal, { what: `an evaluator works in ${folder}` });
  }
}
