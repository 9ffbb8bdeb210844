// The local Apache Kafka of a data directory, as a process that outlives us: started, found again, stopped. `tributary broker` and `up` use it.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { type BrokerFiles, brokerFiles, KAFKA_VERSION, lastWords, settingsText } from "./broker-files.ts";
import { end, findJava, formatOnce, isOurs, launch } from "./broker-java.ts";
import { answersKafka } from "./broker-probe.ts";
import { AppError } from "../runtime/errors.ts";
import { sleep } from "../runtime/lifecycle.ts";
import { exclusively } from "../runtime/lock.ts";
import { pathsOf } from "../runtime/paths.ts";
import { assertPortFree, freePort } from "../runtime/port.ts";

const HOST = "127.0.0.1";
const DEFAULT_PORT = 9092;
const START_MS = 60_000;

const record = z.object({ pid: z.number().int(), port: z.number().int() });
type BrokerRecord = z.output<typeof record>;

export interface BrokerStatus {
  readonly running: boolean;
  /** host:port, null when it does not run. */
  readonly brokers: string | null;
  readonly version: string;
}

export interface StartOptions {
  /** Without it 9092, or any free port when that is taken. */
  readonly port?: number | undefined;
  /** Ends a start that is under way. */
  readonly signal?: AbortSignal | undefined;
  /** Told what is done now. */
  readonly say?: ((text: string) => void) | undefined;
}

/** Starts it, or finds it running. Resolves when it answers. Throws JAVA_MISSING, SETUP_MISSING, PORT_IN_USE, ALREADY_RUNNING (on another port), BROKER_FAILED. */
export async function startBroker(
  dataDir: string,
  options: StartOptions = {},
): Promise<{ brokers: string; pid: number; started: boolean }> {
  const files = filesOf(dataDir);
  mkdirSync(files.folder, { recursive: true });
  return exclusively(files.lock, options.signal, async () => {
    const running = await find(files);
    if (running) {
      const { port, pid } = running;
      if (options.port !== undefined && options.port !== port)
        throw new AppError("ALREADY_RUNNING", { what: "the broker of this data directory listens on another port", port, pid });
      await answering(files, running, () => null, options.signal);
      return { brokers: `${HOST}:${port}`, pid, started: false };
    }
    const java = await findJava(process.env);
    const port = await choosePort(options);
    await formatOnce(java, files, options.signal);
    writeFileSync(files.settings, settingsText(files.data, port, await freePort()));
    const { pid, ended } = launch(java, files);
    remember(files, { pid, port });
    options.say?.(`waiting for Kafka at ${HOST}:${port}`);
    try {
      await answering(files, { pid, port }, ended, options.signal);
    } catch (error) {
      await end(pid, files);
      rmSync(files.record, { force: true });
      throw error;
    }
    return { brokers: `${HOST}:${port}`, pid, started: true };
  });
}

/** Resolves to how it ended when it is gone. */
export async function stopBroker(dataDir: string): Promise<"stopped" | "killed" | "was not running"> {
  const files = filesOf(dataDir);
  const running = await find(files);
  const how = running ? await end(running.pid, files) : "was not running";
  rmSync(files.record, { force: true });
  return how;
}

export async function brokerStatus(dataDir: string): Promise<BrokerStatus> {
  const broker = await find(filesOf(dataDir));
  const running = broker !== undefined && (await answersKafka(HOST, broker.port));
  return { running, brokers: running ? `${HOST}:${broker.port}` : null, version: KAFKA_VERSION };
}

/** KAFKA_BROKERS if set, else the local broker of the data directory. Throws BROKER_UNREACHABLE when neither is there. */
export async function resolveBrokers(dataDir: string, env: NodeJS.ProcessEnv): Promise<string> {
  if (env.KAFKA_BROKERS) return env.KAFKA_BROKERS;
  const { brokers } = await brokerStatus(dataDir);
  if (brokers) return brokers;
  throw new AppError("BROKER_UNREACHABLE", { what: "no local broker runs for this data directory", directory: pathsOf(dataDir).root });
}

const filesOf = (dataDir: string): BrokerFiles => brokerFiles(pathsOf(dataDir).kafka);

async function find(files: BrokerFiles): Promise<BrokerRecord | undefined> {
  let found: BrokerRecord;
  try {
    found = record.parse(JSON.parse(readFileSync(files.record, "utf8")));
  } catch {
    return undefined;
  }
  return (await isOurs(found.pid, files)) ? found : undefined;
}

function remember(files: BrokerFiles, started: BrokerRecord): void {
  writeFileSync(`${files.record}.new`, JSON.stringify(started));
  renameSync(`${files.record}.new`, files.record);
}

async function choosePort({ port, say }: StartOptions): Promise<number> {
  try {
    await assertPortFree(port ?? DEFAULT_PORT);
    return port ?? DEFAULT_PORT;
  } catch (error) {
    if (port !== undefined) throw new AppError("PORT_IN_USE", { what: `the broker cannot listen on port ${port}` }, { cause: error });
  }
  const free = await freePort();
  say?.(`port ${DEFAULT_PORT} is taken, using ${free}`);
  return free;
}

/** Resolves when Kafka answers. `ended` gives its exit code once it is gone, where we are its parent. */
async function answering(
  files: BrokerFiles,
  broker: BrokerRecord,
  ended: () => number | string | null,
  signal?: AbortSignal,
): Promise<void> {
  const failed = (what: string) => new AppError("BROKER_FAILED", { what, log: files.log });
  const deadline = performance.now() + START_MS;
  while (!(await answersKafka(HOST, broker.port))) {
    const code = ended();
    if (code !== null || !(await isOurs(broker.pid, files)))
      throw failed(`Kafka ended (${code ?? "gone"}): ${lastWords(readFileSync(files.log, "utf8"))}`);
    if (signal?.aborted) throw failed("the start was interrupted");
    if (performance.now() > deadline) throw failed(`Kafka does not answer after ${START_MS / 1000} s`);
    await sleep(50, signal);
  }
}
