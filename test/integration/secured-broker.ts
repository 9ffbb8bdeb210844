// A real Kafka with one listener for each way in, for tests: plain, TLS with client certificates, logins over TLS, a
// certificate that has expired, one for another name, one that sends its clients to where nobody is, and one where a
// login holds for seconds. Whoever comes in plainly may do everything, and so may `alice`; `bob` and `carol` nothing
// but what they are given.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../shared/http/port.ts";
import { findJava } from "../../shared/kafka/broker-java.ts";
import { clusterAt } from "../../shared/kafka/broker-probe.ts";
import { authority } from "./certificates.ts";
import { until } from "./processes.ts";

/** The listeners, with what is spoken there. */
const listeners = {
  PLAIN: "PLAINTEXT",
  MUTUAL: "SSL",
  LOGIN: "SASL_SSL",
  EXPIRED: "SASL_SSL",
  RENAMED: "SASL_SSL",
  BRIEF: "SASL_SSL",
  GHOST: "PLAINTEXT",
  DEAF: "PLAINTEXT",
} as const;
export type Listener = keyof typeof listeners;

export interface SecuredBroker {
  readonly folder: string;
  /** host:port of each. */
  readonly at: Readonly<Record<Listener, string>>;
  /** PEM of the authority that its certificates are of, of another one, and of a client's key and certificate. */
  readonly authority: string;
  readonly foreignAuthority: string;
  readonly client: string;
  readonly foreignClient: string;
  /** A client's whose time is over. */
  readonly expiredClient: string;
  /** A class of Kafka's, with its flags: what it writes. */
  java(name: string, args: readonly string[], input?: string): string;
  /** From now on it does nothing, until `thaw`. */
  freeze(): void;
  thaw(): void;
  kill(): Promise<void>;
  /** After `kill`, with what it held. `expired`: the certificate of BRIEF has expired meanwhile. */
  comeBack(how?: { readonly expired?: boolean }): Promise<void>;
  /** A user's password for SCRAM-SHA-256. */
  setPassword(user: string, password: string): void;
  stop(): Promise<void>;
}

const jaas = (module: string, ...pairs: readonly string[]) =>
  `org.apache.kafka.common.security.${module} required ${pairs.join(" ")};`;

/** How long a login at BRIEF holds. It is renewed 5 s before. */
const BRIEF_MS = 8000;

/** `deafPort`: where the listener DEAF sends its clients. */
export async function startSecured(deafPort = 9): Promise<SecuredBroker> {
  const folder = mkdtempSync(join(tmpdir(), "tributary-secured-"));
  const { program, jars } = await findJava(process.env);
  const [own, foreign] = [authority(), authority()];
  const pem = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const store = (name: string, { key, cert }: { key: string; cert: string }) => pem(name, `${key}${cert}`);
  const ports = Object.fromEntries(
    await Promise.all(Object.keys(listeners).map(async (name) => [name, await freePort()])),
  ) as Record<Listener, number>;
  const controller = await freePort();
  const names = Object.keys(listeners) as Listener[];
  const elsewhere: Partial<Record<Listener, string>> = { GHOST: "kafka.invalid:9092", DEAF: `127.0.0.1:${deafPort}` };
  const certificates = {
    MUTUAL: store("server.pem", own.issue("127.0.0.1", 30)),
    LOGIN: store("login.pem", own.issue("127.0.0.1", 30)),
    EXPIRED: store("expired.pem", own.issue("127.0.0.1", -1)),
    RENAMED: store("renamed.pem", own.issue("kafka.example", 30)),
    BRIEF: store("brief.pem", own.issue("127.0.0.1", 30)),
  };
  const trusted = pem("authority.pem", own.cert);
  const secured = Object.entries(certificates).flatMap(([name, path]) => {
    const at = `listener.name.${name.toLowerCase()}`;
    return [
      [`${at}.ssl.keystore.type`, "PEM"],
      [`${at}.ssl.keystore.location`, path],
      [`${at}.ssl.truststore.type`, "PEM"],
      [`${at}.ssl.truststore.location`, trusted],
      [`${at}.ssl.client.auth`, name === "MUTUAL" ? "required" : "none"],
    ];
  });
  const logins = ["LOGIN", "EXPIRED", "RENAMED", "BRIEF"].flatMap((name) => {
    const at = `listener.name.${name.toLowerCase()}`;
    return [
      [`${at}.sasl.enabled.mechanisms`, "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER"],
      [
        `${at}.plain.sasl.jaas.config`,
        jaas("plain.PlainLoginModule", 'user_alice="alice-secret"', 'user_bob="bob-secret"'),
      ],
      [`${at}.scram-sha-256.sasl.jaas.config`, jaas("scram.ScramLoginModule")],
      [`${at}.scram-sha-512.sasl.jaas.config`, jaas("scram.ScramLoginModule")],
      [
        `${at}.oauthbearer.sasl.jaas.config`,
        jaas("oauthbearer.OAuthBearerLoginModule", 'unsecuredLoginStringClaim_sub="alice"'),
      ],
    ];
  });
  const settings = [
    ["process.roles", "broker,controller"],
    ["node.id", "1"],
    ["controller.quorum.voters", `1@127.0.0.1:${controller}`],
    ["controller.listener.names", "CONTROLLER"],
    ["inter.broker.listener.name", "PLAIN"],
    [
      "listeners",
      [...names.map((name) => `${name}://127.0.0.1:${ports[name]}`), `CONTROLLER://127.0.0.1:${controller}`].join(","),
    ],
    [
      "advertised.listeners",
      names.map((name) => `${name}://${elsewhere[name] ?? `127.0.0.1:${ports[name]}`}`).join(","),
    ],
    [
      "listener.security.protocol.map",
      [...names.map((name) => `${name}:${listeners[name]}`), "CONTROLLER:PLAINTEXT"].join(","),
    ],
    ["log.dirs", "kafka"],
    ["auto.create.topics.enable", "false"],
    ["offsets.topic.replication.factor", "1"],
    ["offsets.topic.num.partitions", "1"],
    ["transaction.state.log.replication.factor", "1"],
    ["transaction.state.log.min.isr", "1"],
    ["group.initial.rebalance.delay.ms", "0"],
    ["authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"],
    ["super.users", "User:ANONYMOUS;User:alice;User:CN=client"],
    ["log.cleaner.dedupe.buffer.size", "16777216"],
    ["log.cleaner.backoff.ms", "300"],
    ["log.segment.delete.delay.ms", "1000"],
    ...["plain", "scram-sha-256", "oauthbearer"].map((mechanism) => [
      `listener.name.brief.${mechanism}.connections.max.reauth.ms`,
      `${BRIEF_MS}`,
    ]),
    ...secured,
    ...logins,
  ];
  writeFileSync(join(folder, "server.properties"), settings.map(([name, value]) => `${name}=${value}\n`).join(""));
  const classes = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", join(jars, "*")];
  const java = (name: string, args: readonly string[], input = "") =>
    execFileSync(program, [...classes, name, ...args], {
      cwd: folder,
      encoding: "utf8",
      input,
      stdio: ["pipe", "pipe", "pipe"],
    });
  const scram = ["alice", "carol"].flatMap((name) =>
    ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((each) => [
      "--add-scram",
      `${each}=[name=${name},password=${name}-secret]`,
    ]),
  );
  java("kafka.tools.StorageTool", ["format", "-t", "AbcdefghijklmnopqrstuQ", "-c", "server.properties", ...scram]);
  let broker = await run();
  async function run(): Promise<ChildProcess> {
    const log = openSync(join(folder, "broker.log"), "a");
    const child = spawn(program, [...classes, "kafka.Kafka", "server.properties"], {
      cwd: folder,
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    await until(
      "Kafka answers",
      async () => {
        if (child.exitCode !== null) throw new Error(readFileSync(join(folder, "broker.log"), "utf8").slice(-3000));
        return (await clusterAt("127.0.0.1", ports.PLAIN)) !== undefined;
      },
      120_000,
    );
    return child;
  }
  async function kill(): Promise<void> {
    if (broker.exitCode !== null || broker.signalCode !== null) return;
    const ended = once(broker, "exit");
    broker.kill("SIGKILL");
    await ended;
  }
  return {
    folder,
    at: Object.fromEntries(names.map((name) => [name, `127.0.0.1:${ports[name]}`])) as Record<Listener, string>,
    authority: trusted,
    foreignAuthority: pem("foreign.pem", foreign.cert),
    client: store("client.pem", own.issue("client", 30)),
    foreignClient: store("foreign-client.pem", foreign.issue("client", 30)),
    expiredClient: store("expired-client.pem", own.issue("client", -1)),
    java,
    freeze: () => void broker.kill("SIGSTOP"),
    thaw: () => void broker.kill("SIGCONT"),
    kill,
    comeBack: async ({ expired = false } = {}) => {
      if (expired) store("brief.pem", own.issue("127.0.0.1", -1));
      broker = await run();
    },
    setPassword: (user, password) =>
      void java("kafka.admin.ConfigCommand", [
        ...["--bootstrap-server", `127.0.0.1:${ports.PLAIN}`, "--alter", "--entity-type", "users"],
        ...["--entity-name", user, "--add-config", `SCRAM-SHA-256=[password=${password}]`],
      ]),
    stop: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
