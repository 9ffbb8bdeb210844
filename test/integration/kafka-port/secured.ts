// For the conformance suite: the secured Kafka that all of it shares, and the ways in, as a client.properties has them.
import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { openKafka } from "../../../shared/kafka/client.ts";
import { givenKafka } from "../../../shared/kafka/given.ts";
import type { Kafka } from "../../../shared/kafka/port.ts";
import { createLog } from "../../../shared/runtime/log.ts";
import { killAll, until } from "../processes.ts";
import { type Listener, type SecuredBroker, startSecured } from "../secured-broker.ts";

/** From the first test on. */
export let secured: SecuredBroker;
/** Takes connections and never answers. */
export let deaf: Server;
const log = createLog("test");
const opened = new Set<Kafka>();

/** To be called once, at the top of the suite. */
export function useSecured(): void {
  beforeAll(async () => {
    deaf = await listening(createServer((socket) => void socket.on("error", () => undefined)));
    secured = await startSecured(portOf(deaf));
  }, 120_000);
  afterAll(async () => {
    killAll();
    await Promise.all([...opened].map((each) => each.close()));
    for (const server of servers) server.close();
    await secured?.stop();
  });
}

const servers: Server[] = [];
/** It ends with the suite. */
export async function listening<S extends Server>(server: S, host = "127.0.0.1"): Promise<S> {
  servers.push(server.listen(0, host));
  await until("it listens", () => server.listening);
  return server;
}

export const portOf = (server: Server) => (server.address() as AddressInfo).port;
export type Pairs = Readonly<Record<string, string>>;
const jaas = (module: string, username: string, password: string) =>
  `org.apache.kafka.common.security.${module} required username="${username}" password="${password}";`;
export const login = (mechanism: string, password: string, username = "alice"): Pairs => ({
  "security.protocol": "SASL_SSL",
  "sasl.mechanism": mechanism,
  "sasl.jaas.config": jaas(
    mechanism === "PLAIN" ? "plain.PlainLoginModule" : "scram.ScramLoginModule",
    username,
    password,
  ),
});
export const trusting = (): Pairs => ({ "ssl.truststore.type": "PEM", "ssl.truststore.location": secured.authority });
export const bearer: Pairs = { "security.protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER" };

/** A bearer token without a signature, as a Kafka that is not told otherwise takes it. */
export function token(sub: string, seconds = 3600): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  return `${part({ alg: "none" })}.${part({ sub, iat: now - 60, exp: now + seconds })}.`;
}

let files = 0;
export function propertiesFile(listener: Listener | string, pairs: Pairs): string {
  const path = join(secured.folder, `client-${files++}.properties`);
  const at = secured.at[listener as Listener] ?? listener;
  const lines = Object.entries({ "bootstrap.servers": at, ...pairs }).map(([key, value]) => `${key} = ${value}\n`);
  writeFileSync(path, lines.join(""), { mode: 0o600 });
  return path;
}

/** Closed with the suite at the latest. */
export async function open(listener: Listener | string, pairs: Pairs = {}): Promise<Kafka> {
  const settings = await givenKafka(propertiesFile(listener, pairs), {}, (warning) => log.debug(warning));
  const kafka = await openKafka(settings!, log);
  opened.add(kafka);
  return kafka;
}
