// Where jars come from when Node fetches them: TRIBUTARY_MAVEN_REPOSITORY, else the mirror that Maven's settings name,
// else Maven's usual repository.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { home } from "../setup/cache.mjs";

/** Base address that ends with "/"; undefined: the usual one. */
export function repositoryOf(env) {
  const named = env.TRIBUTARY_MAVEN_REPOSITORY || settingsFiles().map(read).map(mirrorIn).find(Boolean);
  return named?.replace(/\/*$/, "/");
}

const settingsFiles = () => [join(home(), ".m2", "settings.xml"), "/etc/maven/settings.xml"];

function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Address of the first mirror of `central`, or of everything, in a settings.xml. */
export function mirrorIn(xml) {
  const mirrors = xml.replace(/<!--[\s\S]*?-->/g, "").matchAll(/<mirror>([\s\S]*?)<\/mirror>/g);
  for (const [, mirror] of mirrors) {
    const of = (name) => new RegExp(`<${name}>\\s*([^<]*?)\\s*</${name}>`).exec(mirror)?.[1] ?? "";
    const covers = of("mirrorOf")
      .split(",")
      .map((part) => part.trim());
    const isCentral =
      ["central", "*", "external:*"].some((part) => covers.includes(part)) && !covers.includes("!central");
    if (isCentral && of("url")) return of("url").replaceAll("&amp;", "&");
  }
  return undefined;
}
