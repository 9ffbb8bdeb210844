// What a local Kafka is started from and with: its jars in the user's cache folder, its settings, its Java. Decides;
// broker.ts acts.
import { homedir } from "node:os";
import { join } from "node:path";

/** The version in infra/kafka/pom.xml; a test compares them. */
export const KAFKA_VERSION = "4.1.0";

/** Where infra/kafka/fetch.mjs has put Kafka and what it needs. */
export function jarsOf(env: NodeJS.ProcessEnv): string {
  return join(env.XDG_CACHE_HOME || join(home(), ".cache"), "tributary", "kafka", KAFKA_VERSION, "libs");
}

/** A user without a name has none where HOME is not set. */
function home(): string {
  try {
    return homedir();
  } catch {
    return "/nonexistent";
  }
}

export interface BrokerFiles {
  readonly folder: string;
  readonly data: string;
  readonly settings: string;
  readonly log: string;
  /** Process, port and start of the broker that runs, or ran last. */
  readonly record: string;
  /** Held while somebody starts the broker. */
  readonly lock: string;
}

export function brokerFiles(folder: string): BrokerFiles {
  const at = (name: string) => join(folder, name);
  return {
    folder,
    data: at("data"),
    settings: at("server.properties"),
    log: at("broker.log"),
    record: at("broker.json"),
    lock: at("starting"),
  };
}

/**
 * One node that is broker and controller, reachable from this machine alone. `data` is a name in the folder that Kafka
 * is started in: Kafka takes "log.dirs" for a list with commas, without the blanks at its ends, in Latin-1 and with
 * Java's escapes, so no path of the user's stands in this file.
 */
export function settingsText(data: string, port: number, controllerPort: number): string {
  const settings: Record<string, string | number | boolean> = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
    "controller.listener.names": "CONTROLLER",
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${port}`,
    "log.dirs": data,
    "num.partitions": 4,
    "auto.create.topics.enable": false, // a misspelt --topic is an error, not a new topic
    "log.retention.ms": -1, // the stream is the source of truth until ingest has it: nothing is thrown away
    "log.retention.bytes": -1,
    "offsets.retention.minutes": 525_600, // a stop of weeks must not forget the groups' positions
    "default.replication.factor": 1,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 4,
    "group.initial.rebalance.delay.ms": 0,
    // after a kill a new start is let in only when the old one's session has ended: 9 s by default
    "broker.session.timeout.ms": 4_000,
    "broker.heartbeat.interval.ms": 1_000,
    "log.cleaner.dedupe.buffer.size": 16_777_216, // 128 MiB by default, for compacted topics that we have none of
    "num.network.threads": 2,
    "num.io.threads": 4,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}

/** The port of settings that were written for a broker. */
export function portOf(settings: string): number | undefined {
  const [, port] = /^listeners=PLAINTEXT:\/\/[^:]*:(\d+)/m.exec(settings) ?? [];
  return port === undefined ? undefined : Number(port);
}

/** 17 of `openjdk version "17.0.15"`, 8 of `java version "1.8.0_292"`. */
export function javaMajor(text: string): number | undefined {
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(text) ?? [];
  return first === undefined ? undefined : Number(first === "1" ? second : first);
}

/** So long before an end a line may have told of it. */
const LAST_MS = 10_000;

/**
 * The last error of a broker that ended now, unless it is an old one, of which nobody died. Its lines begin with their
 * time, as this machine shows it.
 */
export function lastError(log: string, now: number): string | undefined {
  const lines = log.split("\n").filter((line) => /\b(ERROR|FATAL)\b/.test(line));
  const recent = lines.findLast((line) => {
    const [time] = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/.exec(line) ?? [];
    return time === undefined || now - Date.parse(time.replace(" ", "T")) < LAST_MS;
  });
  return recent?.trim().slice(0, 300);
}

/** The line of the broker's log that tells most of why it ended. */
export function lastWords(log: string): string {
  const lines = log.trimEnd().split("\n");
  return (lines.findLast((line) => /\b(ERROR|FATAL)\b|Exception/.test(line)) ?? lines.at(-1) ?? "")
    .trim()
    .slice(0, 300);
}
