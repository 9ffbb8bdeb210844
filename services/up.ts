// Everything on this machine: starts the broker and every service as a process of its own, feeds the stream, tells progress in one line, drains in the order of the flow.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { askAll } from "../shared/runtime/answers.ts";
import { startBroker, stopBroker } from "../shared/kafka/broker.ts";
import { defineCommand } from "../shared/runtime/command.ts";
import { AppError } from "../shared/runtime/errors.ts";
import { count, duration, loss, ratio } from "../shared/picture/figures.ts";
import { sleep } from "../shared/runtime/lifecycle.ts";
import { pathsOf } from "../shared/runtime/paths.ts";
import { assertPortFree, freePort } from "../shared/runtime/port.ts";
import { discover, register } from "../shared/runtime/registry.ts";
import { type Flow, flowOf, freshnessOf } from "../shared/picture/statuses.ts";
import { type Supervised, supervise } from "../shared/runtime/supervise.ts";
import { progressLine, showStep } from "../shared/runtime/terminal.ts";
import { folder } from "../shared/runtime/location.ts";

const options = z.object({
  events: z.string().optional().describe("CSV file (.gz or not) or Parquet file of real events instead of the synthetic stream"),
  map: z.string().optional().describe("columns of that file, for example user=userId,item=movieId,timestamp=timestamp,value=rating"),
  timestampUnit: z.enum(["s", "ms"]).optional().describe("unit of its timestamps"),
  rate: z.coerce.number().positive().optional().describe("events per second; a file goes as fast as it can without it"),
  trainers: z.coerce.number().int().min(1).default(2).describe("trainer processes"),
  gamma: z.coerce.number().min(0).default(0.01).describe("weight of the KL term per item of a user; .01 suits short histories"),
  dataDir: folder().default(".tributary").describe("where everything is kept"),
  port: z.coerce
    .number()
    .int()
    .min(0)
    .max(65535)
    .default(8080)
    .describe("port of the dashboard; serve takes the next one; 0 takes any free ones"),
  once: z.boolean().default(false).describe("stop after the first published model and print its metrics as JSON"),
});

/** Freshness is what one comes to see here; the many small files are merged in the background. */
const FLUSH_SECONDS = 3;

export const command = defineCommand({
  name: "up",
  summary: "Everything on this machine: broker, ingest, server, trainers, evaluator, serve, dashboard, fed by a stream",
  options,
  async run(config, until) {
    const paths = pathsOf(config.dataDir);
    if (config.events && !existsSync(config.events))
      throw new AppError("FILE_MISSING", { what: "no such file of events", path: config.events });
    const other = discover(paths.run).find((process) => process.service === "up");
    if (other)
      throw new AppError("ALREADY_RUNNING", { what: "`up` already runs on this data directory", pid: other.pid, directory: paths.root });
    await assertPortFree(config.port);
    register(paths.run, "up", "");

    const broker = await showStep("broker", async (done) => {
      const started = process.env.KAFKA_BROKERS
        ? { brokers: process.env.KAFKA_BROKERS, started: false }
        : await startBroker(config.dataDir, { signal: until.signal });
      done(`Kafka at ${started.brokers}${started.started ? "" : " (was running)"}`);
      return started;
    });
    const services = startServices(config, `127.0.0.1:${await freePort()}`);
    const given = failureOf(services);
    try {
      await showStep("services", async (done) => {
        const dashboard = await Promise.race([registered(paths.run, "dashboard", until.signal), given]);
        done(dashboard ? `dashboard at ${dashboard}` : "stopped");
      });
      const published = await Promise.race([follow(paths.run, config.once, until.signal), given]);
      if (config.once && published) process.stdout.write(`${JSON.stringify(published)}\n`);
    } finally {
      await drain(services, broker.started ? config.dataDir : undefined);
    }
  },
});

type Config = z.output<typeof options>;

/** In the order in which data flows, which is the order in which they are drained. */
function startServices(config: Config, server: string): Supervised[] {
  const { logs, table, training } = pathsOf(config.dataDir);
  const start = (name: string, args: readonly string[] = [], threads?: number) =>
    supervise({
      name,
      command: name.replace(/-\d+$/, ""),
      args: ["--data-dir", resolve(config.dataDir), ...args],
      ...(threads === undefined ? {} : { threads }),
      log: join(logs, `${name}.log`),
    });
  const optional = (flag: string, value: string | number | undefined) => (value === undefined ? [] : [flag, String(value)]);
  const source = config.events
    ? [
        resolve(config.events),
        ...optional("--map", config.map),
        ...optional("--timestamp-unit", config.timestampUnit),
        ...optional("--rate", config.rate),
      ]
    : ["synthetic", ...optional("--rate", config.rate)];
  return [
    start("replay", source),
    start("ingest", ["--flush-seconds", String(FLUSH_SECONDS)]),
    start("server", ["--table", table, "--out", training, "--listen", server, "--gamma", String(config.gamma)]),
    ...Array.from({ length: config.trainers }, (_, k) => start(`trainer-${k + 1}`, ["--server", `ws://${server}`], 1)),
    start("evaluator", [], 1),
    start("serve", ["--http-port", String(config.port === 0 ? 0 : config.port + 1)], 1),
    start("dashboard", ["--port", String(config.port)]),
  ];
}

/** Rejects when a service was given up; a replay that ended with its file is no failure. */
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

/** One line of progress until asked to stop, or until the first published model when `once`; returns what the evaluator says of that model. */
async function follow(runDir: string, once: boolean, signal: AbortSignal): Promise<unknown> {
  const line = progressLine();
  try {
    while (!signal.aborted) {
      const answers = await askAll(runDir, 1000);
      const flow = flowOf(answers, Date.now());
      line.show(summaryOf(flow));
      if (once && flow.evaluator?.status?.published) {
        return (flow.evaluator.process.status as { published: unknown }).published;
      }
      await sleep(1000, signal);
    }
    return undefined;
  } finally {
    line.end();
  }
}

function summaryOf(flow: Flow): string {
  const ingest = flow.ingest?.status ?? null;
  const server = flow.server?.status ?? null;
  const newest = flow.evaluator?.status?.evaluations.at(-1) ?? null;
  const freshness = freshnessOf(flow);
  return [
    `${count(ingest?.read ?? null)} events read`,
    `${count(ingest?.table?.rows ?? null)} rows`,
    server?.state === "training" || !server?.state
      ? `epoch ${count(server?.round ?? null)}`
      : `epoch ${count(server.round)} (${server.state})`,
    `loss ${loss(server?.loss?.total ?? null)}`,
    `NDCG@100 ${ratio(newest?.model?.["ndcg@100"] ?? null)} (popularity ${ratio(newest?.popularity?.["ndcg@100"] ?? null)})`,
    freshness === null ? "no model published yet" : `model ${duration(freshness)} behind`,
  ].join(" · ");
}

/** Source first, so that nothing new comes in; then each stage hands over what it holds; the broker last. */
async function drain(services: readonly Supervised[], ownBroker: string | undefined): Promise<void> {
  const named = (pattern: RegExp) => services.filter((service) => pattern.test(service.name));
  const groups = [named(/^replay/), named(/^ingest/), named(/^server/), named(/^(trainer|evaluator|serve$)/), named(/^dashboard/)];
  for (const group of groups) {
    await showStep(`stop ${group.map((service) => service.name).join(", ")}`, async () => {
      await Promise.all(group.map((service) => service.stop()));
    });
  }
  if (ownBroker !== undefined) await showStep("stop broker", () => stopBroker(ownBroker));
}
