// The user's cache folder: what was downloaded or built once, shared by all clones. An entry appears whole, by rename,
// or not at all.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** The same rule stands in shared/kafka/broker-files.ts. */
export const cacheFolder = join(process.env.XDG_CACHE_HOME || join(home(), ".cache"), "tributary");

/** A user without a name has none where HOME is not set: nothing is found there, and a set-up says so. */
export function home() {
  try {
    return homedir();
  } catch {
    return "/nonexistent";
  }
}

/** Short hash of texts and of the files below paths: the key of what is made from them. */
export function keyOf(texts, paths = []) {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(`${text}\0`);
  for (const file of paths.flatMap(filesBelow))
    hash
      .update(`${file.slice(root.length)}\0`)
      .update(readFileSync(file))
      .update("\0");
  return hash.digest("hex").slice(0, 16);
}

function filesBelow(path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .filter((name) => name !== "dist" && name !== "node_modules")
    .sort()
    .flatMap((name) => filesBelow(join(path, name)));
}

/** A folder beside `target` to make it in. Removes what set-ups that were killed have left. */
export function workFolderFor(target) {
  const parent = dirname(target);
  mkdirSync(parent, { recursive: true });
  for (const name of readdirSync(parent)) {
    const pid = name.startsWith(`.${basename(target)}-`) ? Number(name.split("-").at(-1)) : Number.NaN;
    if (Number.isInteger(pid) && pid !== process.pid && !isAlive(pid))
      rmSync(join(parent, name), { recursive: true, force: true });
  }
  const work = join(parent, `.${basename(target)}-${process.pid}`);
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work);
  return work;
}

/** Makes a finished folder the entry. When another set-up was first, its entry stays: both are the same. */
export function publish(work, target) {
  try {
    renameSync(work, target);
  } catch (error) {
    if (!existsSync(target)) throw error;
    rmSync(work, { recursive: true, force: true });
  }
}

export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
