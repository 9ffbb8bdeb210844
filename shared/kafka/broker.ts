// The local Apache Kafka of a data directory, as a process that outlives us: started, found again, stopped. `tributary
// broker` and `up` use it.
import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { writeWhole } from "../disk/whole-file.ts";
import { AppError } from "../errors/errors.ts";
import { assertPortFree, freePort } from "../http/port.ts";
import { discover } from "../http/registry.ts";
import { exclusively } from "../locks/lock.ts";
import { sleep } from "../runtime/lifecycle.ts";
import { pathsOf } from "../runtime/paths.ts";
import { type BrokerFiles, brokerFiles, KAFKA_VERSION, lastWords, portOf, settingsText } from "./broker-files.ts";
import { end, findJava, findRunning, formatOnce, isOurs, type Java, launch } from "./broker-java.ts";
import { clusterAt } from "./broker-probe.ts";

const HOST = "127.0.0.1";
const DEFAULT_PORT = 9092;
/** Two seconds on an idle machine, a minute on one where twenty others compute. */
const START_MS = 180_000;
const WATCH_MS = 250;
const PORTS_TRIED = 3;

/** `owner`: with whom it ends; without one it stays until it is stopped. */
const record = z.object({
  pid: z.number().int(),
  port: z.number().int().min(1).max(65_535),
  owner: z.enum(["up"]).optional().catch(undefined),
});
type BrokerRecord = z.output<typeof record>;

export interface BrokerStatus {
  readonly running: boolean;
  /** host:port, null when it does not run. */
  readonly brokers: string | null;
  readonly version: string;
}

export interface StartOptions {
  /** Without it the one that it had last, 9092, or any free port when those are taken. */
  readonly port?: number | undefined;
  /** Ends it with itself, and one that its like has left too. */
  readonly owner?: "up" | undefined;
  /** Until it must answer, ms. After a kill it looks through its log first. */
  readonly patienceMs?: number | undefined;
  /** Ends a start that is under way. */
  readonly signal?: AbortSignal | undefined;
  /** Told what is done now. */
  readonly say?: ((text: string) => void) | undefined;
}

export interface StartedBroker {
  readonly brokers: string;
  readonly pid: number;
  /** False: it was running. */
  readonly started: boolean;
  readonly owner?: "up" | undefined;
}

/**
 * Starts it, or finds it running. Resolves when it answers. Throws JAVA_MISSING, SETUP_MISSING, PORT_IN_USE,
 * ALREADY_RUNNING (on another port), BROKER_FAILED, and the signal's reason, after which nothing of the start is left.
 */
export async function startBroker(dataDir: string, options: StartOptions = {}): Promise<StartedBroker> {
  const { signal, owner } = options;
  mkdirSync(pathsOf(dataDir).kafka, { recursive: true });
  const files = filesOf(dataDir);
  return exclusively(files.lock, signal, async () => {
    const running = await findAnswering(files, options);
    if (running) {
      const hasUp = running.owner === "up" && discover(pathsOf(dataDir).run).some(({ service }) => service === "up");
      const kept = owner === undefined && !hasUp ? { pid: running.pid, port: running.port } : running;
      if (kept.owner !== running.owner) remember(files, kept); // left by an `up` that was killed, and wanted now
      return { brokers: `${HOST}:${kept.port}`, pid: kept.pid, started: false, owner: kept.owner };
    }
    const java = await findJava(process.env).catch((error) => {
      signal?.throwIfAborted(); // Ctrl-C in a terminal ends the Java that was asked, too
      throw error;
    });
    await formatOnce(java, files, signal);
    for (let tries = 1; ; tries++) {
      const port = await choosePort(files, options);
      try {
        return { ...(await launched(java, files, port, options)), started: true, owner };
      } catch (error) {
        // Somebody else was faster at the port, after it was seen to be free.
        const isLost = options.port === undefined && (await clusterAt(HOST, port)) !== undefined;
        if (!isLost || tries === PORTS_TRIED) throw error;
      }
    }
  });
}

/** Resolves when it answers; otherwise nothing of it is left. */
async function launched(
  java: Java,
  files: BrokerFiles,
  port: number,
  options: StartOptions,
): Promise<{ brokers: string; pid: number }> {
  const { signal, owner, say } = options;
  signal?.throwIfAborted();
  await writeWhole(files.settings, settingsText(basename(files.data), port, await freePort()));
  const { pid, ended } = launch(java, files);
  const last = () => ask(pid); // nobody waits after a second Ctrl-C, and nobody else knows of it yet
  process.once("exit", last);
  try {
    remember(files, { pid, port, ...(owner && { owner }) });
    say?.(`waiting for Kafka at ${HOST}:${port}`);
    await answering(files, { pid, port }, ended, options);
  } catch (error) {
    await end(pid, files);
    for (const left of [files.record, `${files.record}.new`]) rmSync(left, { force: true });
    throw error;
  } finally {
    process.off("exit", last);
  }
  return { brokers: `${HOST}:${port}`, pid };
}

/** One that runs, once it answers. What an `up` has left and does not answer is ended. */
async function findAnswering(files: BrokerFiles, options: StartOptions): Promise<BrokerRecord | undefined> {
  const running = await find(files);
  if (!running) return undefined;
  const { pid, port, owner } = running;
  if (options.port !== undefined && options.port !== port)
    throw new AppError("ALREADY_RUNNING", {
      what: "the broker of this data directory listens on another port",
      port,
      pid,
    });
  try {
    await answering(files, running, () => null, options);
    return running;
  } catch (error) {
    options.signal?.throwIfAborted();
    const isThere = await isOurs(pid, files);
    if (isThere && owner !== "up") throw error;
    if (isThere) await end(pid, files);
    return undefined; // it was ending
  }
}

/** Resolves to how it ended when it is gone. */
export async function stopBroker(dataDir: string): Promise<"stopped" | "killed" | "was not running"> {
  const files = filesOf(dataDir);
  const running = await find(files);
  const how = running ? await end(running.pid, files) : "was not running";
  rmSync(files.record, { force: true });
  return how;
}

/** Ends one that an `up` has left; one that was started by hand stays. For who holds the lock of `up`. */
export async function stopLeftBroker(dataDir: string): Promise<void> {
  if ((await find(filesOf(dataDir)))?.owner === "up") await stopBroker(dataDir);
}

/** Resolves when that process is no longer the broker, or the signal fires. */
export async function brokerEnded(dataDir: string, pid: number, signal: AbortSignal): Promise<void> {
  const files = filesOf(dataDir);
  while (!signal.aborted && (await isOurs(pid, files))) await sleep(WATCH_MS, signal);
}

/** Whether somebody has ended it by `stopBroker`: a broker that died leaves its record. */
export const wasStopped = (dataDir: string): boolean => readRecord(filesOf(dataDir)) === undefined;

/** Asks it to end, and waits for nothing: for a process that is ending itself. */
export function endBrokerNow(dataDir: string): void {
  const pid = findRunning(filesOf(dataDir));
  if (pid !== undefined) ask(pid);
}

function ask(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch {
    // it has just ended
  }
}

/** Whether the broker of this directory answers at host:port within a second. */
export const answersAt = (dataDir: string, brokers: string): Promise<boolean> =>
  answers(filesOf(dataDir), Number(brokers.split(":")[1]), 1_000);

/** Not any Kafka: while ours comes up, or fails to, another one may have its port. */
async function answers(files: BrokerFiles, port: number, timeoutMs?: number): Promise<boolean> {
  const cluster = await clusterAt(HOST, port, timeoutMs);
  return cluster !== undefined && cluster === clusterOf(files);
}

export async function brokerStatus(dataDir: string): Promise<BrokerStatus> {
  const broker = await find(filesOf(dataDir));
  const running = broker !== undefined && (await answers(filesOf(dataDir), broker.port));
  return { running, brokers: running ? `${HOST}:${broker.port}` : null, version: KAFKA_VERSION };
}

/**
 * KAFKA_BROKERS if set, else the local broker of the data directory. Throws BROKER_UNREACHABLE when neither is there.
 */
export async function resolveBrokers(dataDir: string, env: NodeJS.ProcessEnv): Promise<string> {
  if (env.KAFKA_BROKERS) return env.KAFKA_BROKERS;
  const { brokers } = await brokerStatus(dataDir);
  if (brokers) return brokers;
  throw new AppError("BROKER_UNREACHABLE", {
    what: "no local broker runs for this data directory",
    directory: pathsOf(dataDir).root,
  });
}

/** By the folder's own name: a link to it is the same folder, and its Kafka is known by what it was started with. */
function filesOf(dataDir: string): BrokerFiles {
  const { kafka } = pathsOf(dataDir);
  return brokerFiles(existsSync(kafka) ? realpathSync(kafka) : kafka);
}

async function find(files: BrokerFiles): Promise<BrokerRecord | undefined> {
  const written = readRecord(files);
  if (written && (await isOurs(written.pid, files))) return written;
  const pid = findRunning(files); // whoever started it could not write that down: it was killed, or the disk was full
  const port = portIn(files);
  return pid === undefined || port === undefined ? undefined : { pid, port, owner: "up" };
}

function readRecord(files: BrokerFiles): BrokerRecord | undefined {
  try {
    return record.parse(JSON.parse(readFileSync(files.record, "utf8")));
  } catch {
    return undefined;
  }
}

/** The id that its folder was formatted with. */
function clusterOf(files: BrokerFiles): string | undefined {
  try {
    return /^cluster\.id=(\S+)/m.exec(readFileSync(join(files.data, "meta.properties"), "utf8"))?.[1];
  } catch {
    return undefined;
  }
}

/** Of the settings that were written last. */
function portIn(files: BrokerFiles): number | undefined {
  try {
    return portOf(readFileSync(files.settings, "utf8"));
  } catch {
    return undefined;
  }
}

function remember(files: BrokerFiles, started: BrokerRecord): void {
  writeFileSync(`${files.record}.new`, JSON.stringify(started));
  renameSync(`${files.record}.new`, files.record);
}

async function choosePort(files: BrokerFiles, { port, say }: StartOptions): Promise<number> {
  const isFree = (each: number) =>
    assertPortFree(each).then(
      () => true,
      () => false,
    );
  if (port !== undefined) {
    if (await isFree(port)) return port;
    throw new AppError("PORT_IN_USE", { what: `the broker cannot listen on port ${port}` });
  }
  const wanted = portIn(files) ?? DEFAULT_PORT;
  for (const each of [wanted, DEFAULT_PORT]) if (await isFree(each)) return each;
  const free = await freePort();
  say?.(`port ${wanted} is taken, using ${free}`);
  return free;
}

/** Resolves when Kafka answers. `ended` gives its exit code once it is gone, where we are its parent. */
async function answering(
  files: BrokerFiles,
  { pid, port }: BrokerRecord,
  ended: () => number | string | null,
  { signal, patienceMs = START_MS }: StartOptions,
): Promise<void> {
  const failed = (what: string) => new AppError("BROKER_FAILED", { what, log: files.log });
  const deadline = performance.now() + patienceMs;
  while (!(await answers(files, port))) {
    signal?.throwIfAborted();
    const code = ended();
    if (code !== null || !(await isOurs(pid, files)))
      throw failed(`Kafka ended (${code ?? "gone"}): ${lastWords(readFileSync(files.log, "utf8"))}`);
    if (performance.now() > deadline) throw failed(`Kafka does not answer after ${patienceMs / 1000} s`);
    await sleep(50, signal);
  }
}
