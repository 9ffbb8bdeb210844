// Stack traces that name the lines of the source. Node's own option reads and parses the map of every module when it is
// loaded, a quarter of what a trainer's start costs; here that is done when somebody looks at a trace.
import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { fileURLToPath } from "node:url";

Error.prepareStackTrace = (error, sites) =>
  [Error.prototype.toString.call(error), ...sites.map((site) => `    at ${inSource(String(site))}`)].join("\n");

function inSource(site) {
  return site.replace(/(file:[^\s()]+):(\d+):(\d+)/, (built, url, line, column) => {
    const { originalSource, originalLine, originalColumn } = mapOf(url)?.findEntry(line - 1, column - 1) ?? {};
    return originalSource
      ? `${fileURLToPath(new URL(originalSource, url))}:${originalLine + 1}:${originalColumn + 1}`
      : built;
  });
}

const maps = new Map();

/** None of a module that runs as it was written, or whose build is gone. */
function mapOf(url) {
  if (!maps.has(url)) maps.set(url, read(`${fileURLToPath(url)}.map`));
  return maps.get(url);
}

function read(path) {
  try {
    return new SourceMap(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return undefined;
  }
}
