// Apache Kafka from Maven into the user's cache folder. services/broker.ts starts it from there.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, publish, root, workFolderFor } from "../setup/cache.mjs";
import { execute } from "../setup/execute.mjs";
import { alreadyThere, SetupError } from "../setup/steps.mjs";

const pom = join(root, "infra", "kafka", "pom.xml");
const version = /<kafka\.version>(.+?)</.exec(readFileSync(pom, "utf8"))[1];
const target = join(cacheFolder, "kafka", version);

/** Throws JAVA_MISSING with what to install: before the set-up starts, not at its end. */
export function checkJava() {
  const java = process.env.JAVA_HOME ? join(process.env.JAVA_HOME, "bin", "java") : "java";
  const major = majorOf(spawnSync(java, ["-version"], { encoding: "utf8" }).stderr ?? "");
  const remedy = "Install one (Debian: `apt-get install openjdk-17-jre-headless`), or set KAFKA_BROKERS to a Kafka that runs";
  if (major === undefined)
    throw new SetupError("JAVA_MISSING", `Apache Kafka needs Java 17 or newer, and there is no \`${java}\`. ${remedy}`, 3);
  if (major < 17) throw new SetupError("JAVA_MISSING", `Apache Kafka needs Java 17 or newer, and \`${java}\` is ${major}. ${remedy}`, 3);
  if (existsSync(target)) return;
  try {
    execFileSync("mvn", ["--version"], { stdio: "ignore" });
  } catch {
    throw new SetupError(
      "JAVA_MISSING",
      "Maven fetches Apache Kafka, and there is no `mvn`. Install it (Debian: `apt-get install maven`), or set KAFKA_BROKERS",
      3,
    );
  }
}

/** 17 of `openjdk version "17.0.15"`, 8 of `java version "1.8.0_292"`. */
export function majorOf(text) {
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(text) ?? [];
  return first === undefined ? undefined : Number(first === "1" ? second : first);
}

export async function fetchKafka() {
  if (existsSync(target)) return alreadyThere;
  const work = workFolderFor(target);
  try {
    await execute("mvn", ["-q", "-B", "-f", pom, "dependency:copy-dependencies", `-DoutputDirectory=${join(work, "libs")}`]);
  } catch (error) {
    throw new SetupError(
      "SETUP_FAILED",
      `Apache Kafka: ${error.message}\nCheck the network, then run \`npm run setup\` again; or set KAFKA_BROKERS`,
      3,
    );
  }
  publish(work, target);
}
