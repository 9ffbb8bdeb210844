// What runs here, for `--version`: ours, Node's, and of the library that computes, where the set-up has built it.
import { readFileSync } from "node:fs";

const at = (path: string) => new URL(`../${path}`, import.meta.url);

/** `tributary 0.2.0 (Node 22.21.1, TensorFlow 2.21.0)` */
export function versions(): string {
  const { version } = JSON.parse(readFileSync(at("package.json"), "utf8")) as { version: string };
  return `tributary ${version} (${[`Node ${process.versions.node}`, ...tensorFlow()].join(", ")})`;
}

/** By the wheel that its library is of: to load that takes a second. */
function tensorFlow(): string[] {
  try {
    const wheel = readFileSync(at("node_modules/.tributary/engine-wheel"), "utf8").trim();
    const pinned = readFileSync(at("infra/setup/wheels.txt"), "utf8");
    const found = pinned.split("\n").find((line) => line.startsWith(`${wheel}==`));
    return found === undefined ? [] : [`TensorFlow ${/==(\S+)/.exec(found)![1]}`];
  } catch {
    return []; // the wasm engine computes
  }
}
