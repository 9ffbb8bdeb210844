// Everything on this machine: starts the broker and every service as a process of its own, feeds the stream, tells
// progress in one line, drains in the order of the flow.
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../../shared/errors/errors.ts";
import { readShapes } from "../../../shared/files/shape-flags.ts";
import type { UpStatus } from "../../../shared/health/status/up.ts";
import { serveFace } from "../../../shared/http/http.ts";
import { stopLeftBroker } from "../../../shared/kafka/broker.ts";
import { take } from "../../../shared/locks/lock.ts";
import { defineCommand } from "../../../shared/runtime/command.ts";
import { drainWithOutput } from "../../../shared/runtime/lifecycle.ts";
import { createMetrics } from "../../../shared/runtime/metrics.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import type { Supervised } from "../../../shared/runtime/supervise.ts";
import { progressLine, showStep } from "../../../shared/runtime/terminal.ts";
import { drain } from "./drain.ts";
import { follow } from "./follow.ts";
import { endLeftovers, markChildren } from "./leftovers.ts";
import { shortenLogs } from "./logs.ts";
import { options } from "./options.ts";
import { failureOf, registered } from "./readiness.ts";
import { startAll } from "./start.ts";

const LOGS_MS = 60_000;

export const command = defineCommand({
  name: "up",
  summary: "Everything on this machine: broker, ingest, server, trainers, evaluator, serve, dashboard, fed by a stream",
  options,
  async run(config, until) {
    drainWithOutput();
    const { signal } = until;
    const paths = pathsOf(config.dataDir);
    if (config.events && !existsSync(config.events))
      throw new AppError("FILE_MISSING", { what: "no such file of events", path: config.events });
    if (config.topic !== undefined) readShapes(config);
    mkdirSync(paths.root, { recursive: true });
    const held = await take(join(paths.root, ".up"), signal, {
      what: "`up` already runs on this data directory",
      directory: paths.root,
    });
    markChildren(paths.root);
    const supervised: Supervised[] = [];
    const status = (): UpStatus => ({ service: "up", services: supervised.map((each) => each.state()) });
    const face = await serveFace({ service: "up", runDir: paths.run, port: 0, metrics: createMetrics("up"), status });
    const line = progressLine();
    const over = new AbortController();
    const shortening = setInterval(() => shortenLogs([paths.logs, paths.kafka]), LOGS_MS).unref();
    try {
      await endLeftovers(paths.root);
      await startAll(config, supervised, line.tell, signal);
      const hopeless = failureOf(supervised);
      await showStep("services", async (done) => {
        const dashboard = await Promise.race([registered(paths.run, "dashboard", signal), hopeless]);
        done(dashboard ? `dashboard at ${dashboard}` : "stopped");
      });
      const published = await Promise.race([
        follow(paths.run, supervised, line, config.once, AbortSignal.any([signal, over.signal])),
        hopeless,
      ]);
      if (config.once && published) process.stdout.write(`${JSON.stringify(published)}\n`);
    } catch (error) {
      if (error === signal.reason) process.stderr.write("the start was interrupted: what had begun is ended\n");
      throw error;
    } finally {
      over.abort();
      line.end();
      clearInterval(shortening);
      await drain(supervised);
      await stopLeftBroker(config.dataDir); // a start that was interrupted had not taken it over yet
      await face.close();
      held.release();
    }
  },
});
