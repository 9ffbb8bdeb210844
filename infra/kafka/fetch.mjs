// Apache Kafka into the user's cache folder: by Maven where it is (it knows its own mirrors and passwords), else by
// Node. Either way each jar is checked by its hash.
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, publish, root, workFolderFor } from "../setup/cache.mjs";
import { execute } from "../setup/execute.mjs";
import { place } from "../setup/place.mjs";
import { alreadyThere, SetupError } from "../setup/steps.mjs";
import { runs } from "../setup/wheel.mjs";
import { assertJars, downloadJars } from "./jars.mjs";

export { majorOf } from "./java.mjs";

const pom = join(root, "infra", "kafka", "pom.xml");
const version = /<kafka\.version>(.+?)</.exec(readFileSync(pom, "utf8"))[1];
const target = join(cacheFolder, "kafka", version);
const placed = join(root, "node_modules", ".tributary", `kafka-${version}`);

/** `packages`: resolves when the npm packages are in place, which Node's own way needs. */
export async function fetchKafka(packages) {
  if (existsSync(target)) return alreadyThere;
  const work = workFolderFor(target);
  const libs = join(work, "libs");
  try {
    if (runs("mvn", ["--version"]))
      await execute("mvn", ["-q", "-B", "-f", pom, "dependency:copy-dependencies", `-DoutputDirectory=${libs}`]);
    else {
      await packages;
      mkdirSync(libs);
      await downloadJars(libs);
    }
    assertJars(libs);
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    throw new SetupError(
      "SETUP_FAILED",
      `Apache Kafka: ${error.message}\nNothing of it was kept. Check the network, then run \`npm run setup\` ` +
        "again; or name another Maven repository with TRIBUTARY_MAVEN_REPOSITORY, or a Kafka that runs with " +
        "KAFKA_BROKERS",
      3,
    );
  }
  publish(work, target);
}

/** Comes after the npm packages are in place: their installation would wipe it away. */
export const placeKafka = () => place("kafka", target, placed);
