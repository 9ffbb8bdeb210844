// The ways into somebody else's Kafka, held against a real one: each login, each refusal with one clear error, each
// codec that Java's clients write and read, and an end within the drain time whatever the network does.
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import kafkajs from "kafkajs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openKafka } from "../../shared/kafka/client.ts";
import { codecs } from "../../shared/kafka/codecs.ts";
import { givenKafka } from "../../shared/kafka/given.ts";
import type { Kafka } from "../../shared/kafka/port.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { killAll, start, until } from "./processes.ts";
import { type Listener, type SecuredBroker, startSecured } from "./secured-broker.ts";

let secured: SecuredBroker;
/** Takes connections and never answers. */
let deaf: Server;
let [tokens, forwarding]: (Server | undefined)[] = [];
const log = createLog("test");

beforeAll(async () => {
  deaf = createServer((socket) => void socket.on("error", () => undefined)).listen(0, "127.0.0.1");
  await until("it listens", () => deaf.listening);
  secured = await startSecured(portOf(deaf));
}, 120_000);
afterAll(async () => {
  killAll();
  for (const server of [deaf, tokens, forwarding]) server?.close();
  await secured?.stop();
});

const portOf = (server: Server) => (server.address() as AddressInfo).port;
type Pairs = Readonly<Record<string, string>>;
const jaas = (module: string, username: string, password: string) =>
  `org.apache.kafka.common.security.${module} required username="${username}" password="${password}";`;
const login = (mechanism: string, password: string, username = "alice"): Pairs => ({
  "security.protocol": "SASL_SSL",
  "sasl.mechanism": mechanism,
  "sasl.jaas.config": jaas(
    mechanism === "PLAIN" ? "plain.PlainLoginModule" : "scram.ScramLoginModule",
    username,
    password,
  ),
});
const trusting = (): Pairs => ({ "ssl.truststore.type": "PEM", "ssl.truststore.location": secured.authority });
const bearer: Pairs = { "security.protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER" };

/** A bearer token without a signature, as a Kafka that is not told otherwise takes it. */
function token(sub: string, seconds = 3600): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  return `${part({ alg: "none" })}.${part({ sub, iat: now - 60, exp: now + seconds })}.`;
}

let files = 0;
function propertiesFile(listener: Listener | string, pairs: Pairs): string {
  const path = join(secured.folder, `client-${files++}.properties`);
  const at = secured.at[listener as Listener] ?? listener;
  const lines = Object.entries({ "bootstrap.servers": at, ...pairs }).map(([key, value]) => `${key} = ${value}\n`);
  writeFileSync(path, lines.join(""), { mode: 0o600 });
  return path;
}

async function open(listener: Listener | string, pairs: Pairs): Promise<Kafka> {
  const settings = await givenKafka(propertiesFile(listener, pairs), {}, (warning) => log.debug(warning));
  return openKafka(settings!, log);
}

async function writesAndReads(listener: Listener | string, pairs: Pairs): Promise<void> {
  const kafka = await open(listener, pairs);
  try {
    await kafka.ensureTopic("ways", 1);
    const [before] = await kafka.endOffsets("ways");
    await kafka.produce("ways", [{ key: "k", value: "v" }]);
    const [after] = await kafka.endOffsets("ways");
    expect(after!.end).toBe(before!.end + 1);
  } finally {
    await kafka.close();
  }
}

/** The error, and how long it took, ms. */
async function refused(listener: Listener | string, pairs: Pairs): Promise<{ message: string; ms: number }> {
  const from = performance.now();
  const error = await writesAndReads(listener, pairs).then(
    () => new Error("it was let in"),
    (error: Error) => error,
  );
  return { message: error.message, ms: performance.now() - from };
}

describe("let in", () => {
  test.each<[string, Listener, () => Pairs]>([
    ["plainly", "PLAIN", () => ({})],
    [
      "with a client certificate",
      "MUTUAL",
      () => ({ "security.protocol": "SSL", ...trusting(), "ssl.keystore.location": secured.client }),
    ],
    ["with PLAIN", "LOGIN", () => ({ ...login("PLAIN", "alice-secret"), ...trusting() })],
    ["with SCRAM-SHA-256", "LOGIN", () => ({ ...login("SCRAM-SHA-256", "alice-secret"), ...trusting() })],
    ["with SCRAM-SHA-512", "LOGIN", () => ({ ...login("SCRAM-SHA-512", "alice-secret"), ...trusting() })],
    [
      "with a token of a command",
      "LOGIN",
      () => ({ ...bearer, ...trusting(), "sasl.oauthbearer.token.command": `echo ${token("alice")}` }),
    ],
    [
      "by another name that is not checked",
      "RENAMED",
      () => ({ ...login("PLAIN", "alice-secret"), ...trusting(), "ssl.endpoint.identification.algorithm": "" }),
    ],
  ])("%s", (_, listener, pairs) => writesAndReads(listener, pairs()));

  test("with a token of an authority, got by client credentials", async () => {
    const asked: string[] = [];
    tokens = createHttp(async (request, response) => {
      let body = "";
      for await (const piece of request) body += piece;
      asked.push(`${request.headers.authorization} ${body}`);
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ access_token: token("alice"), expires_in: 3600 }));
    }).listen(0, "127.0.0.1");
    await until("it listens", () => tokens!.listening);
    const client = 'clientId="me" clientSecret="s3cret" scope="kafka"';
    await writesAndReads("LOGIN", {
      ...bearer,
      ...trusting(),
      "sasl.oauthbearer.token.endpoint.url": `http://127.0.0.1:${portOf(tokens)}/token`,
      "sasl.jaas.config": `org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required ${client};`,
    });
    const basic = `Basic ${Buffer.from("me:s3cret").toString("base64")}`;
    expect(asked).toEqual([`${basic} grant_type=client_credentials&scope=kafka`]); // one for all connections
  });

  test("by IPv6", async () => {
    const [, port] = secured.at.PLAIN.split(":");
    forwarding = createServer((near) => {
      const far = connect(Number(port), "127.0.0.1");
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const)
        from.on("error", () => to.destroy()).pipe(to);
    }).listen(0, "::1");
    await until("it listens", () => forwarding!.listening);
    await writesAndReads(`[::1]:${portOf(forwarding)}, `, {});
  });
});

describe("refused at once, with one error that says why", () => {
  test.each<[string, Listener, () => Pairs, RegExp]>([
    [
      "a wrong password (PLAIN)",
      "LOGIN",
      () => ({ ...login("PLAIN", "wr0ng"), ...trusting() }),
      /^KAFKA_LOGIN_REFUSED: .*Invalid username or password/,
    ],
    [
      "a wrong password (SCRAM)",
      "LOGIN",
      () => ({ ...login("SCRAM-SHA-512", "wr0ng"), ...trusting() }),
      /^KAFKA_LOGIN_REFUSED: .*invalid credentials/,
    ],
    [
      "a token that is none",
      "LOGIN",
      () => ({ ...bearer, ...trusting(), "sasl.oauthbearer.token.command": "echo wr0ng.wr0ng.wr0ng" }),
      /^KAFKA_LOGIN_REFUSED: Kafka refuses the bearer token: invalid_token/,
    ],
    [
      "a token that has expired",
      "LOGIN",
      () => ({ ...bearer, ...trusting(), "sasl.oauthbearer.token.command": `echo ${token("alice", -300)}` }),
      /^KAFKA_LOGIN_REFUSED: .*invalid_token/,
    ],
    [
      "a command that fails",
      "LOGIN",
      () => ({ ...bearer, ...trusting(), "sasl.oauthbearer.token.command": "echo wr0ng; exit 3" }),
      /^KAFKA_LOGIN_REFUSED: .*token\.command failed \(3\)/,
    ],
    [
      "a certificate that has expired",
      "EXPIRED",
      () => ({ ...login("PLAIN", "wr0ng"), ...trusting() }),
      /^KAFKA_TLS_REFUSED: .*has expired/,
    ],
    [
      "a certificate for another name",
      "RENAMED",
      () => ({ ...login("PLAIN", "wr0ng"), ...trusting() }),
      /^KAFKA_TLS_REFUSED: .*is for kafka\.example, not for 127\.0\.0\.1/,
    ],
    [
      "a certificate of another authority",
      "LOGIN",
      () => ({ ...login("PLAIN", "wr0ng"), "ssl.truststore.location": secured.foreignAuthority }),
      /^KAFKA_TLS_REFUSED: .*another authority/,
    ],
    [
      "no authority that is known",
      "LOGIN",
      () => login("PLAIN", "wr0ng"),
      /^KAFKA_TLS_REFUSED: .*authority that ssl\.truststore does not name/,
    ],
    [
      "no client certificate",
      "MUTUAL",
      () => ({ "security.protocol": "SSL", ...trusting() }),
      /^KAFKA_TLS_REFUSED: .*client certificate/,
    ],
    [
      "a foreign client certificate",
      "MUTUAL",
      () => ({ "security.protocol": "SSL", ...trusting(), "ssl.keystore.location": secured.foreignClient }),
      /^KAFKA_TLS_REFUSED: .*client certificate/,
    ],
    ["no TLS where TLS is spoken", "LOGIN", () => ({}), /^KAFKA_TLS_REFUSED: .*speaks TLS/],
    [
      "TLS where none is spoken",
      "PLAIN",
      () => ({ "security.protocol": "SSL", ...trusting() }),
      /^KAFKA_TLS_REFUSED: .*speaks none/,
    ],
    [
      "no login where one is wanted",
      "LOGIN",
      () => ({ "security.protocol": "SSL", ...trusting() }),
      /^BROKER_UNREACHABLE: .*closes the connection: does security\.protocol fit/,
    ],
    [
      "a login where none is wanted",
      "PLAIN",
      () => ({ ...login("PLAIN", "wr0ng"), "security.protocol": "SASL_PLAINTEXT" }),
      /^KAFKA_LOGIN_REFUSED: .*takes no login/,
    ],
    [
      "no right to make a topic",
      "LOGIN",
      () => ({ ...login("PLAIN", "bob-secret", "bob"), ...trusting() }),
      /^KAFKA_FORBIDDEN: .*create or see the topic/,
    ],
  ])("%s", async (_, listener, pairs, why) => {
    const { message, ms } = await refused(listener, pairs());
    expect(message).toMatch(why);
    expect(message).not.toMatch(/wr0ng|secret/);
    expect(ms).toBeLessThan(8000);
  });

  test("no right to read, though there is one to see: a process ends with the error, and without a secret", async () => {
    const admin = new kafkajs.Kafka({ brokers: [secured.at.PLAIN], logLevel: kafkajs.logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: "seen", numPartitions: 1 }] });
    const { AclResourceTypes: resource, ResourcePatternTypes: pattern, AclOperationTypes: operation } = kafkajs;
    const bob = { principal: "User:bob", host: "*", permissionType: kafkajs.AclPermissionTypes.ALLOW };
    const topic = { ...bob, resourceType: resource.TOPIC, resourceName: "seen", resourcePatternType: pattern.LITERAL };
    const group = {
      ...bob,
      resourceType: resource.GROUP,
      resourceName: "tributary-",
      resourcePatternType: pattern.PREFIXED,
    };
    await admin.createAcls({
      acl: [
        { ...topic, operation: operation.DESCRIBE },
        { ...group, operation: operation.READ },
      ],
    });
    await admin.disconnect();
    const config = propertiesFile("LOGIN", { ...login("PLAIN", "bob-secret", "bob"), ...trusting() });
    const flags = ["--topic", "seen", "--data-dir", join(secured.folder, "bob"), "--kafka-config", config];
    const { code, stderr } = await start(["ingest", ...flags], { TRIBUTARY_LOG_LEVEL: "trace", KAFKA_BROKERS: "" })
      .ended;
    expect(stderr.trimEnd().split("\n").at(-1)).toMatch(/^KAFKA_FORBIDDEN: .*read the topic/);
    expect(code).toBe(3);
    expect(stderr).not.toMatch(/bob-secret|\n\s+at /);
  }, 60_000);

  test("brokers that are named and cannot be reached: told with their names within 15 s", async () => {
    const [ghost, silent] = await Promise.all([refused("GHOST", {}), refused("DEAF", {})]);
    expect(ghost.message).toMatch(
      /^BROKER_UNREACHABLE: .*advertised\.listeners.*kafka\.invalid:9092, its name cannot be resolved/,
    );
    expect(silent.message).toMatch(
      /^BROKER_UNREACHABLE: .*advertised\.listeners.*takes connections and has not answered/,
    );
    expect(Math.max(ghost.ms, silent.ms)).toBeLessThan(15_000);
  }, 30_000);
});

describe("codecs", () => {
  const names = Object.keys(codecs);

  test("what Java's producer packs is read, through a login", async () => {
    const event = (user: string) => `${JSON.stringify({ user, item: "i1", timestamp: 1_700_000_000_000 })}\n`;
    const to = ["--bootstrap-server", secured.at.PLAIN, "--topic", "packed"];
    await (await open("PLAIN", {})).ensureTopic("packed", 1);
    for (const name of ["none", ...names])
      secured.java(
        "org.apache.kafka.tools.ConsoleProducer",
        [...to, "--compression-codec", name],
        event(name).repeat(200),
      );
    const config = propertiesFile("LOGIN", { ...login("SCRAM-SHA-256", "alice-secret"), ...trusting() });
    const flags = ["--topic", "packed", "--data-dir", join(secured.folder, "packed"), "--kafka-config", config];
    const { code, stderr } = await start(["ingest", "--until-end", ...flags], { KAFKA_BROKERS: "" }).ended;
    expect(stderr).toMatch(/"written":1000,"dead":0/);
    expect(code).toBe(0);
  }, 120_000);

  test("what replay packs, Java's consumer reads", async () => {
    const folder = join(secured.folder, "packing");
    mkdirSync(folder);
    const file = join(folder, "events.csv");
    writeFileSync(file, `user,item,timestamp\n${"u1,i1,1700000000000\n".repeat(3000)}`);
    const flags = ["--topic", "repacked", "--data-dir", folder];
    const env = { KAFKA_BOOTSTRAP_SERVERS: secured.at.PLAIN, KAFKA_BROKERS: "" };
    for (const name of names) {
      writeFileSync(file, `user,item,timestamp\n${`${name},i1,1700000000000\n`.repeat(3000)}`);
      const { code, stderr } = await start(["replay", file, "--compression", name, ...flags], env).ended;
      expect([code, stderr]).toEqual([0, expect.stringMatching(/"produced":3000/)]);
    }
    const count = String(3000 * names.length);
    const read = secured.java("org.apache.kafka.tools.consumer.ConsoleConsumer", [
      ...["--bootstrap-server", secured.at.PLAIN, "--topic", "repacked", "--from-beginning", "--max-messages", count],
      ...["--timeout-ms", "20000"],
    ]);
    const lines = read.trimEnd().split("\n");
    for (const name of names) expect(lines.filter((line) => JSON.parse(line).user === name)).toHaveLength(3000);
  }, 120_000);
});

describe("an end within the drain time", () => {
  const DRAIN_MS = 8000;
  /** Its exit code and how long it took after SIGTERM. */
  async function ended({ child, ended }: ReturnType<typeof start>): Promise<{ code: number | null; ms: number }> {
    const from = performance.now();
    child.kill("SIGTERM");
    const { code } = await ended;
    return { code, ms: performance.now() - from };
  }

  test("of whoever waits for a broker that takes connections and never answers", async () => {
    const env = { KAFKA_BROKERS: `127.0.0.1:${portOf(deaf)}` };
    let connections = 0;
    deaf.on("connection", () => connections++);
    const running = ["ingest", "replay synthetic", "serve --http-port 0"].map((command, k) =>
      start([...command.split(" "), "--data-dir", join(secured.folder, `deaf-${k}`)], env),
    );
    await until("all have connected", () => connections >= running.length);
    for (const { code, ms } of await Promise.all(running.map(ended))) {
      expect(code).toBe(0);
      expect(ms).toBeLessThan(DRAIN_MS);
    }
  }, 60_000);

  test("of whoever has read and sent when the broker stops to answer", async () => {
    const env = { KAFKA_BROKERS: secured.at.PLAIN };
    const folder = join(secured.folder, "frozen");
    const flags = ["--topic", "frozen", "--data-dir", folder];
    const replay = start(["replay", "synthetic", "--history", "0", "--rate", "100", ...flags], env);
    const kafka = await open("PLAIN", {});
    await until("something is sent", async () =>
      (await kafka.endOffsets("frozen").catch(() => [])).some(({ end }) => end > 0),
    );
    const ingest = start(["ingest", "--flush-seconds", "1", ...flags], env);
    const committed = new Promise<void>((resolve) =>
      ingest.child.stderr!.on("data", (text) => /assigned/.test(text) && resolve()),
    );
    await committed;
    await kafka.close();
    secured.freeze();
    try {
      const ends = await Promise.all([replay, ingest].map(ended));
      for (const { code, ms } of ends) {
        expect(code).toBe(0);
        expect(ms).toBeLessThan(DRAIN_MS);
      }
    } finally {
      secured.thaw();
    }
  }, 90_000);
});
