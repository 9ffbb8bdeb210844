// Stamps in node_modules say what the checkout was set up from; `npm ci` removes them together with what they speak of.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./cache.mjs";

const folder = join(root, "node_modules", ".tributary");

export function readStamp(name) {
  try {
    return readFileSync(join(folder, name), "utf8");
  } catch {
    return undefined;
  }
}

export function writeStamp(name, text) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), text);
}

export const removeStamp = (name) => rmSync(join(folder, name), { force: true });
