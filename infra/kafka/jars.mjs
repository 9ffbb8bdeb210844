// The jars of Apache Kafka and of all that it needs, as jars.txt lists them: SHA-256 and coordinates, as `mvn
// dependency:copy-dependencies` of pom.xml brings them.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../setup/cache.mjs";
import { repositoryOf } from "./repository.mjs";

const AT_ONCE = 8;
const TRIES = 3;

export const jars = readFileSync(join(root, "infra", "kafka", "jars.txt"), "utf8")
  .trim()
  .split("\n")
  .map((line) => {
    const [hash, coordinates] = line.split(/\s+/);
    const [groupId, artifactId, version] = coordinates.split(":");
    return { hash, groupId, artifactId, version, name: `${artifactId}-${version}.jar` };
  });

const hashOf = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Throws when a folder does not hold exactly these jars, whoever has brought them. */
export function assertJars(folder) {
  const there = new Set(readdirSync(folder));
  for (const { name, hash } of jars) {
    if (!there.delete(name)) throw new Error(`${name} did not come`);
    assertHash(name, readFileSync(join(folder, name)), hash);
  }
  if (there.size > 0) throw new Error(`${[...there].join(", ")} came, which infra/kafka/jars.txt does not list`);
}

function assertHash(from, bytes, hash) {
  const found = hashOf(bytes);
  if (found !== hash)
    throw new Error(`${from} is not the file that infra/kafka/jars.txt means: its SHA-256 is ${found}, not ${hash}`);
}

/** Fetches all of them, some at a time, through the proxy that the environment names. Needs the npm packages. */
export async function downloadJars(folder) {
  const [{ default: url }, { EnvHttpProxyAgent, fetch }] = await Promise.all([
    import("mvn-artifact-url"),
    import("undici"),
  ]);
  const repository = repositoryOf(process.env);
  const dispatcher = new EnvHttpProxyAgent();
  const waiting = [...jars];
  const work = async () => {
    for (let jar = waiting.shift(); jar; jar = waiting.shift()) {
      const address = await url.default(jar, repository);
      const bytes = await retried(() => bodyOf(address, fetch, dispatcher));
      assertHash(address, bytes, jar.hash);
      writeFileSync(join(folder, jar.name), bytes);
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  } finally {
    waiting.length = 0;
    await dispatcher.destroy();
  }
}

async function bodyOf(address, fetch, dispatcher) {
  let answer;
  try {
    answer = await fetch(address, { dispatcher });
    if (answer.ok) return Buffer.from(await answer.arrayBuffer());
  } catch (error) {
    throw new Error(`${address} cannot be fetched: ${error.cause?.code ?? error.cause?.message ?? error.message}`);
  }
  throw Object.assign(new Error(`${address} cannot be fetched: HTTP ${answer.status}`), {
    isFinal: answer.status < 500,
  });
}

async function retried(body) {
  for (let tries = 1; ; tries++) {
    try {
      return await body();
    } catch (error) {
      if (error.isFinal || tries === TRIES) throw error;
    }
  }
}
