// What the pairs of a client.properties, or of KAFKA_... variables, mean: how Kafka is reached. All problems are told
// at once, and no value that may be a secret is told with them. Pure: reading the files that they name is an argument.
import { fileURLToPath } from "node:url";
import { AppError } from "../errors/errors.ts";
import { meantOf } from "../runtime/spelling.ts";
import { addressesIn } from "./addresses.ts";
import { type Compression, compressions } from "./codecs.ts";
import { parseJaas } from "./jaas.ts";
import { type Key, passedOver, strangers, used } from "./java-keys.ts";
import { parsePem } from "./pem.ts";
import { defaults, type KafkaSettings, type Login, type Tls, type TokenSource } from "./settings.ts";

/** What a key was given, and where: for people. */
export interface Given {
  readonly value: string;
  readonly name: string;
}
export type Properties = ReadonlyMap<string, Given>;

const protocols = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"];
/** By the name of Java's login module. */
const modules: Readonly<Record<string, readonly string[]>> = {
  PlainLoginModule: ["PLAIN"],
  ScramLoginModule: ["SCRAM-SHA-256", "SCRAM-SHA-512"],
  OAuthBearerLoginModule: ["OAUTHBEARER"],
};
const mechanisms = Object.values(modules).flat();
const versions: Readonly<Record<string, "TLSv1.2" | "TLSv1.3">> = { "TLSV1.2": "TLSv1.2", "TLSV1.3": "TLSv1.3" };

/**
 * `brokers`: used where the pairs name none. `read` gives the text of a file that they name. `warn` is told of what has
 * no meaning here. Throws USAGE.
 */
export function settingsFrom(
  given: Properties,
  brokers: Given | undefined,
  read: (path: string) => string,
  warn: (text: string) => void,
): KafkaSettings {
  const problems: string[] = [];
  const get = (key: Key) => given.get(key)?.value.trim() || undefined;
  const named = (key: Key) => given.get(key)?.name ?? key;
  /** Runs one part; what it throws is one problem of several. */
  function attempt<T>(key: Key, part: () => T): T | undefined {
    try {
      return part();
    } catch (error) {
      problems.push(
        error instanceof AppError ? String(error.facts.what) : `${named(key)}: ${(error as Error).message}`,
      );
      return undefined;
    }
  }

  const unknown = [...given].filter(([key]) => !(used as readonly string[]).includes(key));
  for (const [key, { name }] of unknown)
    if (!passedOver.has(key) && !strangers.test(key))
      problems.push(`${name} is no setting of a Kafka client${meant(key)}`);
  const idle = unknown.filter(([key]) => passedOver.has(key) || strangers.test(key)).map(([, { name }]) => name);
  if (idle.length > 0) warn(`these have no meaning here and are passed over: ${idle.join(", ")}`);

  const protocol = (get("security.protocol") ?? "PLAINTEXT").toUpperCase();
  if (!protocols.includes(protocol))
    problems.push(`${named("security.protocol")}: give one of ${protocols.join(", ")}`);
  const from = given.get("bootstrap.servers") ?? brokers;
  if (!from) problems.push("bootstrap.servers is missing: give HOST:PORT there, or in KAFKA_BROKERS");
  const addresses = from && attempt("bootstrap.servers", () => addressesIn(from.value, from.name, protocol));

  const usesTls = /SSL$/.test(protocol);
  const usesSasl = /^SASL/.test(protocol);
  const tls = usesTls ? attempt("ssl.truststore.location", () => tlsOf(get, checksName(given), read)) : null;
  const login = usesSasl ? attempt("sasl.jaas.config", () => loginOf(get)) : null;
  for (const [used, prefix, what] of [
    [usesTls, "ssl.", "TLS"],
    [usesSasl, "sasl.", "a login"],
  ] as const)
    if (!used && [...given.keys()].some((key) => key.startsWith(prefix) && !passedOver.has(key)))
      warn(`security.protocol is ${protocol}, without ${what}: what ${prefix}... says is not used`);

  const compression = (get("compression.type") ?? defaults.compression).toLowerCase();
  if (!(compressions as readonly string[]).includes(compression))
    problems.push(`${named("compression.type")}: give one of ${compressions.join(", ")}`);
  const connectMs = Number(get("socket.connection.setup.timeout.ms") ?? defaults.connectMs);
  if (!(connectMs >= 100 && connectMs <= 60_000))
    problems.push(`${named("socket.connection.setup.timeout.ms")}: give 100 to 60000`);

  if (problems.length > 0) throw new AppError("USAGE", { what: problems.join("; ") });
  return {
    brokers: addresses!,
    clientId: get("client.id") ?? defaults.clientId,
    compression: compression as Compression,
    connectMs,
    tls: tls ?? null,
    login: login ?? null,
  };
}

type Get = (key: Key) => string | undefined;

/** Java's clients do not check where nothing stands; a variable that is empty is none. */
const checksName = (given: Properties) =>
  !/^(|none)$/i.test(given.get("ssl.endpoint.identification.algorithm")?.value.trim() ?? "https");

function tlsOf(get: Get, checksName: boolean, read: (path: string) => string): Tls {
  const trusted = pemOf(get, read, "ssl.truststore", get("ssl.truststore.certificates"));
  if (trusted && trusted.certificates === "") throw new Error("ssl.truststore holds no certificate");
  const own = pemOf(get, read, "ssl.keystore", joined(get("ssl.keystore.key"), get("ssl.keystore.certificate.chain")));
  if (own && (own.certificates === "" || own.key === undefined))
    throw new Error("ssl.keystore must hold a private key and its certificate");
  const passphrase = get("ssl.key.password") ?? (own && get("ssl.keystore.password"));
  return {
    options: {
      ...(trusted && { ca: trusted.certificates }),
      ...(own && { cert: own.certificates, key: own.key }),
      ...(passphrase !== undefined && { passphrase }),
      ...versionsOf(get("ssl.enabled.protocols")),
      ...(get("ssl.cipher.suites") !== undefined && { ciphers: get("ssl.cipher.suites")!.split(",").join(":") }),
    },
    checksName,
  };
}

const joined = (...parts: readonly (string | undefined)[]) =>
  parts.some((part) => part !== undefined) ? parts.join("\n") : undefined;

/** Undefined where neither is given. */
function pemOf(
  get: Get,
  read: (path: string) => string,
  store: "ssl.truststore" | "ssl.keystore",
  inline: string | undefined,
) {
  const path = get(`${store}.location`);
  if (path === undefined && inline === undefined) return undefined;
  const text = inline ?? read(path!);
  if (!text.includes("-----BEGIN "))
    throw new Error(
      `${path ?? store} is no PEM, which alone is read here: \`keytool -importkeystore -srckeystore STORE ` +
        "-destkeystore store.p12 -deststoretype PKCS12`, then `openssl pkcs12 -in store.p12 -out store.pem`",
    );
  return parsePem(text);
}

function versionsOf(text: string | undefined) {
  const wanted = (text ?? "").split(",").map((each) => each.trim().toUpperCase());
  const known = wanted.flatMap((each) => versions[each] ?? []).sort();
  return known.length === 0 ? {} : { minVersion: known[0]!, maxVersion: known.at(-1)! };
}

function loginOf(get: Get): Login {
  const config = get("sasl.jaas.config");
  const jaas = config === undefined ? undefined : parseJaas(config);
  const ofModule = jaas && modules[jaas.module];
  if (jaas && !ofModule) throw new Error(`the login module must be one of ${Object.keys(modules).join(", ")}`);
  const mechanism = get("sasl.mechanism")?.toUpperCase() ?? (ofModule?.length === 1 ? ofModule[0] : undefined);
  if (mechanism === undefined || !mechanisms.includes(mechanism))
    throw new Error(`sasl.mechanism: give one of ${mechanisms.join(", ")}`);
  if (ofModule && !ofModule.includes(mechanism))
    throw new Error(`its login module is not that of sasl.mechanism ${mechanism}`);
  if (mechanism === "OAUTHBEARER") return { mechanism, token: tokenOf(get, jaas?.options ?? {}) };
  const { username, password } = jaas?.options ?? {};
  if (username === undefined || password === undefined)
    throw new Error('username="..." and password="..." are missing');
  return { mechanism: mechanism as "PLAIN", username, password };
}

function tokenOf(get: Get, jaas: Readonly<Record<string, string>>): TokenSource {
  const command = get("sasl.oauthbearer.token.command");
  if (command !== undefined) return { from: "command", command };
  const url = get("sasl.oauthbearer.token.endpoint.url");
  if (url === undefined)
    throw new Error("OAUTHBEARER wants sasl.oauthbearer.token.endpoint.url or sasl.oauthbearer.token.command");
  if (url.startsWith("file:")) return { from: "file", path: fileURLToPath(url) };
  if (!URL.canParse(url) || !/^https?:/.test(url)) throw new Error("sasl.oauthbearer.token.endpoint.url is no URL");
  const clientId = get("sasl.oauthbearer.client.credentials.client.id") ?? jaas.clientId;
  const clientSecret = get("sasl.oauthbearer.client.credentials.client.secret") ?? jaas.clientSecret;
  if (clientId === undefined || clientSecret === undefined)
    throw new Error('clientId="..." and clientSecret="..." are missing');
  return { from: "endpoint", url, clientId, clientSecret, scope: get("sasl.oauthbearer.scope") ?? jaas.scope };
}

function meant(key: string): string {
  const found = meantOf(key, [...used, ...passedOver]);
  return found === undefined ? "" : ` (did you mean ${found}?)`;
}
