// Everything on this machine: starts the broker and every service as a process of its own, feeds the stream, tells progress in one line, drains in the order of the flow.
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../../shared/errors/errors.ts";
import { serveFace } from "../../../shared/http/http.ts";
import { assertPortFree } from "../../../shared/http/port.ts";
import { discover } from "../../../shared/http/registry.ts";
import { startBroker } from "../../../shared/kafka/broker.ts";
import { take } from "../../../shared/locks/lock.ts";
import { defineCommand } from "../../../shared/runtime/command.ts";
import { drainWithOutput, sleep } from "../../../shared/runtime/lifecycle.ts";
import { createMetrics } from "../../../shared/runtime/metrics.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import type { Supervised } from "../../../shared/runtime/supervise.ts";
import { progressLine, showStep } from "../../../shared/runtime/terminal.ts";
import { superviseBroker } from "./broker.ts";
import { follow } from "./follow.ts";
import { endLeftovers, markChildren } from "./leftovers.ts";
import { shortenLogs } from "./logs.ts";
import { options } from "./options.ts";
import { startServices } from "./services.ts";

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
    mkdirSync(paths.root, { recursive: true });
    const held = await take(join(paths.root, ".up"), signal, { what: "`up` already runs on this data directory", directory: paths.root });
    markChildren(paths.root);
    const supervised: Supervised[] = [];
    const status = () => ({ service: "up", services: supervised.map((each) => each.state()) });
    const face = await serveFace({ service: "up", runDir: paths.run, port: 0, metrics: createMetrics("up"), status });
    const line = progressLine();
    const over = new AbortController();
    const shortening = setInterval(() => shortenLogs([paths.logs, paths.kafka]), LOGS_MS).unref();
    try {
      await endLeftovers(paths.root);
      for (const port of config.port === 0 ? [] : [config.port, config.port + 1]) await assertPortFree(port);
      signal.throwIfAborted();
      if (process.env.KAFKA_BROKERS) await showStep("broker", async (done) => done(`Kafka at ${process.env.KAFKA_BROKERS}`));
      else {
        const broker = await showStep("broker", async (done) => {
          const started = await startBroker(config.dataDir, { owner: "up", signal });
          done(`Kafka at ${started.brokers}${started.started ? "" : " (was running)"}`);
          return started;
        });
        const reach = () => Promise.all(supervised.filter(({ name }) => /^(replay|ingest)$/.test(name)).map((each) => each.restart()));
        supervised.push(superviseBroker(config.dataDir, broker, line.tell, reach));
      }
      signal.throwIfAborted();
      supervised.push(...(await startServices(config, supervised[0], line.tell)));
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
      await face.close();
      held.release();
    }
  },
});

/** Rejects when a service cannot stand up. */
function failureOf(services: readonly Supervised[]): Promise<never> {
  const failure = new Promise<never>((_, reject) => {
    for (const service of services) service.ended.catch(reject);
  });
  failure.catch(() => {});
  return failure;
}

async function registered(runDir: string, service: string, signal: AbortSignal): Promise<string | undefined> {
  while (!signal.aborted) {
    const found = discover(runDir).find((process) => process.service === service);
    if (found) return found.url;
    await sleep(100, signal);
  }
  return undefined;
}

/** Source first, so that nothing new comes in; then each stage hands over what it holds; the broker last. */
async function drain(services: readonly Supervised[]): Promise<void> {
  for (const pattern of [/^replay/, /^ingest/, /^server/, /^(trainer|evaluator|serve$)/, /^dashboard/, /^Kafka/]) {
    const group = services.filter(({ name }) => pattern.test(name));
    if (group.length === 0) continue;
    const isLeft = group.every((service) => service.stays && service.state().state === "running");
    await showStep(`${isLeft ? "leave running:" : "stop"} ${group.map(({ name }) => name).join(", ")}`, async (done) => {
      await Promise.all(group.map((service) => service.stop()));
      if (isLeft) done("`tributary broker stop` ends it");
    });
  }
}
