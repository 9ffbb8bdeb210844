// The services of `up`, in the order in which data flows: what each is started with, and what is started anew when an
// address changes.
import { getPriority, setPriority } from "node:os";
import { join, resolve } from "node:path";
import type { ErrorCode } from "../../../shared/errors/errors.ts";
import { fileArguments } from "../../../shared/files/flags.ts";
import { freePort } from "../../../shared/http/port.ts";
import { asFlag } from "../../../shared/runtime/command.ts";
import { sleep } from "../../../shared/runtime/lifecycle.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import { spawnService } from "../../../shared/runtime/spawn.ts";
import { type Service, type Supervised, supervise } from "../../../shared/runtime/supervise.ts";
import type { Config } from "./options.ts";

/**
 * Freshness is what one comes to see here; the many small files are merged in the background. An event waits for a
 * flush, for the round that follows, for its end, for the evaluation of the one before and for its own.
 */
const FLUSH_SECONDS = 1;
const ROUND_SECONDS = 1.5;
/** Arrivals of a flush that are scored: of the seconds that a model is behind, 500 to choose and compare by. */
const SCORED = 100;
/**
 * Held-out users of an evaluation. Between two models that follow each other NDCG@100 of a user moves by .03 to .07
 * (one standard deviation, synthetic stream), so the mean of so many has a standard error of .001 to .003: a third of
 * the tolerance. On Globo's clicks it is .006, and what arrives decides.
 */
const HELD_OUT = 500;
/** Trainers take what is left of the processors: whoever answers, writes or judges is waited for. */
const GIVES_WAY = 10;

/** `broker` is watched too; undefined for one that is elsewhere. `tell` hears what goes wrong. */
export async function startServices(
  config: Config,
  broker: Supervised | undefined,
  tell: (text: string) => void,
): Promise<Supervised[]> {
  const { root, logs, table, training } = pathsOf(config.dataDir);
  let server = `127.0.0.1:${await freePort()}`;
  const service = (name: string, args: () => readonly string[], threads?: number): Service => {
    const log = join(logs, `${name}.log`);
    return {
      name,
      log,
      isSource: name === "replay",
      start: async (signal) => {
        // Without Kafka these two can only end: they wait for it here.
        if (/^(replay|ingest)$/.test(name))
          while (broker && broker.state().state !== "running" && !signal.aborted) await sleep(100, signal);
        signal.throwIfAborted();
        const { child, ended, stop } = spawnService(name.replace(/-\d+$/, ""), ["--data-dir", root, ...args()], {
          ...(threads === undefined ? {} : { threads }),
          log,
        });
        if (name.startsWith("trainer") && child.pid !== undefined) setPriority(child.pid, getPriority() + GIVES_WAY);
        return { pid: child.pid, ended, stop };
      },
    };
  };
  const start = (each: Service, died?: (error: ErrorCode | null) => void) => supervise(each, tell, died);

  const trainers: Supervised[] = [];
  /** While the server was away, somebody took its port: another one, of which the trainers must hear. */
  const moved = async (error: ErrorCode | null) => {
    if (error !== "PORT_IN_USE") return;
    const port = await freePort().catch(() => undefined); // no descriptor for it now: the next death comes
    if (port === undefined) return;
    server = `127.0.0.1:${port}`;
    await Promise.all(trainers.map((each) => each.restart()));
  };
  const kafka = config.kafkaConfig === undefined ? [] : ["--kafka-config", config.kafkaConfig];
  const topic = config.topic === undefined ? [] : [asFlag("topic", config.topic)];
  const replay = config.topic === undefined ? [start(service("replay", () => [...sourceOf(config), ...kafka]))] : [];
  const ingestArgs = ["--flush-seconds", String(FLUSH_SECONDS), ...topic, ...shapeArguments(config), ...kafka];
  const ingest = start(service("ingest", () => ingestArgs));
  const sync = config.sync === "local" ? ["--sync", "local", "--every", "auto"] : [];
  const kept = ["--table", table, "--out", training, "--gamma", String(config.gamma), ...sync];
  const rounds = ["--round-seconds", String(ROUND_SECONDS)];
  const serverArgs = () => [...kept, ...rounds, "--listen", server];
  const parameters = start(service("server", serverArgs), (error) => void moved(error));
  for (let k = 1; k <= config.trainers; k++)
    trainers.push(start(service(`trainer-${k}`, () => ["--server", `ws://${server}`], 1)));
  const scored = ["--prequential-events", String(SCORED), "--max-users", String(HELD_OUT)];
  const allowed = config.allowBelowPopularNow ? ["--allow-below-popular-now"] : [];
  const evaluator = start(service("evaluator", () => [...scored, ...allowed], 1));
  const servePort = String(config.port === 0 ? 0 : config.port + 1);
  const serveArgs = ["--http-port", servePort, ...topic, ...kafka, ...itemsArguments(config)];
  const serve = start(service("serve", () => serveArgs, 1));
  const dashboard = start(service("dashboard", () => ["--port", String(config.port)]));
  return [...replay, ingest, parameters, ...trainers, evaluator, serve, dashboard];
}

/** Of a topic of ours events are of our own shape, whatever TRIBUTARY_MAP says of the columns of a file. */
function shapeArguments({ topic, map, where, mapFile, schemaRegistry }: Config): string[] {
  const file = mapFile === undefined ? [] : [asFlag("mapFile", mapFile)];
  const registry = schemaRegistry === undefined ? [] : [asFlag("schemaRegistry", schemaRegistry)];
  return [asFlag("map", topic === undefined ? "" : map), asFlag("where", where), ...file, ...registry];
}

function itemsArguments({ itemsTable, itemsColumn, itemsSeparator }: Config): string[] {
  const file = { itemsTable: itemsTable && resolve(itemsTable), itemsColumn, itemsSeparator };
  return Object.entries(file).flatMap(([key, value]) => (value === undefined ? [] : [asFlag(key, value)]));
}

function sourceOf(config: Config): string[] {
  const { events, rate, drift } = config;
  const optional = (flag: string, value: string | number | undefined) =>
    value === undefined ? [] : [flag, String(value)];
  if (events === undefined) return ["synthetic", "--drift", drift, ...optional("--rate", rate)];
  return [fileFor(events), ...fileArguments(config), ...optional("--rate", rate)];
}

/** A pipe of ours (`--events /dev/stdin`, `--events <(zcat x)`) by a name under which another process can open it. */
function fileFor(events: string): string {
  const path = resolve(events);
  const descriptor = path === "/dev/stdin" ? "0" : /^\/(?:dev|proc\/self)\/fd\/(\d+)$/.exec(path)?.[1];
  return descriptor === undefined || process.platform !== "linux" ? path : `/proc/${process.pid}/fd/${descriptor}`;
}
