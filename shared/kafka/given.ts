// The Kafka that somebody names: by --kafka-config, a client.properties as Java's clients have it, and by KAFKA_...
// variables, which are its keys. Reads files and says what is odd; properties.ts knows what it means.
import { readFileSync, statSync } from "node:fs";
import { AppError } from "../errors/errors.ts";
import { setting } from "../runtime/command.ts";
import { file } from "../runtime/location.ts";
import { meantOf } from "../runtime/spelling.ts";
import { used } from "./java-keys.ts";
import { type Given, settingsFrom } from "./properties.ts";
import type { KafkaSettings } from "./settings.ts";

export const kafkaConfigFlag = () =>
  file()
    .optional()
    .describe("client.properties as Java's Kafka clients have it: brokers, TLS, login (docs/guides/kafka.md)");

const variableOf = (key: string) => `KAFKA_${key.toUpperCase().replaceAll(".", "_")}`;
/** What Kubernetes sets for a Service of that name. */
const ofServices = /_(SERVICE_HOST|SERVICE_PORT\w*|PORT|PORT_\d+_(TCP|UDP)\w*)$/;

/**
 * Undefined where nothing names one: then it is the local broker. What the file says is stronger than a variable.
 * Throws USAGE, FILE_MISSING, FILE_UNREADABLE.
 */
export async function givenKafka(
  path: string | undefined,
  env: NodeJS.ProcessEnv,
  warn: (text: string) => void,
): Promise<KafkaSettings | undefined> {
  const given = new Map<string, Given>();
  for (const key of used) {
    const value = setting(env, variableOf(key));
    if (value !== undefined) given.set(key, { value, name: variableOf(key) });
  }
  const value = setting(env, "KAFKA_BROKERS");
  const brokers = value === undefined ? undefined : { value, name: "KAFKA_BROKERS" };
  if (path === undefined && !brokers && !given.has("bootstrap.servers") && !given.has("security.protocol"))
    return undefined;
  mustBeMeant(env, warn);
  if (path !== undefined) {
    const text = read(path);
    const { getProperties } = await import("properties-file"); // only those who give one need it
    for (const [key, value] of Object.entries(getProperties(text)))
      given.set(key, { value, name: `${key} in ${path}` });
    if (isOpen(path) && /password|secret/i.test(text))
      warn(`${path} holds a password and everybody may read it: chmod 600 ${path}`);
  }
  return settingsFrom(given, brokers, read, warn);
}

/** A variable with one letter wrong would leave a login out without a word. */
function mustBeMeant(env: NodeJS.ProcessEnv, warn: (text: string) => void): void {
  const known = used.map(variableOf);
  const strange = Object.keys(env).filter(
    (name) => /^KAFKA_(SASL|SSL|SECURITY)_/.test(name) && !known.includes(name) && !ofServices.test(name),
  );
  for (const name of strange) {
    const meant = meantOf(name, known);
    if (meant !== undefined)
      throw new AppError("USAGE", { what: `${name} is no setting of a Kafka client: did you mean ${meant}?` });
    warn(`${name} has no meaning here and is passed over`);
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new AppError("FILE_MISSING", { what: "no such file", path });
    throw new AppError("FILE_UNREADABLE", { what: message, path }, { cause: error });
  }
}

const isOpen = (path: string) => (statSync(path).mode & 0o004) !== 0;
