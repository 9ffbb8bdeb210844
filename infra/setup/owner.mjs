// Whose checkout this is: who may not write it runs what its owner has set up.
import { accessSync, chmodSync, constants, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, root } from "./cache.mjs";
import { openToAll } from "./open.mjs";
import { readStamp } from "./stamp.mjs";
import { SetupError } from "./steps.mjs";

/** Set up by its owner, and not to be written by us: nothing is to be done, and what is missing the commands tell. */
export function isAnothers() {
  return readStamp("packages") !== undefined && !mayWrite(join(root, "node_modules"));
}

/** Throws before anything is downloaded. */
export function assertWritable() {
  const failed = (path, why) =>
    new SetupError("SETUP_FAILED", `${path} cannot be written (${why.code}). ${remedyOf(path)}`, 3);
  try {
    mkdirSync(cacheFolder, { recursive: true });
  } catch (error) {
    throw failed(cacheFolder, error);
  }
  for (const path of [cacheFolder, root]) {
    try {
      accessSync(path, constants.W_OK);
    } catch (error) {
      throw failed(path, error);
    }
  }
}

const remedyOf = (path) =>
  path === root
    ? "Run `npm run setup` as the owner of the checkout"
    : "Set XDG_CACHE_HOME to a folder that this user may write";

/**
 * What root has cloned into a place of all users is meant for all, whatever root's umask was. Another's checkout keeps
 * its modes.
 */
export function openSources() {
  if (process.getuid?.() !== 0 || statSync(root).uid !== 0) return;
  for (const name of ["infra", "services", "shared", "package.json", "package-lock.json"]) openToAll(join(root, name));
  chmodSync(root, statSync(root).mode | 0o555);
}

function mayWrite(path) {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
