// The evaluator service: watches for checkpoints, judges the newest one, publishes what passes the gate. Checkpoints come in, models go out.
import { join } from "node:path";
import { z } from "zod";
import { openEngine } from "../../shared/engine/engine.ts";
import { defineCommand } from "../../shared/runtime/command.ts";
import { serveFace } from "../../shared/runtime/http.ts";
import { sleep } from "../../shared/runtime/lifecycle.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { openEvaluator } from "./evaluator.ts";
import { tell, temporary } from "./telling.ts";

export const command = defineCommand({
  name: "evaluator",
  summary: "Judges checkpoints on held-out users and publishes those that pass (long-running)",
  options: z.object({
    dataDir: z.string().default(".tributary").describe("where everything is kept"),
    checkpoints: z.string().optional().describe("folder of checkpoints (default: training/checkpoints of the data directory)"),
    table: z.string().optional().describe("the table (default: table of the data directory)"),
    models: z.string().optional().describe("where models are published (default: models of the data directory)"),
    tolerance: z.coerce
      .number()
      .min(0)
      .max(1)
      .default(0.01)
      .describe("mean NDCG@100 that a new model may lose against the published one; a loss beyond it is refused unless it may be chance"),
    maxUsers: z.coerce.number().int().min(1).default(2000).describe("held-out users of one evaluation, at most"),
    httpPort: z.coerce.number().int().min(0).max(65535).default(0).describe("port of /status and /metrics; 0 takes any free one"),
  }),
  async run(config, until) {
    const paths = pathsOf(config.dataDir);
    const places = {
      checkpoints: config.checkpoints ?? join(paths.training, "checkpoints"),
      table: config.table ?? paths.table,
      models: config.models ?? paths.models,
      evaluations: paths.evaluations,
    };
    const log = createLog("evaluator");
    const metrics = createMetrics("evaluator");
    const evaluator = await openEvaluator(await openEngine({ threads: 1 }), places, config, log);
    const face = await serveFace({
      service: "evaluator",
      runDir: paths.run,
      port: config.httpPort,
      metrics,
      status: () => {
        const { state, evaluations, published, pinned } = evaluator;
        return { service: "evaluator", state, evaluations, published, pinned };
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
