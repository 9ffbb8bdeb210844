// Starts a command of Tributary in place of this process, as well as Node can: same terminal, same exit code, every
// signal handed on once.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";
import { root } from "./cache.mjs";

/** One Ctrl-C reaches us up to twice, from the terminal and from npm. Signals this close together are one. */
const SAME_PRESS_MS = 500;

/** Ends with the child's exit code. */
export function becomeParentOf(args) {
  // Its own process group: the terminal's Ctrl-C reaches it only through us. The channel tells it when we die: then it
  // drains.
  const child = spawn(process.execPath, [join(root, "infra", "tributary.mjs"), ...args], {
    detached: true,
    stdio: ["inherit", "inherit", "inherit", "ipc"],
  });
  const isNew = separate(SAME_PRESS_MS);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      if (isNew(performance.now())) child.kill(signal);
    });
  }
  if (process.env.npm_lifecycle_event) stopWithParent(() => child.kill("SIGTERM"));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      process.exitCode = code ?? 128 + constants.signals[signal];
      resolve();
    });
  });
}

/**
 * npm's shell between us and npm takes a SIGTERM to itself and tells nobody: then our parent is gone, and nobody could
 * stop us any more.
 */
function stopWithParent(stop) {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    stop();
  }, 250);
  timer.unref();
}

/** A function that says whether a signal at a time is a new one or the echo of the one before. */
export function separate(sameWithin) {
  let last = Number.NEGATIVE_INFINITY;
  return (at) => {
    const isNew = at - last > sameWithin;
    if (isNew) last = at;
    return isNew;
  };
}
