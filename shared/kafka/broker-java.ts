// The Java side of the local broker: which Java, how Kafka's folder is formatted, how Kafka is started and ended.
import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, openSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { AppError } from "../errors/errors.ts";
import { isAlive } from "../runtime/identity.ts";
import { sleep } from "../runtime/lifecycle.ts";
import { processNumbers, wordsOf } from "../runtime/proc.ts";
import { type BrokerFiles, jarsOf, javaMajor, KAFKA_VERSION, lastWords, settingsText } from "./broker-files.ts";

/**
 * A heap of one size, all of it there from the start: Java's default on a larger machine takes all that it may, little
 * by little, 3 MB a minute after ten, and one that may grow still takes 2.
 */
const HEAP = ["-Xms256m", "-Xmx256m", "-XX:+AlwaysPreTouch", "-XX:+UseSerialGC"];
const STOP_MS = 10_000;
const execute = promisify(execFile);
const logging = [
  "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
  "-Dorg.slf4j.simpleLogger.showDateTime=true",
  "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS",
];

export interface Java {
  readonly program: string;
  /** The folder of Kafka's jars. */
  readonly jars: string;
}

/**
 * What the set-up has brought into this checkout, and everybody who runs it may read: Kafka's jars, and Java where the
 * machine has none.
 */
const brought = fileURLToPath(new URL("../../node_modules/.tributary", import.meta.url));

/** Throws JAVA_MISSING or SETUP_MISSING. */
export async function findJava(env: NodeJS.ProcessEnv): Promise<Java> {
  const program = await findProgram(env);
  const places = [join(brought, `kafka-${KAFKA_VERSION}`, "libs"), jarsOf(env)];
  const jars = places.find((path) => existsSync(path));
  if (!jars) throw new AppError("SETUP_MISSING", { what: "Apache Kafka was not fetched yet", path: jarsOf(env) });
  return { program, jars: resolve(jars) };
}

/**
 * The machine's own of 17 or newer, else the one that the set-up has brought. infra/kafka/java.mjs decides in the same
 * way.
 */
async function findProgram(env: NodeJS.ProcessEnv): Promise<string> {
  const own = env.JAVA_HOME ? resolve(env.JAVA_HOME, "bin", "java") : "java";
  const said = await execute(own, ["-version"]).catch(() => ({ stderr: "" }));
  const major = javaMajor(said.stderr);
  if (major !== undefined && major >= 17) return own;
  const fetched = join(brought, "java", "bin", "java");
  if (existsSync(fetched) && !(env.JAVA_HOME && major === undefined)) return fetched;
  const found = major === undefined ? `there is no \`${own}\`` : `\`${own}\` is ${major}`;
  throw new AppError("JAVA_MISSING", { what: `Apache Kafka needs Java 17, and ${found}` });
}

/** Kafka formats its folder once. Done beside and renamed, so that an interruption leaves nothing half-formatted. */
export async function formatOnce(java: Java, files: BrokerFiles, signal: AbortSignal | undefined): Promise<void> {
  if (existsSync(join(files.data, "meta.properties"))) return;
  if (existsSync(files.data) && readdirSync(files.data).length > 0)
    throw new AppError("BROKER_FAILED", { what: "this folder holds something, but no Kafka's data", log: files.data });
  const fresh = `${files.data}.new`;
  const settings = `${files.settings}.new`;
  rmSync(fresh, { recursive: true, force: true });
  writeFileSync(settings, settingsText(basename(fresh), 9092, 9093)); // the ports do not go into the folder
  // an id that begins with "-" would be read as a flag
  const cluster = `A${randomBytes(16).toString("base64url").slice(1)}`;
  const tool = ["-XX:TieredStopAtLevel=1", ...logging, "-cp", classPathOf(java, files), "kafka.tools.StorageTool"];
  try {
    await toItsEnd(java.program, [...tool, "format", "-t", cluster, "-c", settings], files, signal);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    signal?.throwIfAborted();
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    writeFileSync(files.log, `${stdout}${stderr}`, { flag: "a" });
    throw new AppError("BROKER_FAILED", { what: lastWords(`${stdout}\n${stderr}`), log: files.log }, { cause: error });
  } finally {
    rmSync(settings, { force: true });
  }
  rmSync(files.data, { recursive: true, force: true });
  renameSync(fresh, files.data);
}

/** Asked to stop, it rejects only when the process is gone. */
async function toItsEnd(
  program: string,
  args: readonly string[],
  files: BrokerFiles,
  signal: AbortSignal | undefined,
): Promise<void> {
  const running = execute(program, args, { ...surroundings(files), ...(signal && { signal }) });
  const { child } = running;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  try {
    await running;
  } catch (error) {
    if (signal?.aborted && child.pid !== undefined && child.exitCode === null && child.signalCode === null) await gone;
    throw error;
  }
}

/**
 * Its settings name the data by the folder's own names. Java reads and writes other names as the locale says, and
 * without one it knows ASCII alone.
 */
const surroundings = (files: BrokerFiles) => ({ cwd: files.folder, env: { ...process.env, LC_ALL: "C.UTF-8" } });

/** A class path cannot name a folder with a colon: a link in Kafka's own folder, where it runs, leads there. */
function classPathOf({ jars }: Java, files: BrokerFiles): string {
  if (!jars.includes(":")) return join(jars, "*");
  const link = join(files.folder, "jars");
  rmSync(link, { force: true });
  symlinkSync(jars, link);
  return join("jars", "*");
}

/** A Kafka that stays when this process ends. `ended` gives its exit code once it is gone. */
export function launch(java: Java, files: BrokerFiles): { pid: number; ended: () => number | string | null } {
  const log = openSync(files.log, "a");
  const args = [...HEAP, ...logging, "-cp", classPathOf(java, files), "kafka.Kafka", files.settings];
  const child = spawn(java.program, args, { ...surroundings(files), detached: true, stdio: ["ignore", log, log] });
  closeSync(log);
  child.on("error", () => undefined); // told by the missing pid
  child.unref();
  if (child.pid === undefined)
    throw new AppError("BROKER_FAILED", { what: "Java could not be started", log: files.log });
  return { pid: child.pid, ended: () => child.exitCode ?? child.signalCode };
}

/**
 * True when the process lives and is the Kafka of these files: after a crash its number may belong to somebody else.
 */
export async function isOurs(pid: number, files: BrokerFiles): Promise<boolean> {
  return isAlive(pid) && (await commandOf(pid)).includes(files.settings);
}

/** The number of the Kafka of these files, where nothing names it. Linux alone shows all commands. */
export const findRunning = (files: BrokerFiles): number | undefined =>
  processNumbers().find((pid) => {
    const words = wordsOf(pid, "cmdline");
    return words.includes("kafka.Kafka") && words.includes(files.settings);
  });

async function commandOf(pid: number): Promise<string> {
  if (process.platform === "linux") return wordsOf(pid, "cmdline").join(" ");
  return (await execute("ps", ["-o", "command=", "-p", String(pid)]).catch(() => ({ stdout: "" }))).stdout;
}

/**
 * SIGTERM, and SIGKILL when that is not enough. Resolves when it is gone; what it had accepted is on disk either way.
 */
export async function end(pid: number, files: BrokerFiles): Promise<"stopped" | "killed"> {
  if (await goneAfter("SIGTERM", pid, files)) return "stopped";
  await goneAfter("SIGKILL", pid, files);
  return "killed";
}

/**
 * Asks by the command, not by the number: a process that ended but was not reaped yet keeps its number and has no
 * command.
 */
async function goneAfter(signal: "SIGTERM" | "SIGKILL", pid: number, files: BrokerFiles): Promise<boolean> {
  try {
    process.kill(pid, signal);
  } catch {
    return true;
  }
  for (const deadline = performance.now() + STOP_MS; performance.now() < deadline; await sleep(25)) {
    if (!(await isOurs(pid, files))) return true;
  }
  return false;
}
