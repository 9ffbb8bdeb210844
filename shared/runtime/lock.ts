// One process at a time: a file that names its holder. The lock of a process that is gone does not count, so a kill leaves nothing to clean up.
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { sleep } from "./lifecycle.ts";
import { isAlive } from "./identity.ts";

/** Held by this process. A lock that names its id and is not among them is left of a killed one: in a container every service has the id 1. */
const held = new Set<string>();
let calls = 0;

/** Runs the body while this process holds the lock `file`; waits for another holder. Throws the signal's reason when that fires first. */
export async function exclusively<T>(file: string, signal: AbortSignal | undefined, body: () => Promise<T>): Promise<T> {
  const mine = `${file}.${process.pid}.${++calls}`;
  writeFileSync(mine, String(process.pid));
  try {
    while (!taken(mine, file)) {
      signal?.throwIfAborted();
      await sleep(50, signal);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  held.add(file);
  const release = () => {
    rmSync(file, { force: true });
    held.delete(file);
  };
  process.once("exit", release);
  try {
    return await body();
  } finally {
    process.off("exit", release);
    release();
  }
}

function taken(mine: string, file: string): boolean {
  try {
    linkSync(mine, file); // a link appears with its content: nobody ever reads a lock that names no holder
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  try {
    const holder = Number(readFileSync(file, "utf8"));
    if (holder === process.pid ? !held.has(file) : !isAlive(holder)) rmSync(file, { force: true });
  } catch {
    // released since
  }
  return false;
}
