// The trainer: opens the engine, connects to the parameter server, computes whatever part it is leased until it is told
// to stop. Start as many as you like.
import { hostname } from "node:os";
import { setFlagsFromString } from "node:v8";
import { openEngine } from "../../shared/compute/open-engine.ts";
import type { TrainerStatus } from "../../shared/health/status/trainer.ts";
import { serveFace } from "../../shared/http/http.ts";
import { defineCommand } from "../../shared/runtime/command.ts";
import { cpu } from "../../shared/runtime/cpu.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { readAccess } from "./access.ts";
import { type TrainerState, work } from "./connection.ts";
import { options } from "./options.ts";

export const command = defineCommand({
  name: "trainer",
  summary: "Computes parts of training steps for a parameter server",
  options,
  async run(config, until) {
    compileLater();
    const name = `${hostname()}/${process.pid}`;
    const log = createLog("trainer", { run: pathsOf(config.dataDir).root, trainer: name });
    const metrics = createMetrics("trainer");
    const access = readAccess(config);
    const engine = await openEngine({ threads: config.threads, wanted: config.engine });
    const { name: engineName, version, threads, device } = engine;
    log.info({ engine: engineName, version, threads, device }, "engine");

    let state: TrainerState = "connecting";
    let parts = 0;
    const face = await serveFace({
      service: "trainer",
      runDir: pathsOf(config.dataDir).run,
      port: config.httpPort,
      metrics,
      ready: () => state === "waiting" || state === "computing",
      status: (): TrainerStatus => ({
        service: "trainer",
        state,
        server: config.server,
        engine: engineName,
        device,
        threads,
        compileSeconds: engine.compileSeconds(),
        parts,
        cpu: cpu.accounts(),
        tensors: engine.tf.memory().numTensors,
        memoryBytes: process.memoryUsage().rss,
        peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
      }),
    });
    const hello = { name, engine: engineName, device, threads, resident: engine.openSession !== undefined };
    const changed = (next: TrainerState) => {
      if (state === "connecting") cpu.charge("between");
      state = next;
    };
    const computed = ({ phase }: { phase: string }) => {
      parts++;
      cpu.charge(phase);
      metrics.counter("tributary_parts_total").inc({ phase });
      metrics.gauge("tributary_live_tensors").set(engine.tf.memory().numTensors);
    };
    await work({ server: config.server, access, hello, engine, log, changed, computed }, until);
    await face.close();
  },
});

/**
 * V8 optimises what has run for a while: of a trainer's first parts nearly everything at once, on the cores that others
 * compute on. With three times its patience the first 600 small parts take 6 % less processor time. Nothing that is
 * computed changes; a V8 without the flag says so and goes on.
 */
function compileLater(): void {
  setFlagsFromString("--interrupt-budget=400000");
}
