// The evaluator service: watches for checkpoints, judges the newest one, publishes what passes the gate. Checkpoints
// come in, models go out.
import { join } from "node:path";
import { openEngine } from "../../shared/compute/open-engine.ts";
import type { EvaluatorStatus } from "../../shared/health/status/evaluator.ts";
import { openFreshness } from "../../shared/health/status/freshness.ts";
import { serveFace } from "../../shared/http/http.ts";
import { defineCommand } from "../../shared/runtime/command.ts";
import { sleep } from "../../shared/runtime/lifecycle.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { openPatience } from "../../shared/runtime/patience.ts";
import { takeAlone } from "./alone.ts";
import { openArriving } from "./arriving.ts";
import { openEvaluator } from "./evaluator.ts";
import { options } from "./options.ts";
import { fallingOf, outcomes, tell, tellAge, tellMix, temporary } from "./telling.ts";

export const command = defineCommand({
  name: "evaluator",
  summary: "Judges checkpoints on held-out users and publishes those that pass (long-running)",
  options,
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
    // the first one is an increase
    for (const outcome of outcomes) metrics.counter("tributary_publications_total").inc({ outcome }, 0);
    const freshness = openFreshness(metrics, "published");
    const patience = openPatience(log, until.signal);
    const arriving = await openArriving(places, config, freshness, metrics, patience);
    const tools = { engine: await openEngine({ threads: 1, wanted: config.engine }), arriving, patience, log };
    const evaluator = await openEvaluator(tools, places, config);
    metrics.onScrape(() => {
      tellAge(evaluator.published, arriving.watermark, Date.now(), metrics);
      tellMix(evaluator.published, metrics);
      metrics.gauge("tributary_evaluations_falling").set(fallingOf(evaluator.evaluations));
    });
    const face = await serveFace({
      service: "evaluator",
      runDir: paths.run,
      port: config.httpPort,
      metrics,
      status: (): EvaluatorStatus => {
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
      await sleep(200, until.signal); // an event waits for half of it
    }
    await face.close();
  },
});
